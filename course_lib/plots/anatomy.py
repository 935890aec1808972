"""What a network is made of, in pictures: where its parameters and its memory are, and its graph. See lesson 18.

Both take what `course_lib.anatomy.anatomy` gives; for a large network, give `.folded()` or `.grouped(…)` of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch
from matplotlib.ticker import EngFormatter

from course_lib.plots import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, YELLOW

if TYPE_CHECKING:
    from course_lib.anatomy import Anatomy, Row

COLOURS = {
    "input": BLACK, "convolution": BLUE, "dense": VERMILION, "attention": PURPLE, "pooling": GREEN,
    "normalisation": YELLOW, "activation": SKY, "join": ORANGE, "shape": GREY, "unknown": BLACK,
}  # fmt: skip


# Bars


def parameters_and_memory(anatomy: Anatomy) -> Figure:
    """Two bar charts with one line for each layer that has either: its parameters, and the memory of its activations.

    Memory is that of one example; training keeps the activations, and as many gradients.
    """
    rows = [row for row in anatomy if row.parameters or row.memory]
    places = np.arange(len(rows))
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 1.1 + 0.21 * len(rows)), sharey=True, layout="constrained")
    left.barh(places, [row.parameters for row in rows], color=BLUE)
    memory = np.array([row.memory for row in rows])
    right.barh(places, memory, color=ORANGE, label="activations")
    right.barh(places, memory, left=memory, color=ORANGE, alpha=0.4, label="gradients, in training")
    left.set_yticks(places, [row.name for row in rows], fontsize=9)
    left.set(xlabel="parameters", ylim=(len(rows) - 0.4, -0.6))
    right.set(xlabel="memory for one example")
    for axes, unit in ((left, ""), (right, "B")):
        axes.xaxis.set_major_formatter(EngFormatter(unit))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=GREY, alpha=0.3, linewidth=0.8)
        axes.set_axisbelow(True)
    right.legend(loc="best")
    figure.suptitle(anatomy.name, fontsize=12)
    return figure


# The graph


@dataclass(frozen=True)
class Layout:
    """Where everything goes: rows at (across, step along the flow), and (from, to) -> the points in between."""

    places: dict[str, tuple[float, int]]
    lines: dict[tuple[str, str], list[tuple[float, int]]]


def layout(reads: dict[str, Sequence[str]]) -> Layout:
    """A layered drawing of a graph, in the manner of Sugiyama, Tagawa and Toda (1981).

    `reads` says what each row reads. Every row comes a step after all that it reads; a line that passes a step has a
    place of its own there, so that it passes beside the rows. Then the order within the steps is improved until lines
    cross as little as this can, and the places are evened out. Raises ValueError for a graph with a cycle.
    """
    reads = {name: [source for source in sources if source in reads] for name, sources in reads.items()}
    steps = _steps(reads)
    edges, shortcuts, chains = [], [], {}
    columns: list[list] = [[] for _ in range(max(steps.values(), default=-1) + 1)]
    for name, step in steps.items():
        columns[step].append(name)
    for name, sources in reads.items():
        for source in sources:
            between = [(source, name, step) for step in range(steps[source] + 1, steps[name])]
            for point in between:
                columns[point[2]].append(point)
            chains[source, name] = between
            pieces = [*itertools.pairwise([source, *between, name])]
            if between and _is_shortcut(reads, source, name):
                shortcuts += pieces
            else:
                edges += pieces
    columns = _untangled(columns, *_neighbours(edges + shortcuts, columns))
    across = _evened_out(columns, *_neighbours(edges, columns))  # shortcuts give way, so that the main path is straight
    return Layout(
        {name: (across[name], step) for name, step in steps.items()},
        {edge: [(across[point], point[2]) for point in points] for edge, points in chains.items()},
    )


def _steps(reads: dict[str, Sequence[str]]) -> dict[str, int]:
    """The longest way from the beginning; side branches wait until just before they are needed."""
    steps: dict[str, int] = {}
    left = list(reads)
    while left:
        ready = [name for name in left if all(source in steps for source in reads[name])]
        if not ready:
            raise ValueError(f"These rows read one another in a circle: {', '.join(left)}.")
        for name in ready:
            steps[name] = max((steps[source] + 1 for source in reads[name]), default=0)
        left = [name for name in left if name not in steps]
    for name in sorted(reads, key=steps.get, reverse=True):
        later = [steps[reader] for reader, sources in reads.items() if name in sources]
        if later and not reads[name]:
            steps[name] = min(later) - 1
    return steps


def _neighbours(edges, columns) -> tuple[dict, dict]:
    before = {node: [] for column in columns for node in column}
    after = {node: [] for column in columns for node in column}
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    return before, after


def _untangled(columns: list[list], before: dict, after: dict) -> list[list]:
    """The order within each step with the fewest crossings that sorting by the mean of the neighbours finds."""
    best, fewest = columns, _crossings(columns, after)
    for sweep in range(8):
        columns = list(columns)
        forwards = sweep % 2 == 0
        order = range(1, len(columns)) if forwards else range(len(columns) - 2, -1, -1)
        for step in order:
            other = columns[step - 1] if forwards else columns[step + 1]
            rank = {node: place for place, node in enumerate(other)}
            beside = before if forwards else after
            own = {node: place for place, node in enumerate(columns[step])}
            columns[step] = sorted(
                columns[step],
                key=lambda node, beside=beside, rank=rank, own=own: (
                    np.mean([rank[each] for each in beside[node]]) if beside[node] else own[node]
                ),
            )
        crossings = _crossings(columns, after)
        if crossings < fewest:
            best, fewest = columns, crossings
    return best


def _crossings(columns: list[list], after: dict) -> int:
    total = 0
    for column, following in itertools.pairwise(columns):
        rank = {node: place for place, node in enumerate(following)}
        ends = [[rank[target] for target in after[node]] for node in column]
        total += sum(
            a > b for place, upper in enumerate(ends) for lower in ends[place + 1 :] for a in upper for b in lower
        )
    return total


def _evened_out(columns: list[list], before: dict, after: dict) -> dict:
    """Places across: each as near to the mean of its neighbours as the distances allow; rows weigh more than lines."""
    across = {node: place - (len(column) - 1) / 2 for column in columns for place, node in enumerate(column)}
    for beside, order in ((before, columns), (after, columns[::-1]), (before, columns)):
        for column in order:
            # A point of a shortcut, which has no neighbours here, wants to be near its ends.
            near = [beside[node] or ([] if isinstance(node, str) else node[:2]) for node in column]
            wanted = [
                np.mean([across[each] for each in those] or across[node])
                for node, those in zip(column, near, strict=True)
            ]
            weights = [1000.0 if isinstance(node, str) else 1.0 for node in column]
            gaps = [
                1.0 if isinstance(left, str) and isinstance(right, str) else 0.65
                for left, right in itertools.pairwise(column)
            ]
            across.update(zip(column, _apart(wanted, weights, np.cumsum([0.0, *gaps])), strict=True))
    return across


def _is_shortcut(reads: dict[str, Sequence[str]], source: str, target: str) -> bool:
    """Whether there is another way from the one to the other."""
    waiting, seen = [each for each in reads[target] if each != source], set()
    while waiting:
        name = waiting.pop()
        if name == source:
            return True
        if name not in seen:
            seen.add(name)
            waiting += reads[name]
    return False


def _apart(wanted, weights, offsets) -> np.ndarray:
    """The places nearest to those wanted (weighted squares) whose distances are at least those of the offsets.

    Less the offsets, they only have to be in order: neighbours that are not are pooled at their mean, until all are.
    """
    pools: list[list[float]] = []  # mean, weight, members
    for place, weight, offset in zip(wanted, weights, offsets, strict=False):
        pools.append([place - offset, weight, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            mean, weight, members = pools.pop()
            pools[-1][0] = (pools[-1][0] * pools[-1][1] + mean * weight) / (pools[-1][1] + weight)
            pools[-1][1] += weight
            pools[-1][2] += members
    return np.repeat([pool[0] for pool in pools], [int(pool[2]) for pool in pools]) + offsets[: len(wanted)]


def row_label(row: Row) -> str:
    """Two lines: the name, and the window with the shape of the output."""
    shape = "×".join(map(str, row.shape))
    return f"{row.name}\n{row.window + '  ' if row.window else ''}{shape}"


_LETTER, _LINE, _SIZE = 0.078, 0.16, 8.5  # inches that a letter and a line of text take, and points of the type


def drawing(
    *anatomies: Anatomy, direction: str = "down", label: Callable[[Row], str] = row_label, scale: float = 1.0
) -> Figure:
    """The graphs of one or more networks, side by side and alike in size: a box for each row, coloured by what it does.

    direction: the way from the input to the output, "down" or "right". `label` gives the words in a box; `scale` makes
    everything smaller or larger, the words too. Raises ValueError for another direction.
    """
    if direction not in ("down", "right"):
        raise ValueError(f"direction must be 'down' or 'right', not {direction!r}.")
    down = direction == "down"
    drawings = [_Drawing(anatomy, down, label) for anatomy in anatomies]
    widths, heights = zip(*(each.size for each in drawings), strict=True)
    roles = [role for role in COLOURS if any(row.role == role for anatomy in anatomies for row in anatomy)]
    across = sum(widths) if down else max(widths)
    along = max(heights) if down else sum(heights)
    figure, all_axes = plt.subplots(
        *((1, len(drawings)) if down else (len(drawings), 1)),
        figsize=(max(across * scale, 4.2), along * scale + 0.3 * (1 if down else len(drawings)) + 0.4),
        squeeze=False,
        gridspec_kw={"width_ratios": widths} if down else {"height_ratios": heights},
        layout="constrained",
    )
    figure.get_layout_engine().set(h_pad=0.1)
    for axes, each in zip(all_axes.flat, drawings, strict=True):
        each.draw(axes, (each.size[0], along) if down else (across, each.size[1]), _SIZE * scale)
    patches = [Patch(**_look(role), label=role) for role in roles]
    columns = min(len(roles), max(3, int(figure.get_figwidth() / 1.3)))
    figure.legend(handles=patches, loc="outside lower center", ncols=columns, fontsize=9)
    return figure


class _Drawing:
    """One graph in a coordinate system of inches."""

    def __init__(self, anatomy: Anatomy, down: bool, label: Callable[[Row], str]):
        self.name, self.down = anatomy.name, down
        self.roles = {row.name: row.role for row in anatomy}
        self.labels = {row.name: label(row) for row in anatomy}
        lines = [text.split("\n") for text in self.labels.values()]
        self.width = _LETTER * max(len(line) for text in lines for line in text) + 0.16
        self.height = _LINE * max(map(len, lines)) + 0.1
        self.gaps = (self.width + 0.15, self.height + 0.28) if down else (self.width + 0.35, self.height + 0.15)
        self.layout = layout({row.name: row.reads for row in anatomy})
        points = [*self.layout.places.values(), *(point for line in self.layout.lines.values() for point in line)]
        corners = np.array([self._inches(*point) for point in points])
        half = np.array([self.width, self.height]) / 2 + 0.08
        self.low, self.high = corners.min(axis=0) - half, corners.max(axis=0) + half

    @property
    def size(self) -> np.ndarray:
        return self.high - self.low

    def _inches(self, across: float, step: int) -> tuple[float, float]:
        if self.down:
            return across * self.gaps[0], -step * self.gaps[1]
        return step * self.gaps[0], -across * self.gaps[1]

    def draw(self, axes, size: tuple[float, float], points: float) -> None:
        """Into axes that show `size` inches, with letters of so many points."""
        for (source, target), between in self.layout.lines.items():
            self._line(axes, self.layout.places[source], between, self.layout.places[target])
        for name, place in self.layout.places.items():
            x, y = self._inches(*place)
            corner = (x - self.width / 2, y - self.height / 2)
            box = {"boxstyle": "round,pad=0,rounding_size=0.05", "zorder": 2, **_look(self.roles[name])}
            axes.add_patch(FancyBboxPatch(corner, self.width, self.height, **box))
            axes.text(x, y, self.labels[name], ha="center", va="center", fontsize=points, linespacing=1.15, zorder=3)
        middle, top = (self.low[0] + self.high[0]) / 2, self.high[1]
        axes.set(xlim=(middle - size[0] / 2, middle + size[0] / 2), ylim=(top - size[1], top), aspect="equal")
        axes.axis("off")
        axes.set_title(self.name, fontsize=11)

    def _line(self, axes, start, between, end) -> None:
        """From the edge of one box to that of the other, straight along every step that it only passes."""
        half = self.height / 2 if self.down else self.width / 2
        points = [self._moved(start, half)]
        for point in between:
            points += [self._moved(point, -half), self._moved(point, half)]
        points.append(self._moved(end, -half))
        axes.plot(*zip(*points, strict=True), color=GREY, linewidth=1.2, zorder=1, solid_joinstyle="round")
        head = {"arrowstyle": "-|>", "color": GREY, "shrinkA": 0, "shrinkB": 0}
        axes.annotate("", points[-1], points[-2], zorder=1, arrowprops=head)

    def _moved(self, point, along: float) -> tuple[float, float]:
        x, y = self._inches(*point)
        return (x, y - along) if self.down else (x + along, y)


def _look(role: str) -> dict:
    """A pale ground that text can be read on, and an edge in the colour itself; what is unknown has a dashed one."""
    colour = COLOURS[role]
    is_plain = role in ("input", "unknown")
    pale = (1.0, 1.0, 1.0) if is_plain else tuple(0.3 * part + 0.7 for part in to_rgb(colour))
    return {"facecolor": pale, "edgecolor": colour, "linewidth": 1.2, "linestyle": "--" if role == "unknown" else "-"}
