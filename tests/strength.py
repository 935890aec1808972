"""How strong a checker is: wrong answers made from the right one, right ones in other styles, known mistakes.

All are judged on many seeds. What is not as it should be is a fault, in words.
"""

from __future__ import annotations

import ast
import functools
import pickle
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from lesson_code import all_lessons
from lesson_code import run as run_cells
from mutants.result import in_float32, spoiled_functions, spoiled_values
from mutants.source import mutants
from right_answers import RightAnswer, right_answers

from course_lib.exercises.answer import Outcome, run
from course_lib.exercises.judge import AnswerKey, Verdict, difference
from course_lib.exercises.spec import Exercise, find

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass
class Strength:
    """What a checker made of everything, and its faults in words."""

    lesson: str
    exercise: str
    mutants: int = 0
    killed: int = 0
    equal: int = 0
    right: int = 0
    mistakes: int = 0
    seconds: float = 0.0
    measured: float = 0.0  # what the measuring took
    faults: list[str] = field(default_factory=list)


HEAD = (
    f"{'exercise':<52}{'mutants':>8}{'killed':>7}{'equal':>6}{'right':>6}{'mistakes':>9}"
    f"{'check':>9}{'tested':>8}{'faults':>7}"
)


def row(strength: Strength) -> str:
    """A line of the table."""
    counts = f"{strength.mutants:>8}{strength.killed:>7}{strength.equal:>6}{strength.right:>6}{strength.mistakes:>9}"
    name = f"{strength.lesson} {strength.exercise}"
    return f"{name:<52}{counts}{strength.seconds * 1000:>6.0f} ms{strength.measured:>6.1f} s{len(strength.faults):>7}"


def total(strengths: list[Strength]) -> str:
    """The last line of the table: sums, and the slowest check."""

    def summed(name: str) -> float:
        return sum(getattr(strength, name) for strength in strengths)

    whole = Strength(
        f"{len(strengths)} exercises", "", *map(summed, ("mutants", "killed", "equal", "right", "mistakes"))
    )
    whole.seconds, whole.measured = max(strength.seconds for strength in strengths), summed("measured")
    whole.faults = [fault for strength in strengths for fault in strength.faults]
    return row(whole)


@functools.cache
def equal_mutants(topic: str) -> dict[str, dict[str, str]]:
    """By exercise: the changes that do not change what an answer does, each with the reason.

    They stand in `tests/equal_mutants/TOPIC.toml`, those of an exercise in tables with one reason for several changes.
    """
    path = Path(__file__).parent / "equal_mutants" / f"{topic}.toml"
    listed = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {
        exercise: {change: table["reason"] for table in tables for change in table["changes"]}
        for exercise, tables in listed.items()
    }


