"""Wrong answers from a right one, by rewriting its syntax tree: one small change in each.

Mutation testing tools (mutmut, cosmic-ray, mutatest) change files, run a test suite for every change, and know nothing
of axes, slices and shapes. So this one is our own: a table of functions, one for each kind of change. Each takes a node
and yields what may stand in its place.
"""

from __future__ import annotations

import ast
import builtins
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Names that people take for one another. The table is read both ways.
NEIGHBOURS = {
    "zeros": "ones", "zeros_like": "ones_like", "exp": "log expm1 exp2", "log": "log2 log10 log1p",
    "floor": "ceil round", "maximum": "minimum add", "max": "min sum mean", "argmax": "argmin", "sum": "mean prod",
    "mean": "median", "var": "std", "any": "all", "cumsum": "cumprod", "hstack": "vstack", "column_stack": "vstack",
    "sqrt": "square", "sin": "cos", "tanh": "sin", "sign": "abs", "append": "insert", "int": "round", "len": "sum",
    "ravel": "transpose", "divmod": "max", "MaxPooling2D": "AveragePooling2D", "Flatten": "GlobalAveragePooling2D",
    "Add": "Concatenate Multiply Maximum Average", "BatchNormalization": "LayerNormalization",
    "ReLU": "Softmax LeakyReLU", "Conv2D": "SeparableConv2D Conv2DTranspose",
}  # fmt: skip
WORDS = {
    "same": ["valid"], "valid": ["same"], "relu": [None, "tanh", "gelu"], "softmax": [None, "sigmoid"],
    "tanh": [None, "relu", "sigmoid"], "sigmoid": [None, "tanh", "softmax"],
}  # fmt: skip
ARITHMETIC = {
    ast.Add: [ast.Sub, ast.Mult], ast.Sub: [ast.Add], ast.Mult: [ast.Add, ast.Div, ast.Pow], ast.Pow: [ast.Mult],
    ast.Div: [ast.Mult, ast.FloorDiv], ast.FloorDiv: [ast.Div, ast.Mult], ast.Mod: [ast.FloorDiv],
    ast.MatMult: [ast.Mult],
}  # fmt: skip
COMPARISONS = {
    ast.Lt: [ast.LtE, ast.Gt], ast.LtE: [ast.Lt, ast.GtE], ast.Gt: [ast.GtE, ast.Lt], ast.GtE: [ast.Gt, ast.LtE],
    ast.Eq: [ast.NotEq, ast.LtE, ast.GtE], ast.NotEq: [ast.Eq, ast.Lt, ast.Gt],
    ast.In: [ast.NotIn], ast.NotIn: [ast.In], ast.Is: [ast.IsNot], ast.IsNot: [ast.Is],
}  # fmt: skip
# What an answer may be blind to, and the functions for which that would show.
BLIND = {
    "abs": "unique max min argmax argmin argsort mean sum prod cumsum std var median array_equal",
    "sort": "unique argmax argmin cumsum array_equal", "sum": "unique argmax argmin argsort",
}  # fmt: skip
INDIFFERENT = ("strict", "dtype", "name")  # arguments on which a right result does not depend


@dataclass(frozen=True)
class Mutant:
    """A changed answer as source, and what was changed, in words that stay when lines move."""

    change: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """All answers that differ from `source` by one change; each comes once."""
    tree = ast.parse(source)
    names = _names(tree)
    seen, found, times = {ast.unparse(tree)}, [], Counter()
    for place in list(_places(tree)):
        before = _words(place.around)
        for new in _changes(place, names):
            changed, after = place.changed(tree, new)
            if changed in seen or not _compiles(changed):
                continue
            seen.add(changed)
            change = f"{before}  →  {after}"
            times[change] += 1
            found.append(Mutant(change if times[change] == 1 else f"{change}  ({times[change]})", changed))
    return found


_KINDS: dict[type, list[Callable]] = {}


def kind(*types: type) -> Callable:
    """Decorator: a kind of change, for nodes of these types."""

    def add(change: Callable) -> Callable:
        for each in types:
            _KINDS.setdefault(each, []).append(change)
        return change

    return add


