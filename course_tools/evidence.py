"""Run the long experiments of the lessons, seed by seed, and keep what they give: the work of `course evidence`."""

from __future__ import annotations

import ast
import datetime
import hashlib
import importlib
import importlib.metadata
import json
import multiprocessing
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from course_lib.evidence import EvidenceError, Record, read_record, record_text
from course_lib.session import current_scale
from course_tools.build import write_together
from course_tools.claims import standings
from course_tools.drift import Drift
from course_tools.errors import CourseError
from course_tools.grading.needed import Notebook
from course_tools.project import Project, choose_lessons


@dataclass(frozen=True)
class Declared:
    """An experiment as its room declares it, known without running a line of it."""

    project: Project
    lesson: str
    name: str
    seeds: int
    source: str  # of everything in its module that it needs, without comments

    @property
    def label(self) -> str:
        return f"{self.lesson}:{self.name}"

    @property
    def file(self) -> Path:
        return self.project.room(self.lesson) / "evidence" / f"{self.name}.csv"

    @property
    def fingerprint(self) -> str:
        """Changes when anything changes that the experiment runs in its own module; libraries do not count."""
        return hashlib.sha256(self.source.encode()).hexdigest()[:16]

    @cached_property
    def record(self) -> Record | None:
        """What was recorded, if anything. Raises CourseError for a broken or edited record."""
        try:
            return read_record(self.file.read_text(encoding="utf-8"), self.project.relative(self.file))
        except FileNotFoundError:
            return None
        except (EvidenceError, UnicodeDecodeError, ValueError) as error:
            raise CourseError(str(error)) from None

    def kept(self, scale: str) -> Record | None:
        """The record, if it is of this version of the experiment; at the scale "gpu", no smaller one counts."""
        of_this = self.record and self.record.head.get("source") == self.fingerprint
        return self.record if of_this and self.record.head.get("scale") in (scale, "gpu") else None

    def missing(self, seeds: int, scale: str) -> list[int]:
        """The seeds, of 0 to `seeds` - 1, that there are no rows for."""
        known = record.seeds if (record := self.kept(scale)) else []
        return [seed for seed in range(seeds) if seed not in known]

    @property
    def state(self) -> str:
        """In words: "" when its record is complete and of this version."""
        if self.record is None:
            return "never run"
        if self.record.head.get("source") != self.fingerprint:
            return "changed since it was recorded"
        missing = self.missing(self.seeds, "laptop")
        return f"without seed {', '.join(map(str, missing))}" if missing else ""


def declared(project: Project, lesson: str) -> list[Declared]:
    """The experiments of a lesson, in the order of its evidence.py. Raises CourseError, with file and line."""
    path = project.room(lesson) / "evidence.py"
    if not path.is_file():
        return []
    file = project.relative(path)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise CourseError(f"{file}, line {getattr(error, 'lineno', 1)}: it cannot be read: {error}.") from None
    seeds = {node.name: number for node in tree.body if (number := _seeds(node, file))}
    statements = [ast.unparse(_without_words(node)) for node in tree.body]
    whole = Notebook(statements)
    sources = {name: sorted({cell for cell, _ in whole.program(name).picks}) for name in seeds}
    return [
        Declared(project, lesson, name, seeds[name], "\n".join(statements[number] for number in needed))
        for name, needed in sources.items()
    ]


def choose(project: Project, wanted: list[str]) -> list[Declared]:
    """The experiments that a person asked for as LESSON or LESSON:NAME; all of them when none was named."""
    if not wanted:
        return [each for lesson in project.lesson_names() for each in declared(project, lesson)]
    chosen = []
    for given in wanted:
        lesson, _, name = given.partition(":")
        (lesson,) = choose_lessons(project, [lesson])
        there = declared(project, lesson)
        found = [each for each in there if name in ("", each.name)]
        if not found:
            known = f"it has {', '.join(each.name for each in there)}" if there else "it has none"
            raise CourseError(f"Lesson {lesson} has no experiment {name!r}; {known}." if name else
                              f"Lesson {lesson} has no experiments.")  # fmt: skip
        chosen += found
    return list({each.label: each for each in chosen}.values())


