"""Marks written up: the tables, and the pages, which must stay harmless whatever a student wrote."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from course_lib.exercises import looks
from course_tools.errors import CourseError
from course_tools.grading import marks
from course_tools.grading.adjust import adjusted
from course_tools.grading.gradebook import write_gradebook
from course_tools.grading.marks import Mark, Report
from course_tools.grading.pages import (
    LOOKS,
    absent_packages,
    class_page,
    histogram,
    page_of,
    questions,
    submission_page,
    write_pages,
)
from course_tools.project import find_project

NOTEBOOKS = find_project().notebooks
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
HOSTILE = (
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=2">',
    "' onmouseover='window.hacked=3",
    "</style></title></svg><script>window.hacked=4</script>",
    "{{7*7}}{% raw %}",
    "<a href='javascript:window.hacked=5'>marks</a><iframe src='//evil.example'></iframe>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'><link rel=stylesheet href=//evil.example>",
    "<style>@import '//evil.example'; * {display: none}</style>",
)


def report(student="Anna", lesson="09_convolution", points=(2, 0.5), problem="", **facts) -> Report:
    """A report with two exercises, of 2 and 3 points."""
    verdicts = [
        marks.CORRECT if earned == out_of else marks.WRONG for earned, out_of in zip(points, (2, 3), strict=True)
    ]
    found = [
        Mark(name, earned, out_of, verdict, **facts)
        for name, earned, out_of, verdict in zip(("correlate2d", "conv_layer"), points, (2, 3), verdicts, strict=True)
    ]
    return Report(student, lesson, f"{student}/{lesson}.ipynb", found, problem)


def stray(student="Anna") -> Report:
    return Report(student, "", f"{student}/homework.ipynb", [], "Its name ends with no lesson.")


def table(path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.reader(stream))


# --- the tables


def test_one_row_for_every_exercise_in_csv_and_json(tmp_path):
    write_gradebook(tmp_path, [report("Zoë", reason="No.", mistake="Flipped.", seconds=1.234), stray("Ann")])
    heading, *rows = table(tmp_path / "gradebook.csv")
    assert heading == ["student", "lesson", "exercise", "points", "out of", "verdict", "reason", "seconds"]
    assert rows == [
        ["Ann", "", "", "0", "0", "unreadable", "Its name ends with no lesson.", "0"],
        ["Zoë", "09_convolution", "correlate2d", "2", "2", "correct", "Flipped. No.", "1.23"],
        ["Zoë", "09_convolution", "conv_layer", "0.5", "3", "wrong", "Flipped. No.", "1.23"],
    ]
    data = json.loads((tmp_path / "gradebook.json").read_text(encoding="utf-8"))
    assert [[str(row[name]) for name in heading] for row in data] == rows


def test_totals_have_one_row_for_every_student(tmp_path):
    write_gradebook(
        tmp_path,
        [
            report("Chen", points=(1 / 3, 1 / 3)),
            report("Anna", "12_pooling", (2, 3)),
            report("Anna", points=(0, 0)),
            stray("Berit"),
        ],
    )
    assert table(tmp_path / "totals.csv") == [
        ["student", "09_convolution (of 5)", "12_pooling (of 5)", "total"],
        ["Anna", "0", "5", "5"],
        ["Berit", "", "", "0"],
        ["Chen", "0.67", "", "0.67"],
    ]


def test_the_order_of_the_reports_changes_nothing(tmp_path):
    reports = [report(name) for name in ("Émile", "anna", "Zoë", "Berit", "Eva", "Franz")]
    for folder, given in ((tmp_path / "a", reports), (tmp_path / "b", reports[::-1])):
        folder.mkdir()
        write_gradebook(folder, given)
        write_pages(folder, given, NOTEBOOKS)
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
    assert [row[0] for row in table(tmp_path / "a" / "totals.csv")[1:]] == [
        "anna", "Berit", "Émile", "Eva", "Franz", "Zoë",
    ]  # fmt: skip


def test_reports_from_before_an_exercise_came_stand_beside_newer_ones(tmp_path):
    old = report("Anna")
    del old.marks[0]
    write_gradebook(tmp_path, [old, report("Berit")])
    assert table(tmp_path / "totals.csv")[0] == ["student", "09_convolution (of 5)", "total"]
    text = Page(class_page([old, report("Berit")])).text
    assert "Anna ✗ 0.5 0.5" in text and "Berit ✓ 2 ✗ 0.5 2.5" in text


def test_packages_that_are_not_installed_are_counted():
    fault = "No answer came to be: ModuleNotFoundError: No module named 'tqdm' in line 1"
    reports = [
        report("Anna", reason=fault),
        report("Berit", reason=fault),
        report("Chen", reason="No module named 'x'"),
        report("Dora", reason="ModuleNotFoundError: No module named 'course_lessons.convolution.exercises'"),
    ]
    assert absent_packages(reports) == [("tqdm", 2)]
    text = Page(class_page(reports)).text
    assert "2 submissions import tqdm" in text and "python -m pip install tqdm" in text
    assert "Not installed here" not in Page(class_page(reports[2:])).text


# --- by hand


def adjust(tmp_path, text, reports=None):
    (tmp_path / "adjust.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return adjusted(reports or [report("Anna"), report("Zoë", "12_pooling")], tmp_path / "adjust.csv")


def test_a_teacher_sets_points_adds_some_and_comments(tmp_path):
    given = [report("Anna"), report("Zoë", "12_pooling")]
    reports, complaints = adjust(
        tmp_path,
        "student,lesson,exercise,points,extra,comment\n"
        'Anna,09_convolution,conv_layer,3,,"Right, by another way."\n'
        "Anna,09_convolution,correlate2d,,-0.5,Copied.\n"
        "Zoë,12_pooling,,,1.5,A fine proof.\n",
        given,
    )
    assert not complaints and [one.points for one in given] == [2.5, 2.5], "what the program gave stays as it was"
    assert [one.points for one in reports] == [4.5, 4]
    write_gradebook(tmp_path, reports)
    assert [[row[index] for index in (0, 2, 3, 4, 5, 6)] for row in table(tmp_path / "gradebook.csv")[1:]] == [
        ["Anna", "correlate2d", "1.5", "2", "correct", "Set by hand from 2 to 1.5. Copied."],
        ["Anna", "conv_layer", "3", "3", "wrong", "Set by hand from 0.5 to 3. Right, by another way."],
        ["Zoë", "correlate2d", "2", "2", "correct", ""],
        ["Zoë", "conv_layer", "0.5", "3", "wrong", ""],
        ["Zoë", "", "1.5", "0", "by hand", "A fine proof."],
    ]
    assert [row[-1] for row in table(tmp_path / "totals.csv")] == ["total", "4.5", "4"]
    assert "Set by hand from 0.5 to 3. Right, by another way." in Page(submission_page(reports[0], {})).text
    page = Page(submission_page(reports[1], {})).text
    assert "4 of 5 points" in page and "1.5 extra points given by hand are in this sum. A fine proof." in page


@pytest.mark.parametrize(
    "line, says",
    [
        ("Ana,09_convolution,conv_layer,3,,", "line 2: no marks of a student called 'Ana' are kept"),
        ("Anna,09,conv_layer,3,,", "no marks of 'Anna' for the lesson '09'"),
        ("Anna,,,,1,", "no marks of 'Anna' for the lesson ''"),
        ("Anna,09_convolution,conv,3,,", "09_convolution has no exercise 'conv'"),
        ("Anna,09_convolution,,3,,", "extra points need none"),
        ("Anna,09_convolution,conv_layer,all,,", "points is 'all'"),
        ("Anna,09_convolution,conv_layer,nan,,", "points is 'nan'"),
        ("Anna,09_convolution,conv_layer,,inf,", "extra is 'inf'"),
    ],
)
def test_a_line_that_fits_nobody_is_named_and_the_others_are_applied(tmp_path, line, says):
    reports, [complaint] = adjust(
        tmp_path, f"student,lesson,exercise,points,extra,comment\n{line}\nAnna,09_convolution,conv_layer,1,,\n"
    )
    assert says in complaint
    assert reports[0].points == 3


def test_tables_of_adjustments_may_come_from_any_spreadsheet(tmp_path):
    german = "\ufeffstudent;lesson;exercise;points\r\nZoë;12_pooling;conv_layer;1,5\r\n"
    reports, complaints = adjust(tmp_path, german)
    assert not complaints and reports[1].points == 3.5
    for text in (b"student,lesson,\xff\n", "name,points\nAnna,3\n", "", "student,lesson,point\n"):
        with pytest.raises(CourseError, match=r"adjust\.csv"):
            adjust(tmp_path, text)


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("//evil","x")', "＝1"])
def test_no_cell_becomes_a_formula(tmp_path, name):
    write_gradebook(tmp_path, [report(name, reason=name)])
    for file in ("gradebook.csv", "totals.csv"):
        for row in table(tmp_path / file)[1:]:
            assert row[0] == f"'{name}"
    assert table(tmp_path / "gradebook.csv")[1][6] == f"'{name}"
    assert json.loads((tmp_path / "gradebook.json").read_text(encoding="utf-8"))[0]["student"] == name


def test_no_cell_becomes_a_formula_where_semicolons_separate_cells(tmp_path):
    write_gradebook(tmp_path, [report("x;=1+2;", reason="a; -1, b;c;＝2")])
    row = table(tmp_path / "gradebook.csv")[1]
    assert (row[0], row[6]) == ("x;'=1+2;", "a;' -1, b;c;'＝2")


def test_odd_texts_stay_in_their_cell_and_their_line(tmp_path):
    write_gradebook(tmp_path, [report('a\n"b",;\ud800\x1b', reason="one\r\n\ttwo\n" + "x" * 10**6)])
    raw = (tmp_path / "gradebook.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") and raw.count(b"\n") == 3
    row = table(tmp_path / "gradebook.csv")[1]
    assert row[0] == r'a\n"b",;\ud800\x1b'
    assert row[6].startswith("one two xxx") and len(row[6]) == 500 and row[6].endswith("…")


# --- what the pages say


class Page(HTMLParser):
    """The tags of a page, its visible text, and its headings."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.attributes, self.shown, self.headings, self._path = [], [], [], [], []
        self.feed(text)
        assert not self._path, "every tag is closed"
        self.text = " ".join(" ".join(self.shown).split())

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attributes]
        if tag not in ("meta", "br", "wbr", "input"):
            self._path.append(tag)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *pair) for pair in attributes]

    def handle_endtag(self, tag):
        assert self._path.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self._path):
            self.shown.append(data)


