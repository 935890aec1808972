"""What an answer depends on: the few statements of a notebook that must run before the answer can be judged.

The choice is conservative. From the name of the answer it follows every name that a chosen statement reads or writes,
wherever in the notebook it is defined or changed, so that cells may be added, merged, split, doubled or put in another
order. A lesson's trainings and figures give values to other names and stay out.
"""

from __future__ import annotations

import ast
import functools
import platform
import re
import symtable
from dataclasses import dataclass, field, replace

# Calls of these, alone in a line, show something and change nothing that an answer could need.
_SHOWING = {"print", "display", "help"}
_SHOWING_MODULES = {"course_lessons", "course_lib", "matplotlib"}
# These can give a value to any name.
_BINDING_ANYTHING = {"exec", "globals", "locals", "vars", "setattr"}
_TIMED = re.compile(r"^([ \t]*)%time[ \t]+(?=\S)", re.MULTILINE)  # `%time x = f()` gives x its value
_SHELL_OUTPUT = re.compile(r"get_ipython\(\)\.getoutput\(.*\)$", re.MULTILINE)  # `files = !ls`: there is no shell
_MAGIC_LINE = re.compile(r"^([ \t]*)[!%].*$", re.MULTILINE)
_SHOWN, _DEFINITIONS = 20_000, 3  # of an answer, for its page: characters; statements, the last ones
_SHORT = 5000  # characters; longer cells are not worth remembering
_PYTHON_AFTER = re.compile(r"\A\s*%%(time|timeit|capture|prun)\b.*\n?")


@dataclass
class Statement:
    """A top-level statement, where it stands, and what it has to do with names."""

    cell: int
    index: int
    lines: tuple[int, int] = (0, 0)  # of its cell, the first and the one after the last
    binds: set[str] = field(default_factory=set)  # names that get a value
    changes: set[str] = field(default_factory=set)  # names whose object is changed
    calls: list[tuple[str, set[str]]] = field(default_factory=list)  # whose result nobody keeps: its name, and all
    reads: set[str] = field(default_factory=set)
    shows: set[str] = field(default_factory=set)  # imported names whose functions draw and check, and change nothing
    mentions_keras: bool = False
    function: str = ""  # the name, if it is the definition of a function
    is_definition: bool = False
    blank: bool = False  # as the course hands it out

    def affects(self, showing: set[str]) -> set[str]:
        """Names that may stand for something else after it; calls of `showing` have no effect."""
        called = (names for name, names in self.calls if name not in showing)
        return self.binds.union(self.changes, *called)

    @property
    def place(self) -> tuple[int, int]:
        return self.cell, self.index

    def defines(self, name: str) -> bool:
        """Whether it is a definition of `name`, or imports it; not one that gives a value to it."""
        return self.is_definition and name in self.binds

    def checks(self, name: str) -> bool:
        return any(called == "check" and name in names for called, names in self.calls)


@dataclass
class Program:
    """The cells, cleaned of magics, and the statements `(cell, index)` to run, in the order of the notebook."""

    cells: list[str]
    picks: list[tuple[int, int]]
    defines: bool  # whether one of them gives a value to the answer
    uses_keras: bool
    fault: str = ""  # of the cell that would have defined the answer, when it is no Python
    answer: str = ""  # the statements that give the answer its value, as they were written
    answer_in: str = ""  # the cell of the last of them
    checked_at: tuple[int, int] | None = None  # the statement after which the answer, and all it uses, is what counts