def run(
    experiment: Declared,
    seeds: int,
    jobs: int,
    advance: Callable[[int, float], None],
    cluster: str | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Run the missing seeds, `jobs` at a time or on a `cluster`, and write the record anew after each.

    `advance` is called with each seed that is done and its seconds, `say` with what is to be known of the cluster. What
    is done is kept if a later seed fails.

    Raises CourseError for the seed that failed, in one sentence, after the others have been kept.
    """
    scale = current_scale()
    missing = experiment.missing(seeds, scale)
    done, failed = _recorded(experiment.kept(scale)), {}
    devices: set[str] = set()
    work = [(experiment.lesson, experiment.name, seed) for seed in missing]
    with closing(_on_cluster(work, scale, cluster, say) if cluster else _on_this_machine(work, jobs)) as results:
        for seed, rows, seconds, fault, device in results:
            if fault:
                failed[seed] = fault
                continue
            done[seed] = (rows, seconds)
            devices.add(device)
            record = _record(experiment, done, " and ".join(sorted(devices)))
            write_together({experiment.file: record_text(record)})
            advance(seed, seconds)
    if failed:
        seed = min(failed)
        raise CourseError(f"{experiment.label}: seed {seed} failed: {failed[seed]}")


def _on_this_machine(work: list[tuple[str, str, int]], jobs: int) -> Iterator[tuple]:
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(work)), maxtasksperchild=1) as pool:
        for result in pool.imap_unordered(_run_seed, work):
            yield *result, _device()


def _on_cluster(work: list[tuple[str, str, int]], scale: str, address: str, say: Callable[[str], None]) -> Iterator:
    from course_tools import crew  # it needs Dask

    def pack(seed: tuple[str, str, int]) -> bytes:
        return json.dumps(seed).encode()

    to_do = crew.Work(run_for_cluster, scale, pack, lambda one: f"{one[0]}:{one[1]}, seed {one[2]}", False, ahead=1)
    for _, said in crew.Crew(address, say).spread(work, to_do):
        yield said["result"]


def run_for_cluster(scale: str, work: bytes) -> str:
    """On a worker: run a seed in a process of its own."""
    from course_tools.crew_member import answer

    def run_it() -> dict:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "result.json")
            command = [sys.executable, "-m", "course_tools.evidence", work.decode(), str(file)]
            done = subprocess.run(command, env={**os.environ, "COURSE_SCALE": scale}, capture_output=True, check=False)
            if not file.exists():
                last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
                raise RuntimeError(f"the process of a seed ended with status {done.returncode} {' '.join(last)}")
            return {"result": json.loads(file.read_bytes())}

    return answer(run_it)


def _write_seed(work: str, file: str) -> None:
    seed, rows, *rest = _run_seed(tuple(json.loads(work)))
    plain = [{name: value.item() if hasattr(value, "item") else value for name, value in row.items()} for row in rows]
    write_together({Path(file): json.dumps([seed, plain, *rest, _device()])})


def drifts(project: Project, lessons: list[str]) -> Iterator[Drift]:
    """Records that are not what their experiments would give, as far as that can be seen without running them."""
    for lesson in lessons:
        experiments = {each.file: each for each in declared(project, lesson)}
        for experiment in experiments.values():
            try:
                state = experiment.state
            except CourseError as error:
                yield Drift(project.relative(experiment.file), str(error), [])
                continue
            if state:
                reason = f"its experiment is not as recorded ({state}); run  course evidence {experiment.label}"
                yield Drift(project.relative(experiment.file), reason, [])
        for standing in standings(project, lesson):
            if standing.objection:
                file = f"{project.relative(project.room(lesson))}/claims.py"
                yield Drift(file, f"{standing.claim.sentence!r}: {standing.objection}", [])
        for stray in sorted(set((project.room(lesson) / "evidence").glob("*.csv")) - set(experiments)):
            yield Drift(project.relative(stray), "no experiment gives it; delete this file", [])


def _run_seed(work: tuple[str, str, int]) -> tuple[int, list[dict], float, str]:
    """In a process of its own, so that a seed gives the same rows whatever ran before it."""
    lesson, name, seed = work
    from course_lib.quiet import quiet
    from course_lib.rooms import open_lesson, room

    open_lesson(lesson)
    began = time.perf_counter()
    try:
        with quiet():
            experiment = getattr(importlib.import_module(f"{room(lesson)}.evidence"), name)
            if keras := sys.modules.get("keras"):  # an experiment without it starts at once
                keras.utils.set_random_seed(seed)
        began = time.perf_counter()
        rows = [{"seed": seed} | row for row in experiment.run(seed)]
        fault = _objection(rows)
    except Exception as error:
        rows, last = [], traceback.extract_tb(error.__traceback__)[-1]
        fault = f"{type(error).__name__}: {error} ({Path(last.filename).name}, line {last.lineno})"
    return seed, rows, time.perf_counter() - began, fault


def _objection(rows: list[dict]) -> str:
    """What is wrong with the rows of a seed, or ""."""
    if not rows:
        return "it yielded no row."
    for row in rows:
        if list(row) != list(rows[0]):
            return f"every row must have the same columns, and {list(row)} are not {list(rows[0])}."
        for column, value in row.items():
            if not isinstance(value, (str, int, float)) and not hasattr(value, "item"):
                return f"{column} is a {type(value).__name__}; a row holds numbers and words."
    return ""


def _recorded(record: Record | None) -> dict[int, tuple[list[dict], float]]:
    if record is None:
        return {}
    seconds = dict(zip(record.seeds, map(float, record.head["seconds"].split()), strict=True))
    return {seed: (rows.to_dict("records"), seconds[seed]) for seed, rows in record.rows.groupby("seed")}


def _record(experiment: Declared, done: dict[int, tuple[list[dict], float]], device: str) -> Record:
    import pandas

    seeds = sorted(done)
    head = {
        "command": shlex.join(["course", *sys.argv[1:]]),
        "date": datetime.date.today().isoformat(),
        "device": device,
        "scale": current_scale(),
        "seconds": " ".join(f"{done[seed][1]:.1f}" for seed in seeds),
        "versions": _versions(),
        "source": experiment.fingerprint,
    }
    return Record(head, pandas.DataFrame([row for seed in seeds for row in done[seed][0]]))


def _device() -> str:
    cards = [Path(path).name for path in ("/dev/nvidia0",) if os.path.exists(path)]
    return "GPU" if cards else f"CPU, {os.cpu_count()} cores"


def _versions() -> str:
    packages = ("keras", os.environ.get("KERAS_BACKEND", "tensorflow"), "numpy")
    return f"python {platform.python_version()}" + "".join(f", {p} {importlib.metadata.version(p)}" for p in packages)


def _seeds(node: ast.stmt, file: str) -> int | None:
    """How many seeds `@experiment(seeds=...)` on this statement declares; None if it declares no experiment."""
    for decorator in getattr(node, "decorator_list", []):
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "experiment":
            given = {keyword.arg: keyword.value for keyword in decorator.keywords}.get("seeds")
            if isinstance(given, ast.Constant) and type(given.value) is int and given.value > 0:
                return given.value
            raise CourseError(f"{file}, line {decorator.lineno}: write how many seeds: @experiment(seeds=5).")
    return None


def _without_words(node: ast.stmt) -> ast.stmt:
    """Without docstrings, and without the number of seeds: more seeds do not make another experiment."""
    for part in ast.walk(node):
        if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
            first = part.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(part.body) > 1:
                part.body = part.body[1:]
            part.decorator_list = [each for each in part.decorator_list if "experiment" not in ast.unparse(each)]
    return node


if __name__ == "__main__":
    _write_seed(*sys.argv[1:])
