"""An anatomy as text and as HTML."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

NOTES = (
    "Values are those that a layer writes anew; activations, dropout and reshapes work in place. "
    "Training keeps them and as many gradients."
)


@dataclass(frozen=True)
class Cell:
    """What stands in a table, and on which side."""

    text: str
    is_number: bool = True


def text(anatomy) -> str:
    """The table for a console: names to the left, numbers to the right."""
    lines = [list(_titles(anatomy)), *([cell.text for cell in cells] for cells in _cells(anatomy))]
    is_number = [cell.is_number for cell in _cells(anatomy)[0]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(is_number))]
    written = [
        "  ".join(
            part.rjust(width) if right else part.ljust(width)
            for part, width, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in lines
    ]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    return "\n".join([anatomy.name, written[0], rule, *written[1:-1], rule, written[-1], *_footnotes(anatomy)])


def html(anatomy) -> str:
    """The table for a notebook."""
    side = {True: "right", False: "left"}
    rows = _cells(anatomy)

    def line(cells, tag: str, style: str = "") -> str:
        return "".join(
            f'<{tag} style="text-align:{side[cell.is_number]};white-space:nowrap;{style}">{escape(cell.text)}</{tag}>'
            for cell in cells
        )

    titles = [Cell(title, cell.is_number) for title, cell in zip(_titles(anatomy), rows[0], strict=True)]
    body = "".join(f"<tr>{line(cells, 'td')}</tr>" for cells in rows[:-1])
    notes = "<br>".join(map(escape, _footnotes(anatomy)))
    return (
        f'<div style="overflow-x:auto"><table style="font-variant-numeric:tabular-nums">'
        f'<caption style="text-align:left;font-weight:bold">{escape(anatomy.name)}</caption>'
        f"<thead><tr>{line(titles, 'th')}</tr></thead><tbody>{body}</tbody>"
        f"<tfoot><tr>{line(rows[-1], 'th', 'border-top:1px solid;')}</tr></tfoot></table>"
        f'<p style="font-size:90%">{notes}</p></div>'
    )


def _titles(anatomy) -> list[str]:
    return [
        *("layer", "type", "output", *(["trainable", "other"] if _has_other(anatomy) else ["parameters"])),
        *("multiply-adds", "values", "forward", "training", "field", "stride", "depth"),
    ]


def _has_other(anatomy) -> bool:
    return any(row.other for row in anatomy)


def _cells(anatomy) -> list[list[Cell]]:
    """One list for each row, and one for the total."""
    several = len({name for row in anatomy if row.field for name in row.field.inputs}) > 1
    lines = [
        _line(row, anatomy, row.name, row.type, shape_text(row.shapes), *_field_texts(row.field, several))
        for row in anatomy
    ]
    return [*lines, _line(anatomy.total, anatomy, "total", f"{len(anatomy)} rows", "", "", "")]


def _line(row, anatomy, name: str, type_: str, shape: str, field: str, stride: str) -> list[Cell]:
    products = f"{'≥ ' if row.uncounted else ''}{row.multiply_adds:,}"
    if row.uncounted and not row.multiply_adds:
        products = "?"
    numbers = [f"{row.trainable:,}", *([f"{row.other:,}"] if _has_other(anatomy) else []), products, f"{row.values:,}"]
    numbers += [bytes_text(row.memory), bytes_text(row.training_memory), field, stride]
    numbers.append(f"{'≥ ' if row.deeper else ''}{row.depth}")
    return [Cell(name, False), Cell(type_, False), Cell(shape, False), *map(Cell, numbers)]


def _footnotes(anatomy) -> list[str]:
    notes = [NOTES]
    if anatomy.total.uncounted:
        named = [f"{row.name} ({', '.join(row.uncounted)})" for row in anatomy if row.uncounted]
        notes.append(f"Cannot be counted, and is missing from multiply-adds and depth: {', '.join(named)}.")
    if anatomy.dead:
        notes.append(f"Built on the same inputs, but no output of this model depends on: {', '.join(anatomy.dead)}.")
    return notes


def shape_text(shapes) -> str:
    return ", ".join("×".join(map(str, shape)) or "1" for shape in shapes)


def bytes_text(number: int) -> str:
    """In steps of 1000, as memory is usually stated: 60.95 MB."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number} B"


def _field_texts(field, several: bool) -> tuple[str, str]:
    """Size and stride, for each input if there are several; an en dash where a reshape has mixed the places."""
    if field is None:
        return "?", "?"

    def written(numbers) -> str:
        of_input: dict[str, list[str]] = {}
        for (name, _), number in zip(field.sights, numbers, strict=True):
            of_input.setdefault(name, []).append("–" if number is None else str(number))
        parts = [
            (f"{name} " if several else "") + ("–" if set(sizes) == {"–"} else "×".join(sizes))
            for name, sizes in of_input.items()
        ]
        return ", ".join(parts)

    return written(field.size), written("–" if not jump else jump for jump in field.jump)