@dataclass
class Bench:
    """One exercise with its solution, and the answer keys of many seeds, made once.

    `around` holds what the names of the lesson stand for; `equal` the changes that make no difference, with reasons.
    """

    exercise: Exercise
    source: str
    around: dict
    right: list[RightAnswer] = field(default_factory=list)
    equal: dict[str, str] = field(default_factory=dict)
    _keys: dict[int, AnswerKey] = field(default_factory=dict)
    _telling: Counter[int] = field(default_factory=Counter)  # how many answers were wrong on the case at a place

    @classmethod
    def of(cls, lesson: str, name: str) -> Bench:
        """The bench of an exercise of the course."""
        cells, topic = all_lessons()[lesson].cells, lesson.partition("_")[2]
        return cls(
            exercise=find(lesson, name),
            source=all_lessons()[lesson].exercises[name].source,
            around=run_cells([cell.source for cell in cells if cell.kind == "code"], name),
            right=right_answers(topic).get(name, []),
            equal=equal_mutants(topic).get(name, {}),
        )

    @functools.cached_property
    def builds_model(self) -> bool:
        """Whether the answer builds a Keras model: then it takes seconds."""
        names = {node.id for node in ast.walk(ast.parse(self.source)) if isinstance(node, ast.Name)}
        return not self.exercise.takes_function and "keras" in names

    @functools.cached_property
    def seeds(self) -> list[int]:
        """Those to judge on: 20, models 2; seeds that draw the same cases count once."""
        different = {
            pickle.dumps(self.key(seed).cases): seed for seed in reversed(range(2 if self.builds_model else 20))
        }
        return sorted(different.values())

    @property
    def solution(self):
        return self.around[self.exercise.name]

    def key(self, seed: int) -> AnswerKey:
        if seed not in self._keys:
            self._keys[seed] = AnswerKey(self.exercise, self.exercise.draw(np.random.default_rng(seed)))
        return self._keys[seed]

    def outcomes(self, candidate, seed: int) -> list[Outcome]:
        """What comes of an answer on each case."""
        return [run(self.exercise, candidate, case) for case in self.key(seed).cases]

    def first_look(self, candidate) -> tuple[int | None, str]:
        """The place of a case of the first seed on which an answer is wrong, and the sentence that it gets for it.

        Cases that every seed draws come first, then those that most answers fail; and nothing is run once the answer
        is wrong and no mistake fits.
        """
        key, outcomes, wrong = self.key(0), {}, None
        fitting = range(len(self.exercise.mistakes))
        for place in sorted(range(len(key.cases)), key=lambda place: (place not in self._fixed, -self._telling[place])):
            outcomes[place] = run(self.exercise, candidate, key.cases[place])
            fitting = [each for each in fitting if key.agree(key.mistaken(each, place), outcomes[place])]
            if wrong is None and not self._is_right(key, place, outcomes[place]):
                wrong = place
                self._telling[place] += 1
            if wrong is not None and not fitting:
                return wrong, ""
        sentence = "" if wrong is None else key.verdict([outcomes[place] for place in sorted(outcomes)]).mistake
        return wrong, sentence

    @functools.cached_property
    def _fixed(self) -> set[int]:
        """Places of cases that every seed draws; an answer that is wrong on one of them is wrong on all seeds."""
        first, *others = [[pickle.dumps(case) for case in self.key(seed).cases] for seed in self.seeds]
        return {n for n, case in enumerate(first) if all([case] == cases[n : n + 1] for cases in others)}

    def verdict(self, candidate, seed: int) -> Verdict:
        return self.key(seed).verdict(self.outcomes(candidate, seed))

    def accepts(self, candidate, seed: int, doubtful: int = 0) -> bool:
        """Whether an answer is right on this seed, tried on the most doubtful case first and no further than needed."""
        key = self.key(seed)
        places = sorted(range(len(key.cases)), key=lambda place: place != doubtful)
        return all(self._is_right(key, place, run(self.exercise, candidate, key.cases[place])) for place in places)

    def _is_right(self, key: AnswerKey, place: int, outcome: Outcome) -> bool:
        exercise = self.exercise
        return not (outcome.fault or difference(key.expected[place], outcome.value, exercise.atol, exercise.rtol))

    def wrong_answers(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """Each wrong answer, as words for what was changed and a function that makes it."""
        for mutant in mutants(self.source):
            yield mutant.change, functools.partial(self._defined, mutant.source)
        if self.builds_model:
            from mutants.model import edits, mutated

            for edit in edits(self.solution, self._calls()):
                yield edit.change, functools.partial(mutated, self.solution, edit)
        elif callable(self.solution):
            right = self.outcomes(self.solution, 0)
            parts = len(right[0].value) if isinstance(right[0].value, tuple) else 1
            for words, answer in spoiled_functions(self.solution, parts):
                if not all(map(self._identical, right, self.outcomes(answer, 0))):  # one number has no order to change
                    yield words, lambda answer=answer: answer
        else:
            for words, value in spoiled_values(self.solution):
                yield words, lambda value=value: value

    def _quick(self, answer):
        return _built_once(answer) if self.builds_model else answer

    def _identical(self, one: Outcome, other: Outcome) -> bool:
        return not difference(one.value, other.value, 0, 0)

    def _defined(self, source: str):
        """What `source` defines, with the rest of the lesson around it."""
        name = self.exercise.name
        namespace = {other: value for other, value in self.around.items() if other != name}
        try:
            exec(compile(source, f"<{name}>", "exec"), namespace)
            return namespace[name]
        except Exception as error:  # the change broke it at once
            return functools.partial(_raise, error)

    def _calls(self) -> list[tuple]:
        """With which arguments the probe calls the answer."""
        calls = []

        def recorder(*arguments):
            calls.append(arguments)
            return self.solution(*arguments)

        for case in self.key(0).cases:
            self.exercise.run(recorder, case)
        return calls

    @np.errstate(all="ignore")
    def measure(self) -> Strength:
        """Try everything on all seeds."""
        exercise, begun = self.exercise, time.process_time()
        strength = Strength(exercise.lesson, exercise.name, right=len(self.right), mistakes=len(exercise.mistakes))
        self._judge_wrong_answers(strength)
        strength.seconds = self.seconds()
        faults = self.missing(), self.slow(strength.seconds), self.rejected_right_answers(), self.confused_mistakes()
        strength.faults += [fault for each in faults for fault in each]
        strength.measured = time.process_time() - begun
        return strength

    def _judge_wrong_answers(self, strength: Strength) -> None:
        equal, seen = self.equal, set()
        for change, make in self.wrong_answers():
            candidate = _ending(self._quick(make()), 20 if self.builds_model else 2)
            seen.add(change)
            strength.mutants += 1
            wrong, sentence = self.first_look(candidate)
            accepted = [0] if wrong is None else []
            if wrong not in self._fixed:
                accepted += [seed for seed in self.seeds[1:] if self.accepts(candidate, seed, wrong or 0)]
            if not accepted:
                strength.killed += 1
                if change in equal:
                    strength.faults.append(f"listed as equal, but rejected: {change}")
                elif sentence and not self._is(candidate, sentence):
                    strength.faults.append(f"misnamed: {change}\n    {sentence}")
            elif change in equal and len(accepted) == len(self.seeds):
                strength.equal += 1
            elif change in equal:
                strength.faults.append(f"listed as equal, but right on {len(accepted)} of {len(self.seeds)}: {change}")
            else:
                strength.faults.append(f"accepted on {len(accepted)} of {len(self.seeds)} seeds: {change}")
        if not strength.mutants:
            strength.faults.append("no wrong answer could be made from the solution")
        strength.faults += [f"listed as equal, but there is no such change: {change}" for change in equal.keys() - seen]

    def rejected_right_answers(self) -> Iterator[str]:
        """Right answers that are not taken, of those in other styles and those made from the solution."""
        found = {"the solution": self.solution} | {answer.style: answer.make() for answer in self.right}
        if self.builds_model:
            from mutants.model import right_forms

            found |= {f"its own {words}": answer for words, answer in right_forms(self.solution).items()}
        elif callable(self.solution):
            found["in float32"] = in_float32(self.solution)
        for style, answer in found.items():
            answer = self._quick(answer)
            for seed in range(5 if self.builds_model else 50):
                verdict = self.verdict(answer, seed)
                if not verdict.correct:
                    yield f"right, but rejected on seed {seed}: {style}\n    {verdict.reason}"
                    break

    def confused_mistakes(self) -> Iterator[str]:
        """Known mistakes that are taken for right, or for another mistake, or for none."""
        for number, mistake in enumerate(self.exercise.mistakes):
            for seed in self.seeds:
                key = self.key(seed)
                verdict = key.verdict([key.mistaken(number, case) for case in range(len(key.cases))])
                if verdict.mistake != mistake.message:
                    judged = "accepted" if verdict.correct else f"{verdict.status} without its sentence"
                    yield f"a known mistake is {judged} on seed {seed}: {mistake.message}"
                    break

    def missing(self) -> Iterator[str]:
        """What an exercise has to have besides a checker."""
        file = f"tests/right_answers/{self.exercise.lesson.partition('_')[2]}.py"
        if len(self.right) < 3:
            yield f"three right answers in other styles are needed in {file}; there are {len(self.right)}"
        if len(self.exercise.mistakes) < 2:
            yield f"two known mistakes are needed, each with a sentence; there are {len(self.exercise.mistakes)}"

    def slow(self, seconds: float) -> Iterator[str]:
        """A check that keeps a student waiting, on any machine; the table shows what is merely slow."""
        limit = 5.0 if self.builds_model else 0.5
        if seconds > limit:
            yield f"a check takes {seconds * 1000:.0f} ms; nobody waits longer than {limit * 1000:.0f}"

    def _is(self, candidate, sentence: str) -> bool:
        """Whether an answer is the mistake with this sentence: the same on the cases of every seed."""
        mistakes = [mistake for mistake in self.exercise.mistakes if mistake.message == sentence]
        return not mistakes or any(  # without a mistake, the sentence is the one about guessing
            all(
                self.key(seed).agree(one, other)
                for seed in self.seeds
                for one, other in zip(
                    self.outcomes(candidate, seed),
                    self.outcomes(self.exercise.candidate_of(mistake), seed),
                    strict=True,
                )
            )
            for mistake in mistakes
        )

    def seconds(self, times: int = 5) -> float:
        """What one `check` of the solution takes of a processor, the median of some."""
        taken = []
        for seed in range(times):
            begun = time.process_time()
            key = AnswerKey(self.exercise, self.exercise.draw(np.random.default_rng(seed)))
            key.verdict([run(self.exercise, self.solution, case) for case in key.cases])
            taken.append(time.process_time() - begun)
        return float(np.median(taken))


def _built_once(answer):
    """The answer, building nothing twice for the same arguments: a block of layers is built once, and called again."""
    import keras

    if not callable(answer) or isinstance(answer, keras.Model):
        return answer
    model = functools.cache(answer)

    @functools.cache
    def block(shape, *others):
        x = keras.Input(shape)
        result = answer(x, *others)
        try:
            return keras.Model(x, result) if isinstance(result, keras.KerasTensor) else lambda _: result
        except ValueError:  # not made from x
            return lambda _: result

    @functools.wraps(answer)
    def built(*arguments):
        if arguments and isinstance(arguments[0], keras.KerasTensor):
            x, *others = arguments
            return block(x.shape[1:], *others)(x)
        return model(*arguments)

    return built


def _ending(candidate, seconds: float):
    """The answer, raising an error when a call takes longer or fills the memory; what is no function stays as it is.

    An answer that has not ended once is not waited for as long again.
    """
    if not callable(candidate):
        return candidate
    patience, limit = [seconds], _a_gigabyte_more()  # for all calls together: what one has left behind counts

    @functools.wraps(candidate)
    def limited(*arguments):
        def end(*_):
            patience[:] = [seconds / 20]
            raise TimeoutError("it does not end")

        handler = signal.signal(signal.SIGALRM, end)
        memory = resource.getrlimit(resource.RLIMIT_AS)
        try:  # in two steps: the alarm may come, or memory be wanting, while the inner one is left
            try:
                resource.setrlimit(resource.RLIMIT_AS, (limit, memory[1]))
                signal.setitimer(signal.ITIMER_REAL, *patience)
                result = candidate(*arguments)
                if isinstance(result, list) and "[...]" in repr(result):
                    raise RecursionError("the list is an element of itself, which NumPy would follow for ever")
                return result
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, memory)
            signal.signal(signal.SIGALRM, handler)

    return limited


def _a_gigabyte_more() -> int:
    """A limit for the address space; none where the system does not say how much is in use."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        return resource.RLIM_INFINITY
    return int(pages.read_text().split()[0]) * resource.getpagesize() + 2**30


def _raise(error: Exception, *_):
    raise error
