"""An exercise as the sandbox gets it: inputs, and how to look at the answer. What is right stays outside."""

from __future__ import annotations

import ast
import inspect
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np

from course_lib.exercises.judge import AnswerKey
from course_lib.exercises.spec import Exercise
from course_tools.grading import wire
from course_tools.grading.needed import Notebook

_OF_KERAS = ("keras", "exercises import models")  # in a probe: it takes the process that has imported Keras


class Question:
    """One exercise with inputs drawn from `seed`: the same for every submission, unknown before."""

    def __init__(self, exercise: Exercise, seed: int):
        self.exercise = exercise
        self._number = zlib.crc32(f"{exercise.lesson}/{exercise.name}".encode())
        self.key = AnswerKey(exercise, exercise.draw(np.random.default_rng([seed, self._number])))

    @property
    def uses_keras(self) -> bool:
        return any(word in (self._probe or "") for word in _OF_KERAS)

    def as_data(self) -> dict:
        """What the sandbox is told, as data for JSON."""
        return {
            "answer": self.exercise.name,
            "arguments": self.exercise.arguments,
            "probe": self._probe,
            "cases": self._cases,
            "seed": self._number,  # of the answer's own random numbers; the seed of the cases stays outside
        }

    @cached_property
    def _cases(self) -> list[list]:
        return [[wire.pack(value) for value in case] for case in self.key.cases]

    @cached_property
    def _probe(self) -> str | None:
        return None if self.exercise.takes_function else probe_source(self.exercise)


def probe_source(exercise: Exercise) -> str:
    """The exercise's probe as a program that defines `probe`, with what it needs of its module and nothing else."""
    source = Path(inspect.getsourcefile(exercise.oracle)).read_text(encoding="utf-8")
    probe, others = None, []
    for node in ast.parse(source).body:
        decorators = [ast.unparse(each) for each in getattr(node, "decorator_list", [])]
        if f"{exercise.name}.probe" in decorators:
            probe = node
        elif not any(_declares(words) for words in decorators):
            others.append(node)
    probe.name, probe.decorator_list = "probe", []
    program = Notebook([ast.unparse(node) for node in [*others, probe]]).program("probe")
    return "\n".join(program.cells[cell] for cell, _ in program.picks)


def _declares(decorator: str) -> bool:
    """Whether a function with this decorator is an oracle, a mistake, or draws cases: not for the sandbox."""
    words = (".cases", ".mistake(", ".known_mistakes", ".probe")
    return decorator.startswith("exercise(") or any(word in decorator for word in words)