def test_every_verdict_looks_like_no_other():
    assert set(LOOKS) == set(marks.VERDICTS)
    assert looks.VERDICTS.items() <= LOOKS.items()
    assert len({look.sign for look in LOOKS.values()}) == len({look.word for look in LOOKS.values()}) == len(LOOKS)


def test_a_submission_page_says_what_was_asked_what_came_out_and_why():
    facts = [("image", "[[1, 2]]"), ("expected", "[[5.5]]"), ("got", "[[6.5]]")]
    one = report(reason="At index 0.", mistake="The kernel came out flipped.", facts=facts, passed=2, total=6)
    text = Page(submission_page(one, questions(NOTEBOOKS / "09_convolution.ipynb"))).text
    for words in (
        "Anna", "09_convolution", "2.5 of 5 points", "correlate2d 2 of 2", "conv_layer 0.5 of 3",
        "Exercise 1. Write it for", "def correlate2d(image, kernel): \"\"\"image (height, width)",
        "✓ Correct", "✗ Not right yet 2 of 6 inputs came out right", "The kernel came out flipped.", "At index 0.",
        "image [[1, 2]] expected [[5.5]] got [[6.5]]",
    ):  # fmt: skip
        assert words in text
    assert "YOUR CODE HERE" not in text and "NotImplementedError" not in text
    assert "Cross-correlation, as in every framework" not in text, "the story before the exercise is not the exercise"


