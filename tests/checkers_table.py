"""How strong the checkers are: a row for each exercise, and every fault.

python tests/checkers_table.py                  all lessons
python tests/checkers_table.py 09 residual      those whose lesson or exercise begins so
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import warnings

from lesson_code import all_exercises
from strength import HEAD, Bench, row, total


def main(beginnings: list[str]) -> None:
    warnings.simplefilter("ignore")
    print(HEAD)
    strengths = []
    for lesson, name in all_exercises():
        if not beginnings or any(each.startswith(tuple(beginnings)) for each in (lesson, name)):
            strengths.append(Bench.of(lesson, name).measure())
            print("\n  ".join([row(strengths[-1]), *strengths[-1].faults]), flush=True)
    if strengths:
        print(total(strengths))


if __name__ == "__main__":
    main(sys.argv[1:])
