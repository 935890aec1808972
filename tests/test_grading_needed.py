"""The slice of a notebook that an answer needs: enough, wherever it stands, and no more."""

from __future__ import annotations

import itertools

import pytest

from course_tools.grading.needed import Notebook

CELLS = [
    "import numpy as np\nimport keras",
    "factor = 3",
    "def helper(x):\n    return factor * x",
    "def answer(x):\n    return helper(np.asarray(x))",
    "model = keras.Sequential()\nmodel.fit(np.zeros(10**9))\nshow(plot(model))",
]


def run(cells: list[str], name: str = "answer") -> dict:
    """Execute the slice as the sandbox does, in the order of the notebook, missing names put off."""
    from course_tools.grading.inside.answer import _run_statements, _Shell

    notebook, namespace = Notebook(cells), {"get_ipython": _Shell}
    program = notebook.program(name)
    fault = _run_statements(program.cells, program.picks, notebook.labels, namespace)
    return {**namespace, "fault": fault}


def sources(cells: list[str], name: str = "answer") -> str:
    import ast

    program = Notebook(cells).program(name)
    return "\n".join(ast.unparse(ast.parse(program.cells[cell]).body[index]) for cell, index in program.picks)


def test_what_the_answer_uses_is_taken_and_the_training_is_not():
    code = sources(CELLS)
    assert "import numpy as np" in code and "factor = 3" in code and "def helper" in code
    assert "keras" not in code and "fit" not in code


@pytest.mark.parametrize("own", ["[factor for {}]", "{{factor for {}}}", "{{factor: 1 for {}}}", "list(factor for {})"])
def test_the_variable_of_a_comprehension_is_not_the_name_it_hides(own):
    cells = [*CELLS, "trained = " + own.format("factor in model.fit(np.zeros(10**9))")]
    assert "trained" not in sources(cells) and run(cells)["answer"](2) == 6
    written = [*CELLS, "trained = " + own.format("other in [5] if (factor := other)").replace("factor", "other", 1)]
    assert "trained" in sources(written)  # a walrus in it does give the cell's name a value


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_any_order_of_cells_gives_the_same_answer(order):
    assert run([CELLS[place] for place in order])["answer"](2) == 6


def test_a_value_that_needs_a_later_cell_is_put_off_until_it_is_there():
    assert run(["answer = helper(2)", CELLS[2], CELLS[1]])["answer"] == 6


@pytest.mark.parametrize(
    "cells",
    [
        ["\n".join(CELLS)],  # merged
        [*CELLS, *CELLS],  # doubled
        [line + "\n" for line in CELLS] + ["", "# notes", "1 +"],  # added, and one that is no Python
        ["%matplotlib inline\n" + CELLS[0], *CELLS[1:], "!pip install nothing", "answer?", "%%bash\nrm -rf /"],
        ["%%time\n" + CELLS[0], *CELLS[1:]],
    ],
)
def test_merged_doubled_added_cells_and_magics_change_nothing(cells):
    assert run(cells)["answer"](2) == 6


@pytest.mark.parametrize(
    "changing",
    [
        "table.append(1)",
        "table[:] = [1]",
        "table += [1]",
        "for number in range(1):\n    table.append(number)",
        "def fill():\n    global table\n    table = [1]\nfill()",
        "def fill(what):\n    what.append(1)\nfill(table)",
        "fill = lambda: globals().update(table=[1])\nfill()\nglobals()['table'] = [1]",
        "exec('table = [1]')",
        "(table := [1])",
        "with open('/dev/null') as file:\n    table = [1]",
        "import random\nrandom.shuffle(table)\ntable = table or [1]",
        "if True:\n    table = [1]",
    ],
)
def test_statements_that_change_what_the_answer_reads_are_taken(changing):
    cells = ["table = []", "def answer():\n    return len(table)", changing]
    assert run(cells)["answer"]() == 1


def test_a_check_a_picture_and_a_print_are_left_out_even_if_they_show_the_answer():
    cells = [
        "from course_lib.exercises import check\nfrom course_lib.plots import show",
        "data = [1]",
        "def answer():\n    return data",
        "check(answer)\nshow(answer, alt=data)\nprint(answer, data)",
    ]
    assert sources(cells) == "data = [1]\n\ndef answer():\n    return data".replace("\n\n", "\n")


def test_the_setup_of_a_lesson_is_not_run_for_an_answer_that_uses_the_library():
    setup = "try:\n    import course_lib\nexcept ImportError:\n    raise\n\ncourse_lib.start('09_convolution')"
    code = sources([setup, "def answer(x):\n    return course_lib.layers.sigmoid(x)"])
    assert "import course_lib" in code and "start" not in code


BLANK = "def answer(x):\n    # YOUR CODE HERE\n    raise NotImplementedError"


@pytest.mark.parametrize("cells", [[BLANK, CELLS[3]], [CELLS[3], BLANK]])
def test_a_blank_copy_of_the_exercise_does_not_undo_the_answer(cells):
    assert run([*CELLS[:3], *cells])["answer"](2) == 6


def test_the_last_of_two_answers_counts():
    assert run(["def answer():\n    return 1", "def answer():\n    return 2"])["answer"]() == 2


def test_a_missing_answer_is_told_from_one_that_is_no_python():
    assert not Notebook(CELLS[:3]).program("answer").defines
    assert Notebook(CELLS[:3]).program("answer").fault == ""
    broken = Notebook(["def answer(x):\n    return (x"]).program("answer")
    assert not broken.defines and broken.fault.startswith("SyntaxError")


