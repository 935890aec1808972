"""One table of all families: how old, how deep, how large, how dear. Lesson 21 shows it, and docs/networks.md goes on.

print(families())                  # for a console; in a notebook, `families()` alone shows it
families().markdown()              # for a page
families()["ResNet-50"].depth      # one number of it
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from html import escape

from course_lib.anatomy import Anatomy, anatomy
from course_lib.anatomy.table import bytes_text, shape_text
from course_lib.architectures import catalogue
from course_lib.architectures.arguments import check_choice
from course_lib.architectures.blueprint import blueprint

NETWORKS = tuple(network for network in catalogue.NETWORKS if network[2] <= 2015)
TITLES = (
    *("family", "network", "year", "input", "depth", "parameters", "multiply-adds"),
    "activation memory",
)
WORDS = 2  # the columns in front that hold words; the others hold numbers
NOTE = (
    "Counted from the course's own networks, for one example in a forward pass: trainable parameters, multiply-adds of "
    "convolutions and dense layers, and the activations that the layers write, 4 bytes each."
)


@dataclass(frozen=True)
class FamilyRow:
    """One network. parameters: trainable; memory: bytes of the activations of one example."""

    family: str
    name: str
    year: int
    input_shape: tuple[int, ...]
    depth: int
    parameters: int
    multiply_adds: int
    memory: int


@dataclass(frozen=True)
class FamilyTable:
    """The rows, oldest first; as text, Markdown or HTML."""

    rows: tuple[FamilyRow, ...]

    def __iter__(self) -> Iterator[FamilyRow]:
        return iter(self.rows)

    def __getitem__(self, name: str) -> FamilyRow:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"There is no network {name!r} in this table; there is {', '.join(row.name for row in self)}.")

    def __str__(self) -> str:
        lines = [TITLES, *map(_words, self)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        written = ["  ".join(_aligned(line, widths)).rstrip() for line in lines]
        return "\n".join([written[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *written[1:]])

    __repr__ = __str__

    def markdown(self) -> str:
        """A table as GitHub shows it, numbers to the right."""
        sides = [":--" if column < WORDS else "--:" for column in range(len(TITLES))]
        return "\n".join(f"| {' | '.join(line)} |" for line in (TITLES, sides, *map(_words, self)))

    def _repr_html_(self) -> str:
        def line(cells, tag: str) -> str:
            written = (
                f'<{tag} style="text-align:{"left" if column < WORDS else "right"};white-space:nowrap">'
                f"{escape(cell)}</{tag}>"
                for column, cell in enumerate(cells)
            )
            return f"<tr>{''.join(written)}</tr>"

        body = "".join(line(_words(row), "td") for row in self)
        return (
            f'<div style="overflow-x:auto"><table style="font-variant-numeric:tabular-nums">'
            f"<thead>{line(TITLES, 'th')}</thead><tbody>{body}</tbody></table>"
            f'<p style="font-size:90%">{escape(NOTE)}</p></div>'
        )


def families(networks=NETWORKS) -> FamilyTable:
    """What the anatomy counts of each family's best known networks, from LeNet-5 to ResNet-152. It takes seconds.

    networks: others of `course_lib.architectures.catalogue`.
    """
    return FamilyTable(tuple(_row(family, name, year, counted(name)) for family, name, year, _ in networks))


@cache
def counted(name: str) -> Anatomy:
    """The anatomy of one network of the catalogue. Raises ValueError for a name that is not there."""
    builders = {known: build for _, known, _, build in catalogue.NETWORKS}
    check_choice("name", name, builders)
    return anatomy(blueprint(builders[name], name=name))


def _row(family: str, name: str, year: int, counted: Anatomy) -> FamilyRow:
    shape = next(row.shape for row in counted if row.role == "input")
    total = counted.total
    return FamilyRow(family, name, year, shape, total.depth, total.trainable, total.multiply_adds, total.memory)


def _words(row: FamilyRow) -> tuple[str, ...]:
    numbers = (f"{row.parameters:,}", f"{row.multiply_adds:,}", bytes_text(row.memory))
    return (row.family, row.name, str(row.year), shape_text([row.input_shape]), str(row.depth), *numbers)


def _aligned(line, widths) -> list[str]:
    return [
        cell.ljust(width) if column < WORDS else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]