def test_the_students_own_answer_stands_beside_the_verdict_and_is_harmless():
    code = "def conv_layer(x):\n    return x  # </code></pre>" + HOSTILE[0]
    one = report()
    one.marks[1] = replace(one.marks[1], answer=code, answer_in="cell [7]")
    page = submission_page(one, {})
    assert "The answer cell [7] def conv_layer(x): return x # </code></pre><script>" in Page(page).text
    assert HOSTILE[0] not in page and page.count("The answer") == 1


def test_earlier_attempts_are_on_the_page_and_harmless():
    page = submission_page(replace(report(), earlier=["first.ipynb", HOSTILE[0]]), {})
    assert "The last attempt counts. Before it:" in page and "<bdi>first.ipynb</bdi>," in page
    assert HOSTILE[0] not in page and "attempt" not in submission_page(report(), {})


def test_every_exercise_of_every_lesson_says_what_it_asks():
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        asked = questions(notebook)
        assert asked, notebook
        for name, task in asked.items():
            assert "Exercise" in task.text and name in task.code and "$" not in task.text
    assert questions(NOTEBOOKS / "99_none.ipynb") == {}


def test_a_formula_is_readable_without_a_script(tmp_path):
    cells = [
        {"cell_type": "markdown", "source": ["**Exercise 1.** $\\gamma_1 * \\beta * 2$ <b>"]},
        {"cell_type": "code", "source": "x = ...", "metadata": {"nbgrader": {"solution": True, "grade_id": "x"}}},
    ]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}))
    text = questions(tmp_path / "a.ipynb")["x"].text
    assert "<i>γ_1 * β * 2</i>" in text and "&lt;b&gt;" in text