def test_an_error_before_the_answer_is_reported_with_its_line():
    found = run(["values = 1 / 0", "answer = values + 1"])
    assert "answer" not in found
    assert found["fault"] == "ZeroDivisionError: division by zero in line 1 of cell 1: values = 1 / 0"


def test_run_all_takes_every_statement():
    program = Notebook(CELLS).program("answer", run_all=True)
    assert len(program.picks) == 8 and program.defines


def test_strange_cells_do_not_stop_the_others():
    deep = "answer = " + "(" * 5000 + ")" * 5000
    cells = ["\0", "\ud800", deep, "def f(:", "answer = 1", "'" * 3]
    assert run(cells)["answer"] == 1


CHECKED = [*CELLS[:4], "check(answer)"]


@pytest.mark.parametrize(
    "scratch",
    [
        "answer = answer(2)\nprint(answer)",
        "for answer in range(3):\n    pass",
        "answer, other = answer(2), answer(3)",
        "with open('x') as answer:\n    pass",
    ],
)
def test_what_a_scratch_cell_below_the_check_makes_of_the_name_does_not_count(scratch):
    assert run([*CHECKED, scratch])["answer"](2) == 6


@pytest.mark.parametrize(
    "below",
    [
        "def helper(x):\n    return 0",
        "factor = 7",
        "import json as np",
        "factor, new = 7, 8",
        "for factor in range(8):\n    pass",
        "def answer(x):\n    return helper(x)\ndef helper(x):\n    return 0",
    ],
)
def test_what_is_made_of_helpers_values_and_imports_below_the_check_was_not_what_was_checked(below):
    assert run([*CHECKED, below])["answer"](2) == 6
    changed = run(["table = [3]", "def answer(x):\n    return x * table[-1]", "check(answer)", "table.append(9)"])
    assert changed["answer"](2) == 6


def test_what_has_no_value_before_the_check_is_found_below_it():
    assert run([CELLS[3], "check(answer)", CELLS[1], CELLS[2], CELLS[0]])["answer"](2) == 6


def test_what_a_function_counts_up_has_its_first_value():
    cells = ["calls = 1", "def answer(x):\n    global calls\n    calls += x\n    return calls"]
    assert run(cells)["answer"](2) == 3
    assert run(["total = 1", "if True:\n    total += 2\n    answer = 5"])["answer"] == 5


@pytest.mark.parametrize("cell", ["exec('def answer(x): return helper(x)')", "globals()['answer'] = helper"])
def test_an_answer_that_no_name_shows_is_run_with_all_definitions(cell):
    assert run([*CELLS[:3], cell])["answer"](2) == 6


@pytest.mark.parametrize(
    "later", ["def answer(x):\n    return 8", "answer = lambda x: 8\ncheck(answer)", "check(7); answer = lambda x: 8"]
)
def test_a_better_answer_below_counts(later):
    cells = CHECKED if later.startswith(("def", "answer")) else CELLS[:4]
    assert run([*cells, later])["answer"](2) == 8


@pytest.mark.parametrize(
    "cell",
    [
        "%time factor = 3",
        "files = !ls\nfactor = 3 + len(files)",
        "if True:\n    %time factor = 3",
        "import asyncio\nasync def get():\n    await asyncio.sleep(0)\n    return 3\nfactor = await get()",
        "factor = 3\nreturn",
        "colab = 'google.colab' in str(get_ipython())\nfactor = 3 + colab",
        "get_ipython().run_line_magic('matplotlib', 'inline')\nfactor = 3",
    ],
)
def test_what_a_notebook_allows_beyond_python_is_run(cell):
    assert run([CELLS[0], cell, *CELLS[2:4]])["answer"](2) == 6


def test_a_syntax_error_says_which_python_found_it():
    import platform

    fault = Notebook(["def answer(x:\n    return x"]).program("answer").fault
    assert fault.endswith(f"(read by Python {'.'.join(platform.python_version_tuple()[:2])})")


# --- the answer itself, for its page


def test_the_answer_is_shown_as_it_was_written_with_its_cell():
    cells = ["x = 1\n\n@cache\ndef answer(x):\n    # by hand\n    return x\ny = 2", "print(1)", "answer.__name__ = 'a'"]
    program = Notebook(cells, ["cell [4]", "cell [7]", "cell [9]"]).program("answer")
    assert (program.answer, program.answer_in) == ("@cache\ndef answer(x):\n    # by hand\n    return x", "cell [4]")
    several = Notebook([f"answer = {n}" for n in range(9)]).program("answer")
    assert (several.answer, several.answer_in) == ("answer = 6\n\nanswer = 7\n\nanswer = 8", "cell 9")
    assert len(Notebook(["answer = '" + "x" * 10**6 + "'"]).program("answer").answer) == 20_000


def test_an_answer_that_is_no_python_is_shown_whole_and_one_that_is_missing_not():
    broken = Notebook(["def answer(x):\n    return x +"], ["cell [3]"]).program("answer")
    assert broken.answer == "def answer(x):\n    return x +" and broken.answer_in == "cell [3]"
    assert "in line 2 of cell [3]" in broken.fault
    missing = Notebook(["x = 1"]).program("answer")
    assert (missing.answer, missing.answer_in, missing.fault) == ("", "", "")
