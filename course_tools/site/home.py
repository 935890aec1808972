"""The front page: what the course is, the two commands, the lessons as a map, and a few of their pictures."""

from __future__ import annotations

from course_tools.project import Project
from course_tools.site.lesson import image
from course_tools.site.map import lesson_map
from course_tools.site.pages import Content, LessonPage, escaped, lesson_address, link
from course_tools.site.settings import TITLE

SHOWN = ("02", "03", "05", "08", "12", "18", "21", "26", "27")  # lessons whose picture speaks for itself when small
_HOME = """\
---
html_theme.sidebar_secondary.remove: true
---

# {title}

<div class="hero">
<div class="hero-words">
<p class="lead">Neural and convolutional networks, from one neuron to attention: every layer built by hand in NumPy,
then used in Keras, in lessons that run on a laptop in under a minute. Exercises are judged at once; what is claimed is
measured.</p>
<p class="buttons"><a class="button first" href="lessons/{first}.html">Start with lesson {number}</a> <a class="button"
href="lessons/index.html">All {count} lessons</a> <a class="button" href="{source}">Source</a></p>
</div>
<div class="hero-commands">
<p>Two commands, once you have the repository:</p>
<pre class="commands" tabindex="0">make lab     # opens the first lesson
make test    # proves that all of it works</pre>
</div>
</div>

<div class="over"><h2 id="map">The lessons</h2><p>An arrow leads from a lesson to those that build on it.</p></div>
{map}
<div class="over"><h2 id="pictures">From the lessons</h2></div>
<ul class="strip">{pictures}</ul>

```{{toctree}}
:hidden:

{pages}
```
"""
_LESSONS = """\
# Lessons

Each lesson has one question, answered step by step: by hand on something tiny, in NumPy, in Keras, and by experiment.
The pages show them solved, with our solutions folded away; to work on them, open them in Colab or download them.

{rows}

```{{toctree}}
:hidden:

{names}
```
"""


def add_home(project: Project, lessons: list[LessonPage], content: Content, pages: list[str] | None = None) -> None:
    """The front page and the list of lessons; `pages` are those that the head of every page leads to."""
    pages = ["lessons/index", *(pages or [])]
    first = lessons[0]
    content.add(
        "index",
        _HOME.format(
            title=TITLE,
            first=first.name,
            number=first.number,
            count=len(lessons),
            source=escaped(project.source_address()),
            map=lesson_map(lessons),
            pictures="".join(_exhibit(lesson) for lesson in lessons if lesson.number in SHOWN and _picture(lesson)),
            pages="\n".join(pages),
        ),
        "course_tools/site/home.py",
    )
    rows = "\n".join(_row(lesson) for lesson in lessons)
    names = "\n".join(f"{lesson.number} {_plain(lesson.short_title)} <{lesson.name}>" for lesson in lessons)
    content.add("lessons/index", _LESSONS.format(rows=rows, names=names), "course_tools/site/home.py")


def _plain(text: str) -> str:
    """A title that can stand in a table of contents."""
    return text.replace("<", "‹").replace(">", "›")


def _row(lesson: LessonPage) -> str:
    card = lesson.card
    return f"- **{lesson.number} [{card.title}]({lesson.name}.ipynb)** ({card.minutes} minutes). {card.summary}"


def _picture(lesson: LessonPage):
    return next((figure for figure in lesson.figures if "picture" in figure.tags), None)


def _exhibit(lesson: LessonPage) -> str:
    figure = _picture(lesson)
    shown = image(figure.file, figure.alt, figure.width, figure.height)
    caption = f"<span>{escaped(lesson.number)} {escaped(lesson.short_title)}</span>"
    return f"<li>{link(lesson_address(lesson.name, figure.cell), shown + caption)}</li>"