def test_the_class_page_counts(tmp_path):
    reports = [report(f"s{number}", points=(2, 3)) for number in range(4)]
    reports += [report(f"t{number}", points=(0, 0), mistake="Flipped.") for number in range(2)]
    reports += [report("u", points=(1, 0), mistake="Too short."), stray("v")]
    page = class_page(reports)
    text = Page(page).text
    assert "8 students, 8 submissions" in text
    assert "1 file could not be read v : Its name ends with no lesson. ( v/homework.ipynb )" in text
    assert "Mean 1.29 1.71 3" in text
    assert "4 × ✓ Correct 3 × ✗ Not right yet" in text
    assert "Commonest mistakes 2 × Flipped. 1 × Too short." in text
    assert 'aria-label="Points for correlate2d: no points: 2; more than 0, at most 0.5: 0; ' in page
    write_pages(tmp_path, reports, NOTEBOOKS)
    links = re.findall('href="(pages/[^"]*)"', page)
    assert len(set(links)) == 8 and all((tmp_path / link).is_file() for link in links)


@pytest.mark.parametrize("out_of", [1, 2, 3, 4])
def test_each_student_is_in_one_bar(out_of):
    for points in (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1):
        counts = [bar.count for bar in histogram([points * out_of], out_of)]
        assert sum(counts) == 1
        assert counts.index(1) == {0: 0, 0.1: 1, 0.25: 1, 0.5: 2, 0.75: 3, 0.9: 4, 1: 5}[points]


def test_pages_of_withdrawn_students_go_and_others_stay(tmp_path):
    write_pages(tmp_path, [report("Anna"), report("Berit")], NOTEBOOKS)
    write_pages(tmp_path, [report("Berit")], NOTEBOOKS)
    assert [f"pages/{path.name}" for path in (tmp_path / "pages").iterdir()] == [page_of(report("Berit"))]
    assert "Anna" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_a_class_of_nobody(tmp_path):
    write_gradebook(tmp_path, [])
    write_pages(tmp_path, [], NOTEBOOKS)
    assert table(tmp_path / "totals.csv") == [["student", "total"]]


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (apt-get install chromium)")
def test_a_class_of_3000_can_be_sorted_and_searched_by_keyboard(tmp_path):
    from playwright.sync_api import sync_playwright

    points = [(2, number % 31 / 10) for number in range(3000)]
    reports = [report(f"Zoë {number}", points=pair) for number, pair in enumerate(points)]
    reports += [report("Ärmel <b>", "12_pooling", (0, 0))]
    index = tmp_path / "index.html"
    index.write_text(class_page(reports), encoding="utf-8")
    happened = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
        tab.on("console", lambda message: happened.append(message.text))
        tab.on("pageerror", lambda error: happened.append(str(error)))
        tab.goto(index.as_uri())
        rows = "[...document.querySelector('tbody').rows].filter(row => !row.hidden)"

        def column(number: int) -> list[str]:
            return tab.evaluate(f"{rows}.slice(0, 3).map(row => row.cells[{number}].textContent.trim())")

        assert column(0) == ["Zoë 0", "Zoë 1", "Zoë 2"]
        heading = tab.get_by_role("button", name="Student").first
        heading.focus()
        tab.keyboard.press("Enter")
        tab.keyboard.press("Enter")
        assert column(0) == ["Zoë 2999", "Zoë 2998", "Zoë 2997"]
        assert tab.locator("th[aria-sort=descending]").count() == 1
        tab.get_by_role("button", name="Total").first.press("Enter")
        assert column(3) == ["2", "2", "2"] and column(0) == ["Zoë 0", "Zoë 31", "Zoë 62"]
        tab.get_by_role("button", name="Total").first.press("Enter")
        assert column(3) == ["5", "5", "5"]
        tab.get_by_role("searchbox").fill("zoe 299")
        found = tab.evaluate(f"{rows}.map(row => row.cells[0].textContent.trim())")
        assert sorted(found) == sorted(f"Zoë {number}" for number in range(3000) if "299" in str(number))
        assert tab.locator("#search output").inner_text() == "13 of 3001 students"
        tab.get_by_role("searchbox").fill("armel <b>")
        assert tab.locator("#search output").inner_text() == "1 of 3001 students"
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390, "nothing sticks out on a phone"
        assert not happened
        browser.close()


