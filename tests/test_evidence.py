"""Records of experiments: run seed by seed, kept whole, read and compared in lessons."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from scipy.stats import ttest_rel
from tiny_course import course, lesson, make_course
from waiting import HANGS, wait_until

import course_lessons
from course_lib import evidence as library
from course_lib.rooms import NoLessonError, open_lesson
from course_tools import evidence
from course_tools.errors import CourseError
from course_tools.grading.sandbox import why_no_walls

EXPERIMENTS = '''
"""What the tests run."""
import os, time
import numpy as np
from course_lib.evidence import experiment

KINDS = ("plain", "better")


def noise(seed):
    return np.random.default_rng(seed).normal()  # the same for both kinds


@experiment(seeds=3)
def race(seed):
    """A docstring."""
    for kind in KINDS:
        yield {"kind": kind, "error": noise(seed) - (kind == "better"), "passes": 4}


@experiment(seeds=2)
def stumbles(seed):
    if seed == 0:
        raise ValueError("no such pictures")
    yield {"x": 1.0}


@experiment(seeds=4)
def slow(seed):
    time.sleep(0 if seed < 2 else float(os.environ.get("NAP", 0)))
    yield {"x": seed}
'''


@pytest.fixture
def project(tmp_path, monkeypatch):
    project = make_course(tmp_path / "course", _70_tried=lesson())
    (project.rooms / "__init__.py").write_text("")
    (project.room("70_tried") / "evidence.py").write_text(EXPERIMENTS)
    monkeypatch.syspath_prepend(str(project.root))  # spawned processes get this path, and so find this room
    monkeypatch.setattr(sys, "argv", ["course", "evidence", "70:race"])
    return project


def find(project, name):
    return next(each for each in evidence.declared(project, "70_tried") if each.name == name)


def run(project, name, seeds=None, jobs=1):
    done = []
    experiment = find(project, name)
    evidence.run(experiment, seeds or experiment.seeds, jobs, lambda seed, seconds: done.append(seed))
    return done


def test_what_is_declared_is_known_without_running_it(project):
    found = evidence.declared(project, "70_tried")
    assert [(each.name, each.seeds, each.state) for each in found] == [
        ("race", 3, "never run"), ("stumbles", 2, "never run"), ("slow", 4, "never run")]  # fmt: skip


def test_a_record_holds_all_rows_and_says_how_it_came_about(project):
    assert run(project, "race", jobs=2) and find(project, "race").state == ""
    record = find(project, "race").record
    assert record.rows.columns.tolist() == ["seed", "kind", "error", "passes"]
    assert record.rows["seed"].tolist() == [0, 0, 1, 1, 2, 2] and record.seeds == [0, 1, 2]
    for seed, kind, error, _ in record.rows.itertuples(index=False):
        assert error == pytest.approx(np.random.default_rng(seed).normal() - (kind == "better"), rel=1e-6)
    assert record.head["command"] == "course evidence 70:race" and len(record.head["seconds"].split()) == 3
    assert {"date", "device", "versions", "source", "scale"} <= set(record.head)
    assert run_nothing(project, "race")


def run_nothing(project, name):
    return find(project, name).missing(find(project, name).seeds, "laptop") == []


def test_more_seeds_are_added_to_those_there_are(project):
    assert run(project, "race") == [0, 1, 2]
    assert run(project, "race", seeds=4) == [3]
    assert find(project, "race").record.seeds == [0, 1, 2, 3]


def test_a_seed_that_fails_is_named_and_the_others_are_kept(project):
    with pytest.raises(CourseError, match=r"70_tried:stumbles: seed 0 failed: ValueError: no such pictures"):
        run(project, "stumbles")
    assert find(project, "stumbles").record.seeds == [1] and find(project, "stumbles").state == "without seed 0"


@pytest.mark.skipif(bool(why_no_walls()), reason="`course cluster worker` wants a sandbox")
def test_the_workers_of_a_cluster_give_the_same_rows(project, dask_site):
    assert run(project, "race") == [0, 1, 2]
    alone = find(project, "race").record
    find(project, "race").file.unlink()
    path = os.pathsep.join([str(project.root), str(Path(evidence.__file__).parents[1])])
    here = {"cwd": project.root, "PYTHONPATH": path}
    dask_site.scheduler()
    dask_site.worker("ann", **here)
    assert "70_tried:race: recorded." in dask_site.ended(dask_site.course("evidence", "70:race", **here), 0)
    record = find(project, "race").record
    assert record.rows.equals(alone.rows) and record.head["device"] == alone.head["device"]
    said = dask_site.ended(dask_site.course("evidence", "70:stumbles", **here), 2)
    assert "70_tried:stumbles: seed 0 failed: ValueError: no such pictures" in said
    assert find(project, "stumbles").record.seeds == [1]


def test_killed_it_keeps_what_it_has_and_goes_on(project):
    code = "from course_tools import cli; cli.main()"
    command = [sys.executable, "-c", code, "evidence", "70:slow"]
    path = os.pathsep.join([str(project.root), *filter(None, sys.path)])
    settings = {**os.environ, "PYTHONPATH": path, "NAP": str(HANGS)}
    process = subprocess.Popen(command, cwd=project.root, env=settings, start_new_session=True)
    wait_until(lambda: (record := find(project, "slow").record) and record.seeds == [0, 1], HANGS)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert find(project, "slow").record.seeds == [0, 1]
    assert run(project, "slow") == [2, 3]
    assert find(project, "slow").record.rows["x"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        ("# the same for both kinds", "# of this seed", ""),
        ('"""A docstring."""', '"""Another."""', ""),
        ("raise ValueError", "raise KeyError", ""),  # of another experiment
        ("@experiment(seeds=3)", "@experiment(seeds=4)", "without seed 3"),
        (".normal()", ".random()", "changed since it was recorded"),  # in a helper
        ('"better")', '"best")', "changed since it was recorded"),  # in a constant that it reads
    ],
)
def test_what_makes_another_experiment(project, old, new, state):
    run(project, "race")
    path = project.room("70_tried") / "evidence.py"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    assert find(project, "race").state == state


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda text: text.replace("plain", "plane"), "was changed after it was recorded"),
        (lambda text: text[:-20], "was changed after it was recorded, or is cut off"),
        (lambda text: text.replace("# format: 1", "# format: 9"), "was written by a newer version"),
        (lambda text: "seed,x\n0,1\n", "is broken"),
        (lambda text: "", "is broken"),
    ],
)
def test_a_record_that_is_amiss_is_named(project, capsys, monkeypatch, spoil, expected):
    run(project, "race")
    file = find(project, "race").file
    file.write_text(spoil(file.read_text()))
    ended = course(capsys, monkeypatch, project.root, "evidence", "--check")
    assert ended.status == 1 and f"course_lessons/tried/evidence/race.csv {expected}" in ended.out
    ended = course(capsys, monkeypatch, project.root, "evidence")
    assert ended.status == 2 and expected in ended.err and len(ended.err.splitlines()) == 1


def test_check_names_what_is_out_of_date_or_of_no_experiment(project, capsys, monkeypatch):
    run(project, "race")
    find(project, "race").file.with_name("gone.csv").write_text("")
    ended = course(capsys, monkeypatch, project.root, "evidence", "--check", "70")
    assert ended.status == 1
    assert "evidence/slow.csv: its experiment is not as recorded (never run)" in ended.out
    assert "evidence/gone.csv: no experiment gives it; delete this file." in ended.out
    assert "race.csv" not in ended.out


def test_the_list_has_a_row_for_each_and_the_sum(project, capsys, monkeypatch):
    run(project, "race")
    monkeypatch.setenv("COLUMNS", "120")
    ended = course(capsys, monkeypatch, project.root, "evidence")
    assert ended.status == 0
    for words in ("70_tried:race", "3 of 3", "up to date", "70_tried:slow", "0 of 4", "never run", "all"):
        assert words in ended.out


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("70:rase", "has no experiment 'rase'; it has race, stumbles, slow"),
        ("71", "no lesson is called '71'"),
    ],
)
def test_an_unknown_experiment_is_one_sentence(project, capsys, monkeypatch, given, expected):
    ended = course(capsys, monkeypatch, project.root, "evidence", given)
    assert ended.status == 2 and expected in ended.err


@pytest.mark.parametrize("seeds", ["", "seeds=0", "seeds=MANY"])
def test_the_number_of_seeds_is_written_down(project, seeds):
    path = project.room("70_tried") / "evidence.py"
    path.write_text(EXPERIMENTS.replace("seeds=4", seeds))
    with pytest.raises(CourseError, match=r"course_lessons/tried/evidence.py, line \d+: write how many seeds"):
        evidence.declared(project, "70_tried")


def test_rows_of_other_columns_or_of_arrays_are_refused(project):
    path = project.room("70_tried") / "evidence.py"
    for value, expected in (("[1, 2]", "x is a list"), ("1}; yield {'y': 2", "the same columns")):
        path.write_text(EXPERIMENTS.replace('{"x": seed}', '{"x": ' + value + "}"))
        with pytest.raises(CourseError, match=expected):
            run(project, "slow")


# Claims

CLAIMS = """
from course_lib.evidence import claim, compare