class Notebook:
    """The code of a notebook, read once for all its exercises. Cells that are not Python are kept aside."""

    def __init__(self, sources: list[str], labels: list[str] | None = None):
        """`labels` are what the cells are called; "cell 1", "cell 2" and so on, if not given."""
        self.labels = labels or [f"cell {number + 1}" for number in range(len(sources))]
        self.cells: list[str] = []
        self.statements: list[Statement] = []
        self.broken: dict[int, SyntaxError] = {}
        for source in sources:
            self._add(source)

    def _add(self, source: str) -> None:
        number = len(self.cells)
        clean, statements, error = (_remembered if len(source) < _SHORT else _examined)(source)
        self.cells.append(clean)
        self.statements += [replace(statement, cell=number) for statement in statements]
        if error:
            self.broken[number] = error

    def program(self, answer: str, run_all: bool = False) -> Program:
        """What to run for `answer`: the statements it needs, or all of them."""
        chosen = self.statements if run_all else self._slice(answer)
        picks = [(statement.cell, statement.index) for statement in chosen]
        defines = any(answer in statement.binds or "*" in statement.binds for statement in chosen)
        used = {cell for cell, _ in picks}
        cells = [source if number in used else "" for number, source in enumerate(self.cells)]
        uses_keras = any(statement.mentions_keras for statement in chosen)
        if not defines:
            number = self._broken_one(answer)
            fault, text = ("", "") if number is None else (self._fault(number), self.cells[number].strip("\n"))
            where = "" if number is None else self.labels[number]
            return Program(cells, picks, defines, uses_keras, fault, text[:_SHOWN], where)
        mine = [statement for statement in chosen if answer in statement.binds]
        mine = mine or [statement for statement in chosen if "*" in statement.binds]
        text = "\n\n".join(self._text(statement) for statement in mine[-_DEFINITIONS:])
        checked_at = self._checked_at(answer, self.statements)
        return Program(cells, picks, defines, uses_keras, "", text[:_SHOWN], self.labels[mine[-1].cell], checked_at)

    def _text(self, statement: Statement) -> str:
        first, last = statement.lines
        return "\n".join(self.cells[statement.cell].splitlines()[first:last])

    def _slice(self, answer: str) -> list[Statement]:
        usable = self._without_scratch(answer, self._without_spare_blanks())
        chosen = [statement for statement in usable if "*" in statement.binds]
        if chosen and not any(answer in statement.binds for statement in usable):  # one of these gives it a value
            chosen = [statement for statement in usable if "*" in statement.binds or statement.is_definition]
        showing = _SHOWING.union(*(statement.shows for statement in usable))
        end = self._checked_at(answer, usable)
        known = set().union(*(one.binds for one in usable if one.place <= end)) if end else set()
        affecting: dict[str, list[Statement]] = {}
        for statement in usable:
            names = set() if "*" in statement.binds else statement.affects(showing)
            for name in names - known if end and statement.place > end else names:
                affecting.setdefault(name, []).append(statement)
        waiting = [answer, *(name for statement in chosen for name in statement.reads)]
        taken = {statement.place for statement in chosen}
        while waiting:
            for statement in affecting.pop(waiting.pop(), ()):
                if statement.place not in taken:
                    taken.add(statement.place)
                    chosen.append(statement)
                    waiting += statement.reads
                    if statement.function:  # chosen for a `global`, it must be called, too
                        waiting.append(statement.function)
        return sorted(chosen, key=lambda statement: statement.place)

    def _without_spare_blanks(self) -> list[Statement]:
        """A blank left behind a copy of the exercise must not undo the answer."""
        answered = set().union(*(statement.binds for statement in self.statements if not statement.blank))
        return [each for each in self.statements if not (each.blank and each.binds <= answered)]

    def _without_scratch(self, answer: str, statements: list[Statement]) -> list[Statement]:
        """What was checked is what counts: `output_size = output_size(7)`, tried out below the check, does not."""
        last = self._last_check(answer, statements)
        if last is None:
            return statements
        return [one for one in statements if one.place < last or answer not in one.binds or one.defines(answer)]

    def _checked_at(self, answer: str, statements: list[Statement]) -> tuple[int, int] | None:
        """Where the answer was checked, or defined anew below; None if it was not.

        What is made further below of names that had a value by then, helpers and imports too, was not what was checked.
        """
        last = self._last_check(answer, statements)
        return last and max([last, *(one.place for one in statements if one.defines(answer))])

    def _last_check(self, answer: str, statements: list[Statement]) -> tuple[int, int] | None:
        """The place of the last check of the answer, if a definition of it stands above."""
        last = max((one.place for one in self.statements if one.checks(answer)), default=None)
        return last if last and any(one.defines(answer) and one.place < last for one in statements) else None

    def _broken_one(self, answer: str) -> int | None:
        """The cell that is no Python and would have defined the answer."""
        definition = re.compile(rf"^[ \t]*(def[ \t]+{answer}\b|{answer}[ \t]*=|class[ \t]+{answer}\b)", re.MULTILINE)
        return next((number for number in self.broken if definition.search(self.cells[number])), None)

    def _fault(self, number: int) -> str:
        error = self.broken[number]
        where = f" in line {error.lineno} of {self.labels[number]}" if error.lineno else ""
        line = f": {error.text.strip()}" if error.text else ""
        version = ".".join(platform.python_version_tuple()[:2])
        return f"SyntaxError: {error.msg}{where}{line} (read by Python {version})"


def _examined(source: str) -> tuple[str, list[Statement], SyntaxError | None]:
    """The cell as Python, its statements (of cell 0), and what is wrong with it."""
    clean = source
    try:
        clean = _without_magics(source)
        return clean, [_examine(index, node) for index, node in enumerate(ast.parse(clean).body)], None
    except (SyntaxError, ValueError, MemoryError, RuntimeError) as error:  # a null byte; nested too deeply
        return clean, [], error if isinstance(error, SyntaxError) else SyntaxError(str(error) or "too deep")


# Most cells of a class's notebooks are the lesson's own.
_remembered = functools.lru_cache(maxsize=1000)(_examined)