def _changes(place: _Place, names: set[str]) -> Iterator[ast.AST]:
    node, parent = place.node, place.parent
    for change in _KINDS.get(type(node), []):
        for new in change(node):
            if not (isinstance(node, ast.Call) and isinstance(new, ast.Name) and new.id not in names):  # `np` itself
                yield new
    if isinstance(node, ast.Compare) and isinstance(parent, (ast.BinOp, ast.Return, ast.Attribute)):
        yield from softened(node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        yield from (ast.Name(other, ast.Load()) for other in sorted(names - {node.id}))
        if not (isinstance(parent, ast.Attribute) and parent.attr == "shape"):
            yield from one_for_all(node)


# Expressions


@kind(ast.BinOp)
def arithmetic(node: ast.BinOp):
    for other in ARITHMETIC.get(type(node.op), []):
        yield ast.BinOp(node.left, other(), node.right)
    yield node.left
    yield node.right
    if not isinstance(node.op, (ast.Add, ast.Mult)):
        yield ast.BinOp(node.right, node.op, node.left)
    if isinstance(node.op, ast.MatMult):
        yield ast.BinOp(_attribute(node.left, "T"), node.op, node.right)
        yield ast.BinOp(node.left, node.op, _attribute(node.right, "T"))


@kind(ast.BinOp)
def regrouped(node: ast.BinOp):
    """a * (b + c) for a * b + c: the brackets of beginners."""
    left, right = node.left, node.right
    if isinstance(left, ast.BinOp) and not _associative(left.op, node.op):
        yield ast.BinOp(left.left, left.op, ast.BinOp(left.right, node.op, right))
    if isinstance(right, ast.BinOp) and not _associative(node.op, right.op):
        yield ast.BinOp(ast.BinOp(left, node.op, right.left), right.op, right.right)


@kind(ast.Compare)
def comparison(node: ast.Compare):
    for place, op in enumerate(node.ops):
        of_words = isinstance(getattr(node.comparators[place], "value", None), str)
        for other in COMPARISONS[type(op)][: 1 if of_words else None]:
            yield ast.Compare(node.left, [*node.ops[:place], other(), *node.ops[place + 1 :]], node.comparators)
    if len(node.ops) > 1:
        yield ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])
        yield ast.Compare(node.left, node.ops[:-1], node.comparators[:-1])


def softened(node: ast.Compare):
    """a > b, as 1 or 0, for something that grows."""
    if isinstance(node.ops[0], (ast.Lt, ast.LtE, ast.Gt, ast.GtE)):
        difference = ast.BinOp(node.left, ast.Sub(), node.comparators[0])
        yield difference
        yield _numpy("sign", difference)
        yield _numpy("clip", difference, ast.Constant(0), ast.Constant(1))


@kind(ast.BoolOp)
def boolean(node: ast.BoolOp):
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    yield from node.values


@kind(ast.UnaryOp)
def sign(node: ast.UnaryOp):
    yield node.operand


@kind(ast.IfExp)
def choice(node: ast.IfExp):
    yield node.body
    yield node.orelse
    yield ast.IfExp(node.test, node.orelse, node.body)


@kind(ast.Constant)
def constant(node: ast.Constant):
    value = node.value
    if isinstance(value, bool):
        others = [not value]
    elif isinstance(value, int):
        others = [value + 1, value - 1, 0, 1]
    elif isinstance(value, float):
        others = [2 * value, -value, 0.0, 1.0]
    elif isinstance(value, str):
        others = WORDS.get(value, [])
        if "->" in value:  # of einsum: the axes of the result change places
            axes = value.partition("->")[2]
            others = [
                value[: -len(axes)] + axes[:k] + axes[k + 1] + axes[k] + axes[k + 2 :] for k in range(len(axes) - 1)
            ]
    else:
        others = []
    yield from (ast.Constant(other) for other in others if other != value)


@kind(ast.Tuple, ast.List)
def elements(node: ast.Tuple | ast.List):
    """One left out, one twice, two swapped."""
    if not isinstance(node.ctx, ast.Load) or not node.elts:
        return
    for k, each in enumerate(node.elts):
        yield type(node)([*node.elts[:k], *node.elts[k + 1 :]], node.ctx)
        yield type(node)([*node.elts[:k], each, *node.elts[k:]], node.ctx)
        if k:
            yield type(node)([*node.elts[: k - 1], each, node.elts[k - 1], *node.elts[k + 1 :]], node.ctx)


