"""Receptive fields: which stretch of the input a unit can depend on, followed exactly from layer to layer.

Along every axis of the input but the batch and the channels (the last axis, if there is more than one), a `View` says
what unit 0, 1, 2 ... of a map see. It repeats itself, moved on, after `len(seen)` units: one for a convolution, the
stride for a transposed one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

Interval = tuple[int, int]  # first and last place, both included
Shape = tuple[int, ...]
Reads = Callable[[int], Iterable[int]]  # a unit -> the units of the map before that it reads


def hull(intervals: Iterable[Interval | None]) -> Interval | None:
    """The smallest interval around those given; None, which sees nothing, does not matter."""
    known = [interval for interval in intervals if interval]
    return (min(first for first, _ in known), max(last for _, last in known)) if known else None


@dataclass(frozen=True)
class View:
    """Unit i sees `seen[i % len(seen)]`, moved on by `shift` for every `len(seen)` units; None is nothing."""

    seen: tuple[Interval | None, ...]
    shift: int

    def __call__(self, unit: int) -> Interval | None:
        turns, place = divmod(unit, len(self.seen))
        interval = self.seen[place]
        return interval and (interval[0] + turns * self.shift, interval[1] + turns * self.shift)

    @property
    def size(self) -> int:
        return max((last - first + 1 for first, last in filter(None, self.seen)), default=0)

    @property
    def jump(self) -> int | Fraction:
        jump = Fraction(self.shift, len(self.seen))
        return jump.numerator if jump.denominator == 1 else jump

    def through(self, reads: Reads, period: int, step: int) -> View:
        """The view of a layer whose unit i reads the units `reads(i)` here; those of unit i + period are `step` on."""
        repeats = len(self.seen) // math.gcd(len(self.seen), step)
        seen = tuple(hull(map(self, reads(unit))) for unit in range(period * repeats))
        return View(seen, self.shift * (step * repeats // len(self.seen)))

    def with_(self, other: View) -> View | None:
        """The view of a unit that reads unit i of both; None if they run apart."""
        period = math.lcm(len(self.seen), len(other.seen))
        if self.jump != other.jump:
            return None
        seen = tuple(hull((self(unit), other(unit))) for unit in range(period))
        return View(seen, self.shift * (period // len(self.seen)))


@dataclass(frozen=True)
class Sight:
    """What the units of a map see along one axis of the input.

    along: the axes of the map along which this changes; none where all units see the same
    view: what a unit sees of an endless input; None where a reshape has scattered the places
    units: what each unit along that axis sees of this input, borders and all; only one where all see the same, or
        where they are scattered: then it is what they see together
    """

    along: frozenset[int]
    view: View | None
    units: tuple[Interval | None, ...]

    @property
    def size(self) -> int | None:
        return self.view and self.view.size

    @property
    def limits(self) -> Interval | None:
        """What all units see together."""
        return hull(self.units)

    def of(self, index: Sequence[int]) -> Interval | None:
        """What the unit at this place of the map sees."""
        return self.units[index[next(iter(self.along))] if len(self.units) > 1 else 0]

    def slid(self, axis: int, length: int, reads: Reads, period: int, step: int) -> Sight:
        if axis not in self.along or self.view is None:
            return self
        there = range(len(self.units))
        units = tuple(hull(self.units[each] for each in reads(unit) if each in there) for unit in range(length))
        return Sight(self.along, self.view.through(reads, period, step), units)

    def fixed(self) -> Sight:
        """All units see the same: what they saw together."""
        return Sight(frozenset(), View((self.limits,), 0), (self.limits,))

    def scattered(self, along: Iterable[int]) -> Sight:
        return Sight(frozenset(along), None, (self.limits,))


@dataclass(frozen=True)
class Field:
    """What the units of a map see, for each input and each of its axes but batch and channels.

    size: places along each axis, None where a reshape has mixed them; it may exceed the input, as papers count it
    jump: places between the views of neighbours; 0 where all see the same
    start: the first place that the first unit sees, negative in the padding
    """

    sights: dict[tuple[str, int], Sight]

    @classmethod
    def of_input(cls, name: str, shape: Shape) -> Field:
        axes = range(max(len(shape) - 1, min(len(shape), 1)))
        whole = {axis: Sight(frozenset([axis]), View(((0, 0),), 1), _places(shape[axis])) for axis in axes}
        return cls({(name, axis): sight for axis, sight in whole.items()})

    @property
    def size(self) -> tuple[int | None, ...]:
        return tuple(sight.size for sight in self.sights.values())

    @property
    def jump(self) -> tuple[int | Fraction | None, ...]:
        return tuple(sight.view and sight.view.jump for sight in self.sights.values())

    @property
    def start(self) -> tuple[int | None, ...]:
        first = [sight.view and sight.view(0) for sight in self.sights.values()]
        return tuple(interval and interval[0] for interval in first)

    @property
    def inputs(self) -> list[str]:
        """The inputs that are seen."""
        return list(dict.fromkeys(name for name, _ in self.sights))

    def of(self, index: Sequence[int]) -> tuple[Interval | None, ...]:
        """First and last place that the unit at `index` (without batch; channels do not matter) sees of each axis."""
        return tuple(sight.of(index) for sight in self.sights.values())

    def _each(self, change: Callable[[Sight], Sight]) -> Field:
        return Field({key: change(sight) for key, sight in self.sights.items()})

    def slide(self, axis: int, length: int, reads: Reads, period: int = 1, step: int = 1) -> Field:
        """After a layer with `length` units along `axis`, of which unit i reads the units `reads(i)`; see `View`."""
        return self._each(lambda sight: sight.slid(axis, length, reads, period, step))

    def mix(self, axes: Iterable[int]) -> Field:
        """After a layer whose units read all places of these axes."""
        axes = frozenset(axes)

        def change(sight: Sight) -> Sight:
            left = sight.along - axes
            if left == sight.along:
                return sight
            return sight.scattered(left) if left else sight.fixed()

        return self._each(change)

    def scatter(self, axis: int) -> Field:
        """After a layer that lays several maps end to end along an axis: what their units see does not run on."""
        return self._each(lambda sight: sight.scattered(sight.along) if axis in sight.along else sight)

    def rearrange(self, before: Shape, after: Shape) -> Field:
        """After a reshape: axes at both ends that keep their sizes keep their places; the others are scattered."""
        front = _common(before, after)
        back = _common(before[front:][::-1], after[front:][::-1])
        middle = range(front, len(after) - back)

        def moved(axis: int) -> Iterable[int]:
            if axis < front:
                return [axis]
            return [axis + len(after) - len(before)] if axis >= len(before) - back else middle

        def change(sight: Sight) -> Sight:
            along = [new for axis in sight.along for new in moved(axis)]
            if not sight.along:
                return sight
            if not along:  # an axis of one place is gone
                return sight.fixed()
            if sight.view is None or any(axis in middle for axis in along):
                return sight.scattered(along)
            return Sight(frozenset(along), sight.view, sight.units)

        return self._each(change)

    def permute(self, order: Sequence[int]) -> Field:
        """After a change of the order of the axes: axis i of the result is axis `order[i]`."""
        return self._each(lambda sight: Sight(frozenset(map(order.index, sight.along)), sight.view, sight.units))


def _common(first: Shape, second: Shape) -> int:
    """How many sizes agree from the front."""
    agree = [a == b for a, b in zip(first, second, strict=False)]
    return agree.index(False) if False in agree else len(agree)


def join(fields: Sequence[Field], shapes: Sequence[Shape]) -> Field:
    """After a layer that reads the same unit of every map; an axis of one place serves all units of a longer one."""
    longest = [max(sizes) for sizes in zip(*shapes, strict=True)] if len(set(map(len, shapes))) == 1 else None
    together: dict[tuple[str, int], list[Sight]] = {}
    for field, shape in zip(fields, shapes, strict=True):
        for key, sight in field.sights.items():
            serves_all = longest and all(shape[axis] == 1 < longest[axis] for axis in sight.along)
            together.setdefault(key, []).append(sight.fixed() if serves_all and sight.along else sight)
    return Field({key: _joined(sights, longest) for key, sights in together.items()})


def _joined(sights: list[Sight], shape: Sequence[int] | None) -> Sight:
    first, *others = sights
    everything = hull(sight.limits for sight in sights)
    for sight in sights:
        if not sight.along and sight.limits == everything:
            return sight  # whatever the others see, this one sees it, too
    along = frozenset().union(*(sight.along for sight in sights))
    view = first.view
    for other in others:
        view = view and other.view and view.with_(other.view)
    if view is None or len(along) > 1 or shape is None:
        return Sight(along, None, (everything,))
    return Sight(along, view, tuple(map(hull, zip(*(sight.units for sight in sights), strict=True))))


def _places(length: int) -> tuple[Interval, ...]:
    return tuple((place, place) for place in range(length))