class _Generators(ast.NodeTransformer):
    """Comprehensions as generators: from Python 3.12 on, its symbol tables count their variables among the cell's."""

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp) -> ast.GeneratorExp:
        self.generic_visit(node)
        return ast.GeneratorExp(node.elt, node.generators)

    visit_SetComp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> ast.GeneratorExp:
        self.generic_visit(node)
        return ast.GeneratorExp(ast.Tuple([node.key, node.value], ast.Load()), node.generators)


def _examine(index: int, node: ast.stmt) -> Statement:
    node = _Generators().visit(node)
    text = ast.unparse(node)
    first = min(part.lineno for part in [node, *getattr(node, "decorator_list", [])])
    statement = Statement(0, index, (first - 1, node.end_lineno), shows=_shows(node), blank=_is_blank(node))
    statement.mentions_keras = bool(re.search(r"\b(keras|tensorflow)\b", text))
    statement.function = node.name if isinstance(node, ast.FunctionDef) else ""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    statement.is_definition = isinstance(node, kinds)
    _names(symtable.symtable(text, "cell", "exec"), statement, top=True)
    for part in _outside_functions(node):
        if isinstance(part, (ast.Attribute, ast.Subscript)) and isinstance(part.ctx, (ast.Store, ast.Del)):
            statement.changes |= _root(part)
        elif isinstance(part, ast.AugAssign):
            statement.changes |= _root(part.target)
            statement.reads |= _root(part.target)  # not so in symbol tables
        elif isinstance(part, ast.Expr) and isinstance(part.value, ast.Call):
            statement.calls.append(_call(part.value))
        if isinstance(part, ast.Call) and _binds_anything(part):
            statement.binds.add("*")
        if isinstance(part, ast.ImportFrom) and any(name.name == "*" for name in part.names):
            statement.binds.add("*")
    return statement


def _is_blank(node: ast.stmt) -> bool:
    """What the course hands out: a function that only raises NotImplementedError, or `name = ...`."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return isinstance(node.value, ast.Constant) and node.value.value is ...
    if not isinstance(node, ast.FunctionDef):
        return False
    body = [line for line in node.body if not _is_text(line)]
    return len(body) == 1 and isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.unparse(body[0])


def _names(table: symtable.SymbolTable, statement: Statement, top: bool) -> None:
    """Python's own symbol tables know about scopes, comprehensions, `global` and `:=`."""
    for symbol in table.get_symbols():
        everywhere = top or symbol.is_global()
        if everywhere and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
            statement.binds.add(symbol.get_name())
        if everywhere and (symbol.is_referenced() or (symbol.is_assigned() and not top)):  # `global n; n += 1`
            statement.reads.add(symbol.get_name())
    for child in table.get_children():
        _names(child, statement, top=False)


def _outside_functions(node: ast.AST):
    """The node and all below it that run when the statement runs, not when a function is called later."""
    yield node
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
        return
    for child in ast.iter_child_nodes(node):
        yield from _outside_functions(child)


def _root(node: ast.AST) -> set[str]:
    """The name at the start of `name.a[0].b`."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def _call(call: ast.Call) -> tuple[str, set[str]]:
    """The name that is called, or whose method is; and it together with the names given as arguments."""
    root = _root(call.func)
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    return "".join(root), root.union(part.id for part in arguments if isinstance(part, ast.Name))


def _shows(node: ast.stmt) -> set[str]:
    """Names imported from the course or from matplotlib: their functions draw and check, and change no argument."""
    found = {}
    for part in ast.walk(node):  # a lesson's set-up imports the course in a `try`
        if isinstance(part, ast.Import):
            found |= {(name.asname or name.name).partition(".")[0]: name.name for name in part.names}
        elif isinstance(part, ast.ImportFrom):
            found |= {name.asname or name.name: part.module or "" for name in part.names}
    return {name for name, module in found.items() if module.partition(".")[0] in _SHOWING_MODULES}


def _binds_anything(call: ast.Call) -> bool:
    """`exec(code, {})` has a namespace of its own and is harmless."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    return name in _BINDING_ANYTHING and not (name == "exec" and len(call.args) > 1)


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _without_magics(source: str) -> str:
    """The cell as Python. IPython's own transformer turns `%magic` and `!command` into calls, which nobody needs."""
    source = _TIMED.sub(r"\1", _PYTHON_AFTER.sub("\n", source, count=1))
    if source.lstrip().startswith("%%"):
        return ""
    if _is_python(source):
        return source
    try:
        source = _transformer().transform_cell(source)
    except RuntimeError:  # it changes one line at a time, and gives up after five hundred
        source = _transformer().transform_cell(_MAGIC_LINE.sub(r"\1pass", source))
    return _SHELL_OUTPUT.sub("[]", source)


def _is_python(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    return True


@functools.cache
def _transformer():
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager()
