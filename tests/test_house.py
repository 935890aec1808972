"""The house: who may import whom, that `course_lib` holds what several lessons share, and that it stays small.

Read from the sources, imports inside functions too. That loading `course_lib` is cheap is in test_session.py.
"""

import ast
import symtable
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ("course_lib", "course_lessons", "course_tools")


def name_of(path: Path) -> str:
    """The dotted name of a module; the source of a lesson has one, too: course_lessons.vgg.19_vgg."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for part in HOUSE for path in (ROOT / part).rglob("*.py")}
LIBRARY = sorted(name for name in FILES if name.split(".")[0] == "course_lib")
ROOMS = sorted({name.split(".")[1] for name in FILES if name.startswith("course_lessons.")})


@cache
def imports(name: str) -> frozenset[str]:
    """The modules of the house that a module names in its imports."""
    found = set()
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}, line {node.lineno}: write the whole name of what is imported"
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {each if each in FILES else node.module for each in whole}
    return frozenset(each for each in found if each.split(".")[0] in HOUSE)


def reached(names: Iterable[str], ways: dict[str, Iterable[str]]) -> set[str]:
    """All that can be reached from some names, with them."""
    seen, left = set(), list(names)
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            left += ways.get(name, ())
    return seen


def circle(ways: dict[str, Iterable[str]]) -> list[str]:
    """The names that can be reached from themselves."""
    return sorted(name for name in ways if name in reached(ways[name], ways))


def test_a_circle_is_found():
    assert circle({"a": ["b"], "b": ["c"], "c": ["b"], "d": ["a"]}) == ["b", "c"]
    assert circle({"a": ["b", "c"], "b": ["c"], "c": []}) == []


def test_every_import_of_the_house_is_of_a_module_that_is_there():
    missing = {name: imports(name) - set(FILES) for name in FILES}
    assert not {name: others for name, others in missing.items() if others}


def test_benchmarks_import_what_is_there():
    """They are run by hand, so that nothing else tells of a name that is gone."""
    gone = []
    for path in (ROOT / "benchmarks").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in HOUSE:
                source = FILES[node.module].read_text(encoding="utf-8")
                there = symtable.symtable(source, node.module, "exec").get_identifiers()
                names = [alias.name for alias in node.names if f"{node.module}.{alias.name}" not in FILES]
                gone += [f"{path.name}: {node.module}.{name}" for name in names if name not in there]
    assert not gone


def test_no_two_files_of_tests_share_a_name():
    """pytest takes a file by its name alone, and refuses the second."""
    files = list((ROOT / "tests").rglob("test_*.py"))
    assert len({file.name for file in files}) == len(files), sorted(str(file) for file in files)


def test_the_library_is_small():
    """The catalogue of architectures grows by a file a family; everything else stays a small helper package."""
    shared = [name for name in LIBRARY if not name.startswith("course_lib.architectures")]
    assert sum(len(FILES[name].read_text(encoding="utf-8").splitlines()) for name in shared) < 7000


@pytest.mark.parametrize("name", [name for name in LIBRARY if name.startswith("course_lib.architectures.")])
def test_a_family_of_architectures_is_one_short_file(name):
    assert len(FILES[name].read_text(encoding="utf-8").splitlines()) < 350


def test_imports_go_one_way():
    """course_tools -> course_lessons -> course_lib, and no lesson goes into another one's room."""
    for name in FILES:
        part, *inside = name.split(".")
        for other in imports(name):
            there, *within = other.split(".")
            if part != "course_tools":
                assert there != "course_tools", f"{name} imports {other}"
            if part == "course_lib":
                assert there == "course_lib", f"{name} imports {other}"
            if part == there == "course_lessons":
                assert within[:1] == inside[:1], f"{name} imports {other}"


def test_no_circle_of_modules():
    assert circle({name: imports(name) for name in FILES}) == []


def test_no_circle_of_the_library_s_rooms():
    def room(name: str) -> str:
        return ".".join(name.split(".")[:2])

    ways: dict[str, set[str]] = {}
    for name in LIBRARY:
        ways.setdefault(room(name), set()).update(room(other) for other in imports(name) if room(other) != room(name))
    assert circle(ways) == []


# A module that only one lesson needs belongs to that lesson. Whoever imports `a.b` runs `a`, too.
WAYS = {name: {*imports(name), *({name.rpartition(".")[0]} & set(LIBRARY))} for name in LIBRARY}


@cache
def users() -> dict[str, set[str]]:
    """Module of the library -> the lessons that need it, and "the tools"."""
    from course_tools.zoo import RECIPES  # they name what builds a network, in words

    found = {name: set() for name in LIBRARY}
    asked = {room: [] for room in ROOMS} | {"the tools": []}
    for name in FILES:
        part, *inside = name.split(".")
        if part != "course_lib" and inside:
            asked[inside[0] if part == "course_lessons" else "the tools"] += imports(name)
    asked["the tools"] += [f"course_lib.architectures.{recipe.builder.split('.')[0]}" for recipe in RECIPES.values()]
    for user, names in asked.items():
        for module in reached(names, WAYS) & set(LIBRARY):
            found[module].add(user)
    return found


@pytest.mark.parametrize("module", LIBRARY)
def test_no_module_of_the_library_is_one_lesson_s_alone(module):
    needed_by = users()[module]
    assert needed_by, "nothing of the course needs it"
    if module.startswith("course_lib.architectures."):
        return  # a catalogue, for readers to build from; docs/networks.md compares them all
    assert len(needed_by) > 1 or needed_by == {"the tools"}, f"it belongs to {needed_by}"