@kind(ast.Slice)
def slice_(node: ast.Slice):
    lower, upper, step = node.lower, node.upper, node.step
    for bounds in ((None, upper, step), (lower, None, step), (lower, upper, None)):
        yield ast.Slice(*bounds)
    for near in _beside(lower):
        yield ast.Slice(near, upper, step)
    for near in _beside(upper):
        yield ast.Slice(lower, near, step)


@kind(ast.Subscript)
def index(node: ast.Subscript):
    if isinstance(node.ctx, ast.Load):
        yield node.value
    if isinstance(node.slice, ast.Name):
        yield from (ast.Subscript(node.value, near, node.ctx) for near in _beside(node.slice))


@kind(ast.Call)
def call(node: ast.Call):
    """The call left out; two arguments swapped; one argument left out; an axis changed."""
    if node.args:
        yield node.args[0]
    if isinstance(node.func, ast.Attribute):
        yield node.func.value
    args = node.args
    for k in range(1, len(args)):
        yield ast.Call(node.func, [*args[: k - 1], args[k], args[k - 1], *args[k + 1 :]], node.keywords)
        yield ast.Call(node.func, [*args[:k], *args[k + 1 :]], node.keywords)
    for k, keyword in enumerate(node.keywords):
        if keyword.arg in INDIFFERENT:
            continue
        rest = [*node.keywords[:k], *node.keywords[k + 1 :]]
        yield ast.Call(node.func, args, rest)
        if keyword.arg == "axis":
            for other in (ast.Constant(0), ast.Constant(1), ast.UnaryOp(ast.USub(), ast.Constant(1))):
                yield ast.Call(node.func, args, [*rest, ast.keyword("axis", other)])
            if "keepdims" not in {each.arg for each in rest}:
                yield ast.Call(node.func, args, [*node.keywords, ast.keyword("keepdims", ast.Constant(True))])


@kind(ast.Call)
def argument(node: ast.Call):
    """The first argument without signs, without its order, its sums; brackets closed too early."""
    if not node.args or not isinstance(node.func, ast.Attribute):
        return
    first, *rest = node.args
    if isinstance(first, ast.BinOp):
        yield ast.BinOp(ast.Call(node.func, [first.left, *rest], node.keywords), first.op, first.right)
    last = ast.keyword("axis", ast.UnaryOp(ast.USub(), ast.Constant(1)))
    for name, where in BLIND.items():
        if node.func.attr in where.split() and not isinstance(first, ast.Compare):
            other = _numpy(name, first, keywords=[] if name == "abs" else [last])
            yield ast.Call(node.func, [other, *rest], node.keywords)


@kind(ast.BinOp)
def brackets_closed_too_late(node: ast.BinOp):
    """f(a + b) for f(a) + b."""
    if isinstance(node.op, (ast.Add, ast.Sub)) and isinstance(node.left, ast.Call) and len(node.left.args) == 1:
        inside = ast.BinOp(node.left.args[0], node.op, node.right)
        yield ast.Call(node.left.func, [inside], node.left.keywords)


@kind(ast.Call)
def filled(node: ast.Call):
    """An array to be filled that can hold whole numbers only."""
    if isinstance(node.func, ast.Attribute) and node.func.attr in ("zeros", "zeros_like", "ones", "empty"):
        yield ast.Call(node.func, node.args, [*node.keywords, ast.keyword("dtype", ast.Name("int", ast.Load()))])


@kind(ast.Name, ast.Attribute)
def neighbour(node: ast.Name | ast.Attribute):
    """A call for its neighbour, np.ones for np.zeros."""
    name = node.id if isinstance(node, ast.Name) else node.attr
    others = [near for near in NEIGHBOURS.get(name, "").split()]
    others += [near for near, far in NEIGHBOURS.items() if name in far.split()]
    for other in others:
        if isinstance(node, ast.Attribute):
            yield ast.Attribute(node.value, other, node.ctx)
        elif hasattr(builtins, other):
            yield ast.Name(other, node.ctx)


@kind(ast.Attribute)
def untransposed(node: ast.Attribute):
    if node.attr == "T":
        yield node.value


def one_for_all(node: ast.Name):
    """The first of an array in place of all."""
    yield ast.Subscript(node, ast.Constant(0), ast.Load())
    yield ast.Subscript(node, ast.Slice(upper=ast.Constant(1)), ast.Load())


# Statements


@kind(ast.Assign, ast.AugAssign, ast.Expr, ast.If, ast.For, ast.While)
def left_out(node: ast.stmt):
    yield ast.Pass()