# --- what the pages never do


def hostile_reports() -> list[Report]:
    texts = ("reason", "mistake", "answer", "answer_in")
    found = [report(text, facts=[(text, text)], problem=text, **dict.fromkeys(texts, text)) for text in HOSTILE]
    found += [Report(text, "", text, [], text) for text in HOSTILE]
    return [*found, report("plain", reason="A" * 10**6, facts=[("got", "\u202e" + "B" * 10**6)])]


def all_pages(reports: list[Report]) -> list[str]:
    asked = questions(NOTEBOOKS / "09_convolution.ipynb")
    return [class_page(reports), *(submission_page(one, asked) for one in reports)]


def test_pages_are_sound_and_hold_nothing_that_acts():
    for page in all_pages(hostile_reports()):
        seen = Page(page)
        assert seen.tags.count("script") == ("Marks of the class" in seen.text), "the one that sorts"
        assert not {"img", "iframe", "object", "embed", "link", "form", "base"} & set(seen.tags)
        assert seen.tags.count("style") == 1
        for tag, name, value in seen.attributes:
            assert not name.startswith("on") and name != "style" and name != "src"
            assert name != "href" or value.startswith(("pages/", "#")), (tag, value)
        assert ("html", "lang", "en") in seen.attributes
        assert seen.headings[0] == 1 and seen.headings.count(1) == 1
        assert all(after <= before + 1 for before, after in zip(seen.headings, seen.headings[1:], strict=False))


def test_pages_forbid_scripts_and_remote_content():
    for page in all_pages([report()]):
        [policy] = re.findall('http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "unsafe" not in policy and "http" not in policy
        scripts = re.findall("<script>(.*?)</script>", page, re.DOTALL)
        seals = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
        assert re.findall("script-src 'sha256-(.*?)'", policy) == seals
        assert page.index("Content-Security-Policy") < page.index("<title>") < page.index("<style>")


def test_long_texts_are_cut_with_a_note_and_direction_marks_are_shown():
    page = submission_page(hostile_reports()[-1], {})
    assert len(page) < 50_000
    assert "[cut here: 1,000,000 characters in all]" in page and "[cut here: 1,000,001 characters in all]" in page
    assert "\u202e" not in page and r"\u202eBBB" in page


def test_templates_in_texts_are_not_run():
    for page in all_pages([report("{{7*7}}", reason="{{7*7}}{% if %}")]):
        assert "{{7*7}}" in page and ">49<" not in page


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (apt-get install chromium)")
def test_nothing_a_student_wrote_runs_in_the_browser(tmp_path):
    from playwright.sync_api import sync_playwright

    index = write_pages(tmp_path, hostile_reports(), NOTEBOOKS)
    happened = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page(viewport={"width": 390, "height": 800})
        tab.on("dialog", lambda dialog: happened.append(dialog.message))
        tab.on("console", lambda message: happened.append(message.text))
        tab.on("request", lambda request: request.url.startswith("file:") or happened.append(request.url))
        for path in (index, *sorted((tmp_path / "pages").iterdir())):
            tab.goto(path.as_uri())
            assert tab.evaluate("window.hacked") is None
            assert tab.evaluate("document.documentElement.scrollWidth") <= 390, "nothing sticks out on a phone"
            assert tab.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") != "none", "no style"
        # And if escaping ever failed: the page's own policy stops what is in it.
        leaky = index.read_text(encoding="utf-8").replace("</main>", f"{HOSTILE[0]}{HOSTILE[1]}{HOSTILE[7]}</main>")
        index.write_text(leaky, encoding="utf-8")
        assert not happened
        tab.goto(index.as_uri())
        assert tab.evaluate("window.hacked") is None
        assert tab.locator("main").is_visible()
        assert len([words for words in happened if "Content Security Policy" in words]) >= 3
        browser.close()
