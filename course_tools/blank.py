"""Solutions inside an exercise cell: found by their markers, taken out for students, shown without markers."""

from __future__ import annotations

import ast
import re

from course_tools.cell import Cell

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
_LIKE_A_MARKER = re.compile(r"\s*#+\s*(begin|end)[\s_-]*solution\b.*", re.IGNORECASE)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def solution_blocks(cell: Cell) -> list[tuple[int, int]]:
    """Offsets of the BEGIN and END lines of each block, in order."""
    blocks, begin = [], None
    for offset, line in enumerate(cell.source.splitlines()):
        marker = line.strip()
        if marker not in (BEGIN, END):
            if _LIKE_A_MARKER.fullmatch(line):
                raise cell.fault(f"{marker!r} looks like a marker; markers are {BEGIN!r} and {END!r}.", offset)
        elif marker == BEGIN:
            if begin is not None:
                raise cell.fault(f"a {BEGIN!r} stands inside another block; blocks cannot be nested.", offset)
            begin = offset
        else:
            if begin is None:
                raise cell.fault(f"{END!r} has no {BEGIN!r} before it in this cell.", offset)
            blocks.append((begin, offset))
            begin = None
    if begin is not None:
        raise cell.fault(f"{BEGIN!r} has no {END!r} after it in this cell.", begin)
    return blocks


def without_markers(cell: Cell) -> str:
    """The solved cell as `solution(...)` shows it."""
    return "\n".join(line for line in cell.source.splitlines() if line.strip() not in (BEGIN, END))


def blanked(cell: Cell) -> str:
    """The cell as a student gets it: a function's block raises NotImplementedError, values become `...`."""
    tree = _parse(cell)
    lines = cell.source.splitlines()
    kept, position = [], 0
    for begin, end in solution_blocks(cell):
        kept += lines[position:begin] + _stub(cell, tree, begin, end)
        position = end + 1
    source = "\n".join(kept + lines[position:])
    try:
        ast.parse(source)
    except SyntaxError:
        raise cell.fault("without its solution this cell is not valid Python; move the markers.") from None
    return source


def defines(cell: Cell, name: str) -> bool:
    """Whether the cell gives a value to `name` at its top level."""
    return name in _names_given(_parse(cell).body)


def _stub(cell: Cell, tree: ast.Module, begin: int, end: int) -> list[str]:
    """What stands in place of the block between the lines `begin` and `end`, both counted from 0."""
    code = [line for line in cell.source.splitlines()[begin + 1 : end] if line.strip()]
    inside = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and begin + 1 < node.lineno <= end]
    if not inside:
        raise cell.fault("there is no code between the markers.", begin)
    indent = code[0][: len(code[0]) - len(code[0].lstrip())]
    if any(isinstance(node, _FUNCTIONS) and node.lineno <= begin + 1 < node.end_lineno for node in ast.walk(tree)):
        return [f"{indent}# YOUR CODE HERE", f"{indent}raise NotImplementedError"]
    if indent:
        raise cell.fault("a solution outside a function must start at the margin; no blank can replace it.", begin)
    values = _names_given([node for node in tree.body if node in inside])
    return ["# YOUR CODE HERE", *(f"{name} = ..." for name in values)]


def _names_given(statements: list[ast.stmt]) -> list[str]:
    """Names that the statements assign or define, each once, in order."""
    names = []
    for statement in statements:
        if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
            names.append(statement.name)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            parts = [node for target in targets for node in ast.walk(target)]
            names += [node.id for node in parts if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return list(dict.fromkeys(names))


def _parse(cell: Cell) -> ast.Module:
    try:
        return ast.parse(cell.source)
    except SyntaxError as error:
        raise cell.fault(f"this exercise is not valid Python: {error.msg}.", (error.lineno or 1) - 1) from None
