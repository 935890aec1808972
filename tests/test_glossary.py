"""The glossary: which bold spans are terms, where each is introduced, and that no lesson uses one before."""

import pytest
from lesson_code import all_lessons

from course_tools import glossary
from course_tools.card import Card
from course_tools.cell import Cell
from course_tools.lesson import Lesson


def lesson(name: str, *cells: str) -> Lesson:
    card = Card(title="A title", summary="", objectives=[], needs=[], minutes=1, data=[])
    return Lesson(name, card, [Cell("markdown", source, f"{name}.py", 10 * n) for n, source in enumerate(cells, 1)])


@pytest.mark.parametrize("bold", ["loss", "fast gradient sign method", "1 × 1 convolution", "All-CNN"])
def test_a_few_words_are_a_term(bold):
    assert glossary.is_term(bold)


@pytest.mark.parametrize(
    "bold", ["Who tells it?", "Exercise 1.", "(a)", "1.", "more digits are read than before", "Note:"]
)
def test_claims_questions_and_numbers_are_none(bold):
    assert not glossary.is_term(bold)


def test_a_term_comes_with_its_sentence_and_its_section():
    text = (
        "## The slope\n\nFirst this. A\n**loss** says, in 1.5 cases of $a. B$ (say), how wrong an answer is. Then that."
    )
    (term,) = glossary.terms_of(lesson("01_a", "Nothing here.", text))
    assert term.name == "loss" and term.section == "The slope" and (term.lesson, term.cell) == ("01_a", 1)
    assert term.sentence == "A loss says, in 1.5 cases of $a. B$ (say), how wrong an answer is."


def test_a_point_of_a_list_is_a_paragraph_of_its_own():
    text = "Two ways:\n\n- **this way**: by hand;\n- **that way**: by machine."
    assert [term.sentence for term in glossary.terms_of(lesson("01_a", text))] == [
        "this way: by hand;",
        "that way: by machine.",
    ]


def early(*lessons: Lesson) -> list[str]:
    terms = [term for each in lessons for term in glossary.terms_of(each)]
    return list(glossary.used_too_early(terms, list(lessons)))


def test_a_use_before_the_introduction_is_found_with_its_line():
    found = early(lesson("01_a", "One line.\n\nMany margins\nare wide."), lesson("02_b", "A **margin** is a gap."))
    assert found == ["01_a.py, line 12: 'margin' is introduced later, in 02_b."]


def test_within_a_lesson_too():
    assert early(lesson("01_a", "A margin helps.", "A **margin** is a gap."))


@pytest.mark.parametrize(
    "text",
    [
        "Lesson 02 will speak of margins.",
        "# On margins",
        "`margin` and $margin$ are code.",
        "The marginal case.",
        "A soft margin is another thing.",
        "## Further reading\n\n- On margins.",
    ],
)
def test_what_is_no_early_use(text):
    of_the_soft = "The **soft margin** gives way."
    assert not early(lesson("00_s", of_the_soft), lesson("01_a", text), lesson("02_b", "A **margin** is a gap."))


def test_no_term_is_introduced_twice_and_none_is_used_before():
    lessons = list(all_lessons().values())
    terms = [term for each in lessons for term in glossary.terms_of(each)]
    first = {}
    twice = [
        f"{term.name}: {first[term.key]}, {term.lesson}"
        for term in terms
        if first.setdefault(term.key, term.lesson) != term.lesson
    ]
    assert not twice, "Set in bold where it is introduced, and only there: " + "; ".join(twice)
    assert not (early := list(glossary.used_too_early(terms, lessons))), "\n".join(early)
