"""Work for the workers of a Dask cluster, seen from here: `course grade --cluster` and `course evidence --cluster`.

This end decides which workers may work (`crew_member.introduce`), how much is under way, and what becomes of it when a
worker is gone for good. Dask carries, and gives the work of a worker that died to another one. What goes out is bytes,
what comes back is JSON.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from types import ModuleType

from course_tools import crew_member
from course_tools.errors import CourseError
from course_tools.grading.intake import printable

_INSTALL = 'in the folder of the course, run  python -m pip install -e ".[cluster]"'
_EVERY = 1.0  # seconds; how often to look who is there
_MOST_TROUBLES = 3  # workers that could not do a piece of work, until that ends the run
_KEPT = "What was done so far is kept, and the same command goes on."


class ClusterError(CourseError):
    """The cluster cannot go on; what was done is kept."""

    status = 1


def dask() -> ModuleType:
    """The package `distributed`. Raises `CourseError` if it is not installed."""
    try:
        import distributed
    except ModuleNotFoundError:
        raise CourseError(f"A cluster needs Dask; {_INSTALL}") from None
    return distributed


@dataclass(frozen=True)
class Work:
    """What is to be done with each piece: `task(settings, bytes)` by a worker, with the bytes that `pack` makes of it.

    `task` returns what `crew_member.answer` makes. Where `pack` gives None, there is nothing to ask. `ahead` pieces for
    each worker are under way: one that runs, and those that make up for the time on the way.
    """

    task: Callable[[str, bytes], str]
    settings: str
    pack: Callable[[Hashable], bytes | None]
    name: Callable[[Hashable], str]
    sandbox: bool
    ahead: int


class Crew:
    """The workers of the scheduler at `address`; `say` gets what a person should know on the way.

    Where no worker is there, it waits for one, `patience` seconds.
    """

    def __init__(self, address: str, say: Callable[[str], None], patience: float = 60):
        self._dask, self._address, self._say, self._patience = dask(), address, say, patience

    def spread(self, pieces: Iterable[Hashable], work: Work) -> Iterator[tuple[Hashable, dict | None]]:
        """Each piece with what a worker said of it, as soon as it is there. Raises `ClusterError`."""
        _hush()
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(lambda *_: None)  # of what Dask leaves behind when it is closed
        run = _Run(self._dask, self._address, self._say, self._patience, work, pieces)
        try:
            loop.run_until_complete(run.connect())
            while run.left:
                yield from loop.run_until_complete(run.step())
        finally:
            loop.run_until_complete(run.close())
            loop.close()
        run.complain()


@dataclass
class _Asked:
    """A piece of work that is under way, and the workers that may have it."""

    piece: Hashable
    workers: set[str]


class _Run:
    """One run over a cluster, step by step, in one thread."""

    def __init__(
        self, dask: ModuleType, address: str, say: Callable[[str], None], patience: float, work: Work, pieces: Iterable
    ):
        self._dask, self._address, self._say, self._patience, self._work = dask, address, say, patience, work
        self._client = self._looking = None
        self._waiting: deque[Hashable] = deque(pieces)
        self._asked: dict[asyncio.Task, _Asked] = {}
        self._meeting: dict[asyncio.Task, str] = {}
        self._workers: set[str] = set()  # those that may work
        self._refused: set[str] = set()
        self._names: dict[str, str] = {}
        self._troubles: dict[Hashable, int] = {}
        self._lost: list[Hashable] = []
        self._error: ClusterError | None = None  # to be raised when all that came with it was handed over
        self._next_look, self._alone_since, self._has_had_workers = 0.0, 0.0, False

    @property
    def left(self) -> bool:
        return bool(self._waiting or self._asked or self._error)

    async def connect(self) -> None:
        try:
            self._client = self._dask.Client(
                self._address, asynchronous=True, set_as_default=False, timeout=min(30, self._patience)
            )
            await self._client
        except Exception as error:  # of many kinds: nobody there, no such address, no certificate
            words = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ClusterError(f"No scheduler answers at {printable(self._address)}: {words.rstrip('.')}.") from None

    async def close(self) -> None:
        tasks = [*self._asked, *self._meeting, *filter(None, [self._looking])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close(timeout=5)

    async def step(self) -> list[tuple[Hashable, dict | None]]:
        """Wait until something has happened; what came of it. Raises `ClusterError`."""
        if self._error:
            raise self._error
        found = self._send()
        if self._looking is None and time.monotonic() >= self._next_look:
            self._looking = asyncio.create_task(self._look())
        under_way = [*self._asked, *self._meeting, *filter(None, [self._looking])]
        if found:
            return found
        if not under_way:
            await asyncio.sleep(_EVERY / 5)
            return []
        done, _ = await asyncio.wait(under_way, timeout=_EVERY, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            try:
                found += self._done(task)
            except ClusterError as error:
                self._error = error
        return found

    def _done(self, task: asyncio.Task) -> list[tuple[Hashable, dict]]:
        if task is self._looking:
            self._looking, self._next_look = None, time.monotonic() + _EVERY
            self._seen(task)
        elif task in self._meeting:
            self._met(self._meeting.pop(task), task)
        elif task in self._asked:
            return self._answered(self._asked.pop(task), task)
        return []

    def complain(self) -> None:
        """Raise `ClusterError` if there are pieces that ended every worker that had them."""
        if self._lost:
            names = ", ".join(map(self._name, self._lost[:5]))
            more = f" and {len(self._lost) - 5} more" if len(self._lost) > 5 else ""
            raise ClusterError(
                f"Not done, since one worker after the other ended while it had them: {names}{more}. {_KEPT}"
            )

    def _send(self) -> list[tuple[Hashable, dict | None]]:
        """Give out as much as keeps the workers busy; the pieces of which there is nothing to ask."""
        found = []
        while self._waiting and len(self._asked) < self._work.ahead * len(self._workers):
            piece = self._waiting.popleft()
            packed = self._work.pack(piece)
            if packed is None:
                found.append((piece, None))
            else:
                workers = set(self._workers)
                self._asked[asyncio.create_task(self._ask(packed, workers))] = _Asked(piece, workers)
        return found

    async def _ask(self, packed: bytes, workers: set[str]) -> str:
        work = self._work
        future = self._client.submit(work.task, work.settings, packed, workers=sorted(workers), pure=False)
        try:
            return await future
        finally:
            future.release()

    def _answered(self, asked: _Asked, task: asyncio.Task) -> list[tuple[Hashable, dict]]:
        piece = asked.piece
        try:
            said = json.loads(task.result())
        except (asyncio.CancelledError, CancelledError):
            raise self._gone() from None
        except self._dask.KilledWorker:
            self._lost.append(piece)
            return []
        except Exception as error:  # of a worker, or of the way from there
            said = {"worker": "", "trouble": f"{type(error).__name__}: {error}"}
        if "trouble" not in said:
            return [(piece, said)]
        self._refuse(said["worker"], said["trouble"])
        self._troubles[piece] = self._troubles.get(piece, 0) + 1
        if self._troubles[piece] >= _MOST_TROUBLES:
            raise ClusterError(f"{self._name(piece)} could not be done on the cluster: {said['trouble']}. {_KEPT}")
        self._waiting.appendleft(piece)
        return []

    def _name(self, piece: Hashable) -> str:
        return printable(self._work.name(piece))

    async def _look(self) -> set[str]:
        return set(await self._client.nthreads())

    def _seen(self, task: asyncio.Task) -> None:
        """Who is there: meet the new ones, forget those that are gone, and ask others for what only they had."""
        if self._client.status != "running":
            raise self._gone()
        try:
            there = task.result()
        except Exception:
            raise self._gone() from None
        self._workers &= there
        self._refused &= there
        for task, worker in self._meeting.items():
            if worker not in there:
                task.cancel()
        for worker in there - self._workers - self._refused - set(self._meeting.values()):
            self._meeting[asyncio.create_task(self._meet(worker))] = worker
        for task, asked in list(self._asked.items()):
            if not asked.workers & there:
                del self._asked[task]
                task.cancel()
                self._waiting.appendleft(asked.piece)
        self._mind_being_alone()

    def _mind_being_alone(self) -> None:
        if self._workers or self._meeting:
            self._alone_since = 0.0
        elif self._refused and not self._has_had_workers:
            raise ClusterError(f"No worker at {printable(self._address)} can do this. {_KEPT}")
        elif not self._alone_since:
            self._alone_since = time.monotonic()
            self._say(f"No worker is there; waiting for  course cluster worker {printable(self._address)}")
        elif time.monotonic() - self._alone_since > self._patience:
            raise ClusterError(f"No worker came within {self._patience:g} seconds. {_KEPT}")

    async def _meet(self, worker: str) -> tuple[str, str]:
        wanted = crew_member.identity(), self._work.sandbox
        found = await self._client.run(crew_member.introduce, *wanted, workers=[worker], on_error="return")
        if isinstance(found[worker], Exception):
            raise found[worker]
        return found[worker]

    def _met(self, worker: str, task: asyncio.Task) -> None:
        """It may work, or it is refused, with the reason."""
        try:
            self._names[worker], fault = task.result()
        except (asyncio.CancelledError, OSError, KeyError):  # it ended meanwhile
            return
        except (ImportError, AttributeError):
            fault = "the course is not installed there, or another version of it is"
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
        if fault:
            self._refuse(worker, fault)
        else:
            self._workers.add(worker)
            self._has_had_workers = True

    def _refuse(self, worker: str, reason: str) -> None:
        if worker and worker not in self._refused:
            name = f"{self._names[worker]}, {worker}," if worker in self._names else worker
            self._say(f"The worker {printable(name)} is refused: {printable(reason)}.")
            self._refused.add(worker)
        self._workers.discard(worker)

    def _gone(self) -> ClusterError:
        return ClusterError(f"The scheduler at {printable(self._address)} is gone. {_KEPT}")


def run_workers(address: str, options: list[str]) -> None:
    """Become Dask's own command for workers: a process for each core, which does one thing at a time."""
    dask()
    from dask.system import CPU_COUNT

    if reason := crew_member.why_no_walls():
        raise CourseError(f"No worker is started, for there is no sandbox: {reason}.")
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
    os.execv(sys.executable, [*command, "--nworkers", str(CPU_COUNT), "--no-dashboard", *options])


def _hush() -> None:
    """What goes wrong is said in a sentence of ours, once."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", module=r"distributed\b")
