"""The lessons as a picture to click: boxes, and in the lanes between them arrows to what builds on them."""

from __future__ import annotations

import textwrap

from course_tools.site.pages import LessonPage, escaped, lesson_address

# Where the boxes stand: what a lesson builds on is further left, or in the first row.
PLACES = """
00 01 02 03 04 05
07 14 15 16 .. 26 27 24
09 11 12 13 18 19 21 28
08 10 .. .. 17 20 23 22
06 .. .. .. .. .. .. 25
"""
WIDTH, HEIGHT = 146, 50  # of a box
ACROSS, DOWN = 176, 66  # from box to box
LEFT, TOP = 26, 8
LINE, LETTERS = 13, 16  # the height of a line in a box, and how many go into one
STEP, ASIDE = 5, 11  # from arrow to arrow in a lane, and where they meet a box

Place = tuple[int, int]  # column, row


def lesson_map(lessons: list[LessonPage]) -> str:
    """An SVG for the front page, on one line of HTML."""
    places = _places([lesson.name for lesson in lessons])
    wide = LEFT + max(column for column, _ in places.values()) * ACROSS + WIDTH + 4
    high = 2 * TOP + max(row for _, row in places.values()) * DOWN + HEIGHT
    needs = {lesson.name: lesson.card.needs for lesson in lessons}
    arrows = [
        _arrow(places[need], places[name], set(places.values()), need, name)
        for name in needs
        for need in direct_needs(name, needs)
    ]
    boxes = [_box(lesson, places[lesson.name]) for lesson in lessons]
    widths = f"min-width:{wide * 0.8:.0f}px;max-width:{wide * 1.15:.0f}px"  # so that it can be read, and fits a screen
    return (
        '<div class="map" tabindex="0" role="region" aria-label="Map of the lessons">'
        f'<svg viewBox="0 0 {wide} {high}" style="{widths}" role="group" '
        'aria-label="The lessons, with arrows to those that build on them">'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"></path></marker></defs>'
        f'<g class="arrows" aria-hidden="true">{"".join(arrows)}</g>{"".join(boxes)}</svg></div>'
    )


def _places(names: list[str]) -> dict[str, Place]:
    """Column and row of each lesson; those that PLACES does not know follow in rows of their own."""
    rows = [line.split() for line in PLACES.split("\n") if line]
    known = {number: (column, row) for row, line in enumerate(rows) for column, number in enumerate(line)}
    new = [name for name in names if name[:2] not in known]
    first = len(rows) if len(new) < len(names) else 0
    return {
        name: known[name[:2]] if name[:2] in known else (new.index(name) % 8, first + new.index(name) // 8)
        for name in names
    }


def direct_needs(lesson: str, needs: dict[str, list[str]]) -> list[str]:
    """What a lesson builds on, without what these build on already; lessons that are not written are left out."""
    own = [need for need in needs[lesson] if need in needs]
    return [need for need in own if not any(need in _all_needs(other, needs) for other in own if other != need)]


def _all_needs(lesson: str, needs: dict[str, list[str]]) -> set[str]:
    seen, left = set(), [lesson]
    while left:
        for need in needs.get(left.pop(), []):
            if need not in seen:
                seen.add(need)
                left.append(need)
    return seen


def _corner(place: Place) -> tuple[int, int]:
    column, row = place
    return LEFT + column * ACROSS, TOP + row * DOWN


def _arrow(start: Place, end: Place, taken: set[Place], *names: str) -> str:
    points = "L".join(f"{x} {y}" for x, y in _way(start, end, taken))
    classes = " ".join(f"of-{name[:2]}" for name in names)
    return f'<path class="{classes}" d="M{points}" marker-end="url(#tip)"></path>'


def _way(start: Place, end: Place, taken: set[Place]) -> list[tuple[int, int]]:
    """The corners of an arrow. It keeps to the lanes between the boxes, and passes none; what comes from one row of
    boxes has a line of its own there, and meets a box above, at or below its middle as its row is."""
    (x, y), (to_x, to_y) = _corner(start), _corner(end)
    middle, to_middle, gap = y + HEIGHT // 2, to_y + HEIGHT // 2, DOWN - HEIGHT
    if end[0] <= start[0]:  # back: below its own row, and down along the left edge
        half, below, left = x + WIDTH // 2, y + HEIGHT + gap // 2, to_x - LEFT + 4
        return [(half, y + HEIGHT), (half, below), (left, below), (left, to_middle), (to_x, to_middle)]
    passed = range(start[0] + 1, end[0])
    meets = to_middle + ASIDE * ((start[1] > end[1]) - (start[1] < end[1]))
    if all((column, end[1]) not in taken for column in passed):
        along = meets = meets if not passed else to_middle
    elif start[1] != end[1]:
        along = max(y, to_y) - gap // 2
    else:
        along, meets = y + HEIGHT + gap // 3 * (1 + start[0] % 2), to_middle + ASIDE
    lane = x + WIDTH + STEP * (start[1] + 1)
    to_lane = lane + ACROSS * len(passed)
    return [(x + WIDTH, middle), (lane, middle), (lane, along), (to_lane, along), (to_lane, meets), (to_x, meets)]


def _box(lesson: LessonPage, place: tuple[int, int]) -> str:
    x, y = _corner(place)
    lines = textwrap.wrap(lesson.short_title, LETTERS, max_lines=3, break_long_words=False, placeholder="…")
    top = y + HEIGHT / 2 + 4 - (len(lines) - 1) / 2 * LINE
    words = "".join(
        f'<tspan x="{x + 35}" y="{top + number * LINE:.0f}">{escaped(line)}</tspan>'
        for number, line in enumerate(lines)
    )
    return (
        f'<a href="{escaped(lesson_address(lesson.name))}" data-lesson="{lesson.number}" '
        f'aria-label="Lesson {lesson.number}: {escaped(lesson.card.title)}">'
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="7"></rect>'
        f'<text class="number" x="{x + 9}" y="{y + HEIGHT // 2 + 5}">{lesson.number}</text>'
        f"<text>{words}</text></a>"
    )
