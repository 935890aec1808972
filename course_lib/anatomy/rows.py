"""The table of a model: its rows, what they add up to, and other ways to cut it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from course_lib.anatomy import table
from course_lib.anatomy.field import Field

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """One call of a layer, several together, or the whole model, for one example.

    shapes: of the outputs, without the batch
    trainable, other: parameters; those of a layer used before stand in the row of its first use
    multiply_adds: at least these many, if `uncounted` names layer types that cannot be counted
    values, memory: activation values that are written in a forward pass, and their bytes
    depth: layers with weights on the longest path up to here
    weight_layers: how many layers with weights there are in the row, side by side or one after the other
    field: what a unit sees of the input; None where it cannot be told
    reads: the rows whose outputs go in
    window: of a convolution or pooling, "3×3" or, with stride 2, "3×3/2"
    deeper: whether the depth may be larger, as a layer that cannot be counted lies on the way
    """

    name: str
    type: str
    role: str
    shapes: tuple[Shape, ...]
    trainable: int
    other: int
    multiply_adds: int
    values: int
    memory: int
    depth: int
    weight_layers: int
    field: Field | None
    reads: tuple[str, ...]
    window: str = ""
    uncounted: tuple[str, ...] = ()
    deeper: bool = False

    @property
    def shape(self) -> Shape:
        """Of the (first) output."""
        return self.shapes[0]

    @property
    def parameters(self) -> int:
        return self.trainable + self.other

    @property
    def training_values(self) -> int:
        """The activations, kept for the backward pass, and one gradient for each."""
        return 2 * self.values

    @property
    def training_memory(self) -> int:
        return 2 * self.memory


@dataclass(frozen=True)
class Anatomy:
    """The rows of a model in the order of their computation. `dead`: built on its inputs, but no output needs them."""

    name: str
    rows: tuple[Row, ...]
    dead: tuple[str, ...] = ()

    @property
    def total(self) -> Row:
        """All rows added up; the depth is that of the deepest."""
        return _merged("total", self.rows, reads=())

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"{self.name} has no row {name!r}; there is {', '.join(row.name for row in self.rows)}.")

    def where(self, keep: Callable[[Row], bool]) -> Anatomy:
        """Only the rows that are wanted: `anatomy(model).where(lambda row: row.role == "dense").total`."""
        return replace(self, rows=tuple(row for row in self.rows if keep(row)), dead=())

    def grouped(self, key: Callable[[Row], str]) -> Anatomy:
        """One row for all rows with the same key: a module, a stage. Shape and field are those of its last row."""
        group_of = {row.name: key(row) for row in self.rows}
        groups: dict[str, list[Row]] = {}
        for row in self.rows:
            groups.setdefault(group_of[row.name], []).append(row)
        merged = []
        for name, rows in groups.items():
            reads = dict.fromkeys(group_of.get(source, source) for row in rows for source in row.reads)
            merged.append(_merged(name, rows, tuple(source for source in reads if source != name)))
        return replace(self, rows=tuple(merged))

    def folded(self) -> Anatomy:
        """Fewer rows: what only normalises or bends the output of one layer joins the row of that layer.

        Padding and flattening join the layer that they are for.
        """
        readers: dict[str, list[str]] = {row.name: [] for row in self.rows}
        for row in self.rows:
            for source in row.reads:
                readers.setdefault(source, []).append(row.name)
        role = {row.name: row.role for row in self.rows}
        head: dict[str, str] = {}
        for row in self.rows:
            (source,) = row.reads if len(row.reads) == 1 else (None,)
            head[row.name] = row.name
            if row.type.startswith(("ZeroPadding", "Flatten", "Reshape")) and len(readers[row.name]) == 1:
                head[row.name] = readers[row.name][0]
            elif row.role in ("normalisation", "activation", "shape") and source in head:
                if readers[source] == [row.name] and role[head[source]] != "input":
                    head[row.name] = head[source]
        return self.grouped(lambda row: head[row.name])

    def __str__(self) -> str:
        return table.text(self)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return table.html(self)


def _merged(name: str, rows, reads: tuple[str, ...]) -> Row:
    if len(rows) == 1 and name != "total":
        return replace(rows[0], name=name, reads=reads)
    main, last = next((row for row in rows if row.name == name), rows[0]), rows[-1]
    types = dict.fromkeys([main.type, *(row.type for row in rows)])
    return Row(
        name=name,
        type=" + ".join(types) if len(rows) <= 3 else f"{len(rows)} layers",
        role=main.role,
        shapes=last.shapes,
        trainable=sum(row.trainable for row in rows),
        other=sum(row.other for row in rows),
        multiply_adds=sum(row.multiply_adds for row in rows),
        values=sum(row.values for row in rows),
        memory=sum(row.memory for row in rows),
        depth=max(row.depth for row in rows),
        weight_layers=sum(row.weight_layers for row in rows),
        field=last.field,
        reads=reads,
        window=main.window,
        uncounted=tuple(dict.fromkeys(each for row in rows for each in row.uncounted)),
        deeper=any(row.deeper for row in rows),
    )
