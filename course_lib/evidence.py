"""Records of long experiments: declared beside a lesson, run once by `course evidence`, read in the lesson.

    # course_lessons/alexnet/evidence.py
    @experiment(seeds=5)
    def ablation(seed):                       # may take minutes; yields rows
        for variant in VARIANTS:
            yield {"variant": variant, "test_error": train(variant, seed)}

    # in the lesson
    rows = evidence("ablation")               # a table, one row for every row that every seed gave
    compare(rows, "variant", "test_error")    # means, spread, and paired 95 % intervals

    # course_lessons/alexnet/claims.py: sentences of the lesson, and what in the record carries them
    @claim("Without both dense layers the error is higher.", record="ablation")
    def _(rows):
        return compare(rows, "variant", "test_error").loc["no dense layers", "low"] > 0

A record is a CSV file, `evidence/ablation.csv` in the lesson's room. Comments at its head say how it came about.
"""

from __future__ import annotations

import hashlib
import importlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from course_lib.rooms import current_lesson, room

if TYPE_CHECKING:
    import pandas

_CLAIMS: dict[str, list[Claim]] = {}  # module: what it declares

FORMAT = 1  # of the records that this version writes, and the newest that it reads


class EvidenceError(RuntimeError):
    """A record is missing, broken or cannot be compared; one sentence says which and what to do."""

    def _render_traceback_(self) -> list[str]:
        return [f"\N{WARNING SIGN} {self}"]


@dataclass(frozen=True)
class Experiment:
    """A function of a seed that yields rows (column -> number or word), and how many seeds it is to be run with."""

    run: Callable[[int], Iterable[dict]]
    seeds: int


@dataclass
class Record:
    """What an experiment gave: `head` says how it came about, `rows` hold a `seed` and what was yielded."""

    head: dict[str, str]
    rows: pandas.DataFrame

    @property
    def seeds(self) -> list[int]:
        return sorted(set(self.rows["seed"].tolist()))


def experiment(*, seeds: int) -> Callable[[Callable], Experiment]:
    """Decorator: an experiment, to be recorded with the seeds 0 to `seeds` - 1. A claim needs 5 at least."""
    return lambda run: Experiment(run, seeds)


@dataclass(frozen=True)
class Claim:
    """A sentence of a lesson about an effect or a cause, and the test that its record must pass."""

    sentence: str
    record: str
    holds: Callable[[pandas.DataFrame], bool]


def claim(sentence: str, record: str) -> Callable[[Callable], Claim]:
    """Decorator: `holds(rows)` tells whether the record carries `sentence`, which the lesson has word for word."""

    def declare(holds: Callable) -> Callable:
        _CLAIMS.setdefault(holds.__module__, []).append(Claim(sentence, record, holds))
        return holds

    return declare


def claims(lesson: str) -> list[Claim]:
    """The claims of a lesson, from the claims.py of its room."""
    module = f"{room(lesson)}.claims"
    importlib.import_module(module)
    return _CLAIMS[module]


def evidence(name: str, lesson: str | None = None) -> pandas.DataFrame:
    """The record of experiment `name`, of the lesson that is open or of the one named: a row for each row it gave.

    Raises EvidenceError for a record that is not there, is broken, or was written by a newer version of the course.
    """
    lesson = lesson or current_lesson()
    folder = files(room(lesson)) / "evidence"
    file = folder / f"{name}.csv"
    if not file.is_file():
        there = [path.name.removesuffix(".csv") for path in folder.iterdir()] if folder.is_dir() else []
        known = f"There is {', '.join(sorted(there))}" if there else "There is none"
        raise EvidenceError(
            f"Lesson {lesson} has no record {name!r}. {known}. `course evidence {lesson}:{name}` makes it."
        )
    return read_record(file.read_text(encoding="utf-8"), f"{lesson}: evidence/{name}.csv").rows