@claim("better has the lower error", record="race")
def _(rows):
    return compare(rows, "kind", "error").loc["better", "high"] < 0

@claim("better has the *higher* error", record="race")
def _(rows):
    return compare(rows, "kind", "error").loc["better", "low"] > 0

@claim("better is cheaper", record="race")
def _(rows):
    return True

@claim("better is quicker", record="rice")
def _(rows):
    return True
"""


def test_a_claim_needs_its_sentence_and_a_record_that_carries_it(project, capsys, monkeypatch):
    room = project.room("70_tried")
    said = "\n# %% [markdown]\n# So **better** has the lower\n# error, better has the higher error, better is quicker\n"
    (room / "70_tried.py").write_text(lesson() + said)
    (room / "claims.py").write_text(CLAIMS)
    monkeypatch.setattr("course_lib.evidence._CLAIMS", {})
    # One more room, and not another package: pytest's import hook knows a package by its name alone.
    monkeypatch.setattr(course_lessons, "__path__", [*course_lessons.__path__, str(project.rooms)])
    run(project, "race")
    ended = course(capsys, monkeypatch, project.root, "evidence", "--check", "70")
    assert ended.status == 1
    assert "'better has the lower error'" not in ended.out
    assert "'better has the *higher* error': the record 'race' does not carry it." in ended.out
    assert "'better is cheaper': the lesson does not say so, word for word." in ended.out
    assert "'better is quicker': its record cannot be asked: Lesson 70_tried has no record 'rice'" in ended.out


# Reading in a lesson


ROWS = pandas.DataFrame(
    {"seed": [0, 1, 2, 3] * 3, "kind": ["plain"] * 4 + ["better"] * 4 + ["same"] * 4,
     "error": [0.5, 0.7, 0.4, 0.6, 0.2, 0.5, 0.3, 0.3, 0.55, 0.68, 0.35, 0.66]}
)  # fmt: skip


def test_intervals_are_those_of_a_paired_t_test():
    found = library.compare(ROWS, "kind", "error")
    values = {kind: rows["error"].to_numpy() for kind, rows in ROWS.groupby("kind")}
    for kind in ("better", "same"):
        wanted = ttest_rel(values[kind], values["plain"]).confidence_interval(0.95)
        np.testing.assert_allclose(found.loc[kind, ["low", "high"]].astype(float), wanted)
        assert found.loc[kind, "mean"] == pytest.approx(values[kind].mean())
        assert found.loc[kind, "deviation"] == pytest.approx(np.std(values[kind], ddof=1))
    assert found.index.tolist() == ["plain", "better", "same"] and (found["seeds"] == 4).all()
    assert library.compare(ROWS, "kind", "error", against="better").loc["plain", "difference"] == pytest.approx(0.225)


@pytest.mark.parametrize(
    ("rows", "arguments", "expected"),
    [
        (ROWS, ("sort", "error"), "no column 'sort'; they have seed, kind, error"),
        (ROWS, ("kind", "error", "best"), "'best' is no kind; there is plain, better, same"),
        (ROWS[:-1], ("kind", "error"), "cannot be paired"),
        (pandas.concat([ROWS, ROWS[:1]]), ("kind", "error"), "several rows for one seed"),
    ],
)
def test_what_cannot_be_compared_is_said(rows, arguments, expected):
    with pytest.raises(library.EvidenceError, match=expected):
        library.compare(rows, *arguments)


RACES = pandas.DataFrame(
    [
        {"seed": seed, "kind": kind, "depth": depth, "rate": rate, "passes": passes, "error": error + 0.01 * seed}
        for kind, depth, rate, passes, error in [
            ("plain", 8, 0.1, 1, 0.9), ("plain", 8, 0.1, 2, 0.2), ("plain", 8, 0.01, 1, 0.3),
            ("plain", 8, 0.01, 2, 0.25),
            ("plain", 20, 0.1, 2, 0.6), ("plain", 20, 0.01, 2, 0.4), ("other", 8, 0.1, 2, float("nan")),
            ("other", 8, 0.01, 2, 0.5),
        ]
        for seed in (0, 1)
    ]
)  # fmt: skip


def rates(rows) -> dict:
    return {kind: set(part.rate) for kind, part in rows.groupby(["kind", "depth"])}


def test_each_kind_is_taken_at_its_own_best_rate():
    last = RACES[RACES.passes == 2]
    assert rates(library.at_best_rate(last, ["kind", "depth"], "error")) == {
        ("plain", 8): {0.1}, ("plain", 20): {0.01}, ("other", 8): {0.01},
    }  # fmt: skip
    assert set(library.at_best_rate(last, "depth", "error").query("depth == 8").rate) == {0.1}


def test_rows_without_a_score_have_no_say_and_come_along():
    by_last = library.at_best_rate(RACES, ["kind", "depth"], RACES.error.where(RACES.passes == 2))
    by_first = library.at_best_rate(RACES[RACES.kind == "plain"], "kind", RACES.error.where(RACES.passes == 1))
    assert rates(by_last)["plain", 8] == {0.1} and set(by_last.passes) == {1, 2}
    assert set(by_first.rate) == {0.01}, "the passes before the last would choose otherwise"


@pytest.mark.parametrize(
    ("by", "score", "expected"),
    [
        ("sort", "error", "no column 'sort'; they have seed, kind, depth, rate, passes, error"),
        ("kind", "loss", "no column 'loss'"),
        (["kind", "depth"], RACES.error.where(RACES.kind == "plain"), "Not every kind and depth has a score"),
    ],
)
def test_what_has_no_best_rate_is_said(by, score, expected):
    with pytest.raises(library.EvidenceError, match=expected):
        library.at_best_rate(RACES, by, score)


def test_a_lesson_reads_its_own_record(tmp_path, monkeypatch):
    monkeypatch.setattr(library, "files", lambda package: tmp_path / package)
    folder = tmp_path / "course_lessons.tried" / "evidence"
    folder.mkdir(parents=True)
    (folder / "race.csv").write_text(library.record_text(library.Record({"source": "x"}, ROWS)))
    open_lesson("70_tried")
    pandas.testing.assert_frame_equal(library.evidence("race"), ROWS)
    with pytest.raises(library.EvidenceError, match=r"no record 'rice'\. There is race\. `course evidence 70_tr"):
        library.evidence("rice")
    with pytest.raises(library.EvidenceError, match="There is none"):
        library.evidence("race", lesson="71_other")
    monkeypatch.setattr("course_lib.rooms._open", None)
    with pytest.raises(NoLessonError):
        library.evidence("race")
