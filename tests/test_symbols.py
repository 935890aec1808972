"""One symbol means one thing: the table that ends lesson 01 is kept by the formulas of all lessons."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from lesson_code import all_lessons

from course_tools.lesson import Lesson

TABLE, HEADING = "01_maths_review", "## The symbols of this course"
QUOTING = "28_trust_no_slide"  # it quotes the formulas of others
_FORMULA = re.compile(r"\$\$.*?\$\$|\$.*?\$", re.DOTALL)


@dataclass(frozen=True)
class Rule:
    """`breaks` finds in a formula a use of `sign`, as the table writes it, that the table does not know.

    With `unless`, the use is as in the table where the lesson's text has one of these words.
    """

    sign: str
    breaks: str
    says: str
    unless: str = ""


RULES = [
    Rule(r"\sigma(\cdot)", r"\\sigma(?!'?\s*(?:\\[bB]igg?l?\s*)?[(\[])|σ(?!\()",
         "σ is the sigmoid, with its bracket; write Var or std for the spread"),
    Rule(r"\mathrm{Var}", r"\\sigma\s*\^|σ²", "the variance is written out, Var"),
    Rule(r"\gamma", r"\\gamma|γ", "γ is the scale of batch normalisation; a margin is ρ",
         unless="batch normali[sz]ation"),
    Rule(r"\rho", r"\\rho(?![A-Za-z])|ρ", "ρ is the margin of lesson 02", unless="margin|longest|Novikoff"),
    Rule(r"\lambda", r"\\lambda|λ", "λ is an eigenvalue; the strength of weight decay is α",
         unless="eigenvalue|curvature"),
    Rule(r"\eta", r"\\eta|η", "η is the learning rate", unless=r"\brate\b"),
    Rule(r"\delta", r"\\delta|δ", "δ is the message to a unit", unless=r"message|\\partial\s*\\ell"),
    Rule(r"\hat y", r"\\hat\s*\{?\s*y|ŷ", "y is the network's output and t the target; there is no ŷ"),
    Rule(r"\ast", r"(?<!\^)(?<!\^\{)(?:\\ast|\*)", "∗ is true convolution, beside ⋆; a product has no sign",
         unless=r"\\star|⋆"),
    Rule(r"\star", r"(?:\\mathbf\s*\{?[wx]\}?|(?<![A-Za-z])[wx]|\\delta)\s*\\times|\\circledast|\\otimes",
         "⋆ is cross-correlation and ∗ convolution; × is between sizes"),
    Rule(r"\odot", r"\\circ(?![A-Za-z])(?!\s*[$}])", "⊙ multiplies entry by entry"),
    Rule(r"\mathcal L", r"\\mathcal\s*\{?\s*[JEC]|(?<![A-Za-z\\_^{])J\s*[=(]",
         "the loss is ℓ, 𝓛 or 𝓜, and none is called J"),
    Rule(r"\log", r"\\ln(?![A-Za-z])", "the natural logarithm is log"),
    Rule("N", r"\\frac\s*\{?1\}?\s*\{?[mMB]\}?(?![A-Za-z])|\\sum_\{?[a-z]=1\}?\^\{?[mMB]\}?(?![A-Za-z])",
         "N is the number of examples"),
    Rule("H", r"(?<![A-Za-z\\])H\s*\\times|\\times\s*H(?![A-Za-z])", "H is a matrix; a height is spelt `height`"),
]  # fmt: skip


def signs() -> str:
    """The first column of the table."""
    cells = [cell.source for cell in all_lessons()[TABLE].cells if HEADING in cell.source]
    (text,) = cells
    rows = [line.split("|")[1] for line in text.partition(HEADING)[2].partition("\n## ")[0].splitlines() if "|" in line]
    return "\n".join([*rows, text])


def complaints(lesson: Lesson) -> Iterator[str]:
    """Each formula in the text of a lesson that uses a symbol otherwise, with its line."""
    texts = [cell for cell in lesson.cells if cell.kind == "markdown"]
    whole = "\n".join(cell.source for cell in texts)
    for cell in texts:
        source = cell.source.partition(HEADING)[0] if lesson.name == TABLE else cell.source
        for formula in _FORMULA.finditer(source):
            for rule in RULES:
                if re.search(rule.breaks, formula[0]) and not (
                    rule.unless and re.search(rule.unless, whole, re.IGNORECASE)
                ):
                    line = cell.line + source[: formula.start()].count("\n")
                    yield f"{cell.file}, line {line}: {' '.join(formula[0].split())}: {rule.says} (table in lesson 01)"


@pytest.mark.parametrize("rule", RULES, ids=[rule.sign for rule in RULES])
def test_each_rule_is_about_a_sign_of_the_table(rule):
    assert re.search(rf"(?<![A-Za-z]){re.escape(rule.sign)}", signs())


@pytest.mark.parametrize("name", sorted(set(all_lessons()) - {QUOTING}))
def test_no_lesson_uses_a_symbol_otherwise(name):
    found = list(complaints(all_lessons()[name]))
    assert not found, "\n".join(found)


def lesson(text: str) -> Lesson:
    template = all_lessons()[TABLE]
    cell = next(cell for cell in template.cells if cell.kind == "markdown")
    return Lesson("99_x", template.card, [type(cell)("markdown", text, "99_x.py", 1)])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (r"The spread $\sigma^2$.", "Var"),
        (r"A unit $\sigma$.", "bracket"),
        (r"The margin $\gamma$.", "batch normalisation"),
        (r"Decay $\lambda w$.", "eigenvalue"),
        (r"A width $\eta$.", "learning rate"),
        (r"A step $\delta$.", "message"),
        (r"Predict $\hat{y}$.", "no ŷ"),
        (r"One line.\n$$x * w$$", "true convolution"),
        (r"Slide $\mathbf w \times \mathbf x$.", "cross-correlation"),
        (r"Minimise $J(w)$.", "called J"),
        (r"$\ln 2$", "log"),
        (r"$\frac{1}{m}\sum_i \ell_i$", "examples"),
    ],
)
def test_what_the_table_does_not_know_is_found(text, says):
    found = list(complaints(lesson(text)))
    assert found and any(says in each for each in found)


@pytest.mark.parametrize(
    "text",
    [
        r"$\sigma(a)$, $\sigma'(a)$ and $\sigma\big(a\big)$",
        r"Batch normalisation has $\gamma$ and $\beta$.",
        r"The learning rate $\eta$, a curvature $\lambda$, a message $\delta$.",
        r"$x * w = x \star \mathrm{rot180}(w)$, $\mathbf x^*$, a kernel of $3 \times 3$, $28 \times 28$",
        r"Not in a formula: J, $a$ and **bold** * stars *",
        r"$\log\sum_k e^{a_k}$ and $\frac1N$",
    ],
)
def test_what_the_table_knows_is_let_be(text):
    assert not list(complaints(lesson(text)))