def compare(rows: pandas.DataFrame, by: str, value: str, against=None) -> pandas.DataFrame:
    """Mean and spread of `value` for each kind of `by`, and how far each is from the kind `against`, seed by seed.

    Columns: mean, deviation (of the seeds), seeds; difference (of the means, to `against`: by default the first kind
    in the rows), and low and high, the ends of its paired 95 % interval by Student's t distribution. An interval that
    leaves out zero says that the difference is more than chance; it assumes that differences are about normal.

    Raises EvidenceError for unknown columns, kinds without the same seeds, or more than one row for a kind and seed.
    """
    import pandas
    from scipy.stats import t

    for column in ("seed", by, value):
        if column not in rows:
            raise EvidenceError(f"The rows have no column {column!r}; they have {', '.join(rows.columns)}.")
    if rows.duplicated(["seed", by]).any():
        raise EvidenceError(f"Some {by} has several rows for one seed: choose among them or average them first.")
    table = rows.pivot(index="seed", columns=by, values=value)[list(dict.fromkeys(rows[by]))]
    if table.isna().any().any():
        raise EvidenceError(f"Not every {by} has a {value} for every seed, so they cannot be paired.")
    base = table.columns[0] if against is None else against
    if base not in table:
        raise EvidenceError(f"{base!r} is no {by}; there is {', '.join(map(str, table.columns))}.")
    gaps = table.sub(table[base], axis=0)
    reach = t.ppf(0.975, len(table) - 1) * gaps.std() / len(table) ** 0.5
    found = {"mean": table.mean(), "deviation": table.std(), "seeds": table.count(), "difference": gaps.mean()}
    return pandas.DataFrame(found | {"low": gaps.mean() - reach, "high": gaps.mean() + reach}).drop(
        columns=[] if len(table.columns) > 1 else ["difference", "low", "high"]
    )


def at_best_rate(rows: pandas.DataFrame, by: str | list[str], score) -> pandas.DataFrame:
    """Of each kind of `by` (a column, or several) all rows at its best rate: that of the lowest mean `score`.

    score: a column, or a number for each row; rows where it is nan have no say. Lesson 15 builds this.

    Raises EvidenceError for unknown columns, and for a kind without a score at any rate.
    """
    kinds = [by] if isinstance(by, str) else list(by)
    for column in [*kinds, "rate", *([score] if isinstance(score, str) else [])]:
        if column not in rows:
            raise EvidenceError(f"The rows have no column {column!r}; they have {', '.join(rows.columns)}.")
    means = rows.assign(score=rows[score] if isinstance(score, str) else score).groupby([*kinds, "rate"]).score.mean()
    if not means.notna().groupby(kinds).any().all():
        raise EvidenceError(f"Not every {' and '.join(kinds)} has a score at any rate.")
    best = set(means.dropna().groupby(kinds).idxmin())
    return rows[[place in best for place in rows[[*kinds, "rate"]].itertuples(index=False, name=None)]]


def read_record(text: str, file: str) -> Record:
    """The record in `text`; `file` is how messages call it. Raises EvidenceError if anything about it is amiss."""
    import pandas

    lines = text.splitlines(keepends=True)
    comments = [line for line in lines if line.startswith("# ")]
    head = dict(line[2:].rstrip("\n").split(": ", 1) for line in comments if ": " in line)
    if not head.get("format", "").isdecimal() or "digest" not in head:
        raise EvidenceError(f"{file} is broken: its head does not say what it is. Run the experiment again.")
    if int(head["format"]) > FORMAT:
        raise EvidenceError(f"{file} was written by a newer version of the course. Update the course to read it.")
    body = "".join(lines[len(comments) :])
    if _digest(body) != head["digest"]:
        raise EvidenceError(f"{file} was changed after it was recorded, or is cut off. Run the experiment again.")
    return Record(head, pandas.read_csv(io.StringIO(body), keep_default_na=False, na_values=["nan"]))


def record_text(record: Record) -> str:
    """What is written for a record: its head as comments, then its rows with 7 significant digits."""
    body = record.rows.to_csv(index=False, float_format="%.7g", na_rep="nan", lineterminator="\n")
    head = record.head | {"format": str(FORMAT), "digest": _digest(body)}
    return "".join(f"# {key}: {value}\n" for key, value in head.items()) + body


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:16]
