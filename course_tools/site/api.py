"""What `course_lib` offers, a page a room, from its docstrings. Nothing is imported: the sources are read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from course_tools.project import Project
from course_tools.site.pages import Content

_INDEX = """\
# The library

`course_lib` holds what several lessons share; each part was built in a lesson before it came here.
`course_lib.exercises` is the engine that judges exercises.

{rooms}

```{{toctree}}
:hidden:

{names}
```
"""


def add_api(project: Project, content: Content) -> list[str]:
    """A page for each room of the library, and one that lists them."""
    root = project.root / "course_lib"
    rooms = {_module(project, path): path for path in sorted(root.glob("*")) if _is_room(path)}
    if not rooms:
        return []
    listed, names = [], []
    for name, path in rooms.items():
        files = [path] if path.is_file() else sorted(path.glob("*.py"))
        parts = [part for file in files for part in _module_part(_module(project, file), file)]
        if not parts:
            continue
        title = name.removeprefix("course_lib.")
        text = "\n\n".join([f"# {name}", *parts])
        content.add(f"api/{title}", text + "\n", project.relative(path))
        listed.append(f"- [`{name}`]({title}.md): {_first_line(files[0])}")
        names.append(title)
    content.add("api/index", _INDEX.format(rooms="\n".join(listed), names="\n".join(names)), "course_tools/site/api.py")
    return ["api/index"]


def _is_room(path: Path) -> bool:
    return path.name[0] not in "_." and (path.suffix == ".py" or (path / "__init__.py").is_file())


def _module(project: Project, path: Path) -> str:
    parts = path.relative_to(project.root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _first_line(path: Path) -> str:
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return words.partition("\n\n")[0].replace("\n", " ")


def _module_part(name: str, path: Path) -> Iterator[str]:
    """What a module says of itself, and its public functions and classes; nothing, if it has neither."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    things = [part for node in tree.body for part in _described(node, name)]
    words = ast.get_docstring(tree)
    if not things and path.name != "__init__.py":
        return
    if name.count(".") > 1:
        yield f"## {name}"
    if words:
        yield _markdown(words)
    yield from things


def _described(node: ast.stmt, module: str) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
        words = ast.get_docstring(node)
        if words is None:
            return
        if isinstance(node, ast.FunctionDef):
            yield _directive("function", f"{module}.{node.name}{_signature(node)}", words)
            return
        members = [
            _directive("method", f"{each.name}{_signature(each, method=True)}", ast.get_docstring(each), depth=3)
            for each in node.body
            if _is_public(each)
        ]
        start = next((e for e in node.body if isinstance(e, ast.FunctionDef) and e.name == "__init__"), None)
        signature = _signature(start, method=True).partition(" -> ")[0] if start else ""
        body = "\n\n".join([_markdown(words), *members])
        yield _directive("class", f"{module}.{node.name}{signature}", body, depth=4, ready=True)


def _is_public(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and bool(ast.get_docstring(node))


def _directive(kind: str, head: str, words: str, depth: int = 3, ready: bool = False) -> str:
    fence = "`" * (depth + 1)
    return f"{fence}{{py:{kind}}} {head}\n{words if ready else _markdown(words)}\n{fence}"


def _signature(node: ast.FunctionDef, method: bool = False) -> str:
    given = ast.parse(ast.unparse(node)).body[0].args
    if method and (given.posonlyargs or given.args):
        (given.posonlyargs or given.args).pop(0)
    back = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"({ast.unparse(given)}){back}"


def _markdown(words: str) -> str:
    """A docstring as Markdown: what is indented is code, and stars and underscores are themselves."""
    parts = []
    for block in re.split(r"\n\s*\n", words):
        if re.match(r"(    |>>>)", block):
            parts.append(f"```python\n{block}\n```")
        else:
            spans = block.replace("``", "`").split("`")  # every second one is code
            parts.append("`".join(each if number % 2 else _literal(each) for number, each in enumerate(spans)))
    return "\n\n".join(parts)


def _literal(text: str) -> str:
    return re.sub(r"([\\*_<>\[\]{}$|~#])", r"\\\1", text)
