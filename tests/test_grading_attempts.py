"""Several attempts at a lesson: the last counts, or the best; and all of them are listed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_grading_pages import HOSTILE, report, submission_page
from test_grading_run import ANSWER, FLIPPED, GUESSED, LESSON, course, gradebook, hand_in, needs_walls

from course_tools.grading.attempts import BEST, LAST, best_of_each, chosen, each_of, to_grade
from course_tools.grading.intake import Submission, find_submissions
from course_tools.grading.journal import Journal
from course_tools.grading.marks import CORRECT, UNREADABLE, Mark, Report


def attempt(path: str, **facts) -> Submission:
    return Submission("ada", LESSON, path, **facts)


def graded(one: Submission, points: float, problem: str = "") -> tuple[Submission, Report]:
    verdict = UNREADABLE if problem else CORRECT
    return one, Report("ada", LESSON, one.path, [Mark("conv_layer", points, 3, verdict)], problem)


def test_what_counts_is_said_or_remembered_or_the_last():
    assert [chosen(BEST, LAST), chosen(None, BEST), chosen(None, None), chosen(None, ["x"])] == [BEST, BEST, LAST, LAST]


@pytest.mark.parametrize(
    ("earned", "counts"),
    [
        ([(1, ""), (3, ""), (2, "")], 1),
        ([(2, ""), (2, ""), (1, "")], 1),
        ([(0, ""), (0, "Torn."), (0, "Torn.")], 0),
        ([(0, "Torn."), (0, "Torn.")], 1),
    ],
)
def test_the_best_counts_and_of_equally_good_ones_the_last(earned, counts):
    rivals = tuple(attempt(f"{number}.ipynb") for number in range(len(earned)))
    whole = to_grade(replace(rivals[-1], rivals=rivals, earlier=("0.ipynb",), problem="Two files."), BEST)
    assert not whole.earlier and not whole.problem
    reports = [graded(one, *each) for one, each in zip(rivals, earned, strict=True)]
    alone = Submission("ben", LESSON, "b.ipynb")
    every = [*reports[::-1], (alone, replace(reports[0][1], student="ben", file="b.ipynb"))]
    found = list(best_of_each([whole, alone], every))
    assert [(one.student, best.path) for one, best, _ in found] == [("ada", f"{counts}.ipynb"), ("ben", "b.ipynb")]
    assert len(found[0][2].beaten) == len(earned) - 1 and not found[1][2].beaten
    assert not any(text.startswith(f"{counts}.ipynb") for text in found[0][2].beaten)


def test_nothing_comes_out_before_all_attempts_are_graded():
    rivals = (attempt("0.ipynb"), attempt("1.ipynb"))
    whole = to_grade(replace(rivals[-1], rivals=rivals), BEST)
    assert list(best_of_each([whole], [graded(rivals[0], 3)])) == []
    assert each_of(to_grade(replace(rivals[-1], rivals=rivals), LAST)) == (rivals[-1],)


def test_the_best_ones_report_is_kept_and_found_again(tmp_path):
    rivals = (attempt("0.ipynb"), attempt("1.ipynb"))
    whole = to_grade(replace(rivals[-1], rivals=rivals), BEST)
    with Journal(tmp_path / "out") as journal:
        [(one, best, kept)] = best_of_each([whole], [graded(rivals[0], 3), graded(rivals[1], 1)])
        journal.store(best, "key", kept)
        assert journal.load(one, "key") == kept and kept.beaten == ["1.ipynb (1 of 3 points)"]
        assert journal.load(replace(whole, rivals=(attempt("2.ipynb"), rivals[1])), "key") is None, "of no file there"
    with Journal(tmp_path / "out") as journal:
        assert journal.kept() == [kept] and not journal.damaged


def test_the_others_are_on_the_page_and_harmless():
    page = submission_page(replace(report(), beaten=["first.ipynb (1 of 3 points)", HOSTILE[0]]), {})
    assert "Of several attempts the best counts." in page and "first.ipynb (1 of 3 points)" in page
    assert HOSTILE[0] not in page


@needs_walls
def test_the_best_of_an_export_and_the_choice_is_remembered(tmp_path):
    name = "Week 3_ada_attempt_2025-03-0{}-10-20-30_" + LESSON + ".ipynb"
    for day, cells in ((1, FLIPPED), (2, ANSWER), (3, GUESSED)):
        hand_in(tmp_path / "in" / name.format(day), cells)
    hand_in(tmp_path / "in" / "ben" / f"{LESSON}.ipynb", ANSWER)
    hand_in(tmp_path / "in" / "ben" / f"my {LESSON}.ipynb", FLIPPED)
    assert sum(bool(one.problem) for one in find_submissions(tmp_path / "in", [LESSON])) == 1
    done = course(tmp_path / "in", "--out", tmp_path / "out", "--attempts", "best")
    assert f"ada: {name.format(2)} counts, the best attempt; the others: {name.format(1)} (0 of 12" in done.stdout, done
    rows = gradebook(tmp_path / "out")
    assert rows["ada", "correlate2d"]["points"] == rows["ben", "correlate2d"]["points"] == "2"
    done = course(tmp_path / "in", "--out", tmp_path / "out")
    assert "2 of 2 submissions are unchanged" in done.stdout
    done = course(tmp_path / "in", "--out", tmp_path / "out", "--attempts", "last")
    rows = gradebook(tmp_path / "out")
    assert rows["ada", "correlate2d"]["verdict"] == "missing"
    assert rows["ben", "correlate2d"]["points"] == "2", "of two files none is the last, and marks are not taken away"