@kind(ast.AugAssign)
def accumulation(node: ast.AugAssign):
    for other in ARITHMETIC.get(type(node.op), []):
        yield ast.AugAssign(node.target, other(), node.value)
    yield ast.Assign([node.target], node.value)


@kind(ast.If)
def condition(node: ast.If):
    yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    yield ast.If(ast.Constant(True), node.body, node.orelse)


@kind(ast.For)
def loop(node: ast.For):
    """Only the first turn; the turns backwards."""
    yield ast.For(node.target, node.iter, [*node.body, ast.Break()], node.orelse)
    backwards = ast.Subscript(
        _call("list", node.iter), ast.Slice(step=ast.UnaryOp(ast.USub(), ast.Constant(1))), ast.Load()
    )
    yield ast.For(node.target, backwards, node.body, node.orelse)


@kind(ast.comprehension)
def every(node: ast.comprehension):
    """A comprehension without its condition, or one element short."""
    if node.ifs:
        yield ast.comprehension(node.target, node.iter, [], node.is_async)
    for part in (ast.Slice(ast.Constant(1)), ast.Slice(upper=ast.UnaryOp(ast.USub(), ast.Constant(1)))):
        yield ast.comprehension(node.target, ast.Subscript(_call("list", node.iter), part, ast.Load()), node.ifs, 0)


# The tree


@dataclass
class _Place:
    """A node, the field of its parent that holds it, and the expression around it that a reader would quote."""

    node: ast.AST
    parent: ast.AST
    field: str
    at: int | None
    around: ast.AST

    def changed(self, tree: ast.AST, new: ast.AST) -> tuple[str, str]:
        """The source of the whole tree, and the words around, with `new` in place of the node."""
        self._set(new)
        try:
            return ast.unparse(ast.fix_missing_locations(tree)), _words(
                new if self.around is self.node else self.around
            )
        finally:
            self._set(self.node)

    def _set(self, value: ast.AST) -> None:
        if self.at is None:
            setattr(self.parent, self.field, value)
        else:
            getattr(self.parent, self.field)[self.at] = value


def _places(node: ast.AST, ancestors: tuple[ast.AST, ...] = ()) -> Iterator[_Place]:
    """All places below `node`, but docstrings, arguments and imports."""
    for field, value in ast.iter_fields(node):
        for at, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.arguments, ast.Import, ast.ImportFrom)):
                continue
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                continue
            if isinstance(child, ast.keyword) and child.arg in INDIFFERENT:
                continue
            above = (child, *ancestors)
            yield _Place(child, node, field, at, _quoted(above))
            yield from _places(child, above)


def _quoted(above: tuple[ast.AST, ...]) -> ast.AST:
    """The smallest node that a reader would know again."""
    return next((each for each in above if isinstance(each, ast.stmt) or len(_words(each)) > 12), above[-1])


def _words(node: ast.AST) -> str:
    first, *rest = ast.unparse(node).strip().splitlines() or [""]
    return f"{first} ... break" if rest and rest[-1].strip() == "break" else first


def _names(tree: ast.AST) -> set[str]:
    """Arguments and variables of the answer."""
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    return {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | stored & read


def _compiles(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "mutant", "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _beside(bound: ast.AST | None) -> list[ast.AST]:
    """One more and one less than a bound that is not a plain number."""
    if bound is None or isinstance(bound, (ast.Constant, ast.UnaryOp)):
        return []
    return [ast.BinOp(bound, op, ast.Constant(1)) for op in (ast.Add(), ast.Sub())]


def _associative(first: ast.operator, second: ast.operator) -> bool:
    """Whether brackets make no difference: a + (b - c), a * (b / c), a @ (b @ c)."""
    return (type(first), type(second)) in {
        (ast.Add, ast.Add), (ast.Add, ast.Sub), (ast.Mult, ast.Mult), (ast.Mult, ast.Div), (ast.MatMult, ast.MatMult),
    }  # fmt: skip


def _attribute(value: ast.AST, name: str) -> ast.Attribute:
    return ast.Attribute(value, name, ast.Load())


def _numpy(name: str, *arguments: ast.AST, keywords=()) -> ast.Call:
    return ast.Call(_attribute(ast.Name("np", ast.Load()), name), list(arguments), list(keywords))


def _call(name: str, *arguments: ast.AST) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
