"""How strong the checkers are: a row for each exercise, and every fault.

python tests/checkers_table.py                  all lessons
python tests/checkers_table.py 09 residual      those whose lesson or exercise begins so
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import warnings

from lesson_code import all_exercises
from strength import Bench, Strength

HEAD = f"{'exercise':<52}{'mutants':>8}{'killed':>7}{'equal':>6}{'right':>6}{'mistakes':>9}{'check':>9}{'faults':>7}"


def row(strength: Strength) -> str:
    name = f"{strength.lesson} {strength.exercise}"
    counts = f"{strength.mutants:>8}{strength.killed:>7}{strength.equal:>6}{strength.right:>6}{strength.mistakes:>9}"
    return f"{name:<52}{counts}{strength.seconds * 1000:>6.0f} ms{len(strength.faults):>7}"


def total(rows: list[Strength]) -> str:
    counts = [sum(getattr(each, name) for each in rows) for name in ("mutants", "killed", "equal", "right", "mistakes")]
    faults = sum(len(each.faults) for each in rows)
    slowest = max(each.seconds for each in rows) * 1000
    words = "{:>8}{:>7}{:>6}{:>6}{:>9}".format(*counts)
    return f"{f'{len(rows)} exercises':<52}{words}{slowest:>6.0f} ms{faults:>7}"


def main(beginnings: list[str]) -> None:
    warnings.simplefilter("ignore")
    print(HEAD)
    rows = []
    for lesson, name in all_exercises():
        if not beginnings or any(each.startswith(tuple(beginnings)) for each in (lesson, name)):
            rows.append(Bench.of(lesson, name).measure())
            print(row(rows[-1]), flush=True)
            for fault in rows[-1].faults:
                print(f"  {fault}", flush=True)
    if rows:
        print(total(rows))


if __name__ == "__main__":
    main(sys.argv[1:])
