"""Stands in for `course_lib.exercises` inside the sandbox: the names that lessons import, and no oracle behind them."""


def check(*_answer, **_named_answer) -> None:
    """Judging happens elsewhere."""


hint = solution = progress = open_lesson = check
