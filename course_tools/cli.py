"""The `course` command. Each subcommand imports what it needs, so that the others start at once."""

from __future__ import annotations

import os
import signal
import sys
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated

from course_tools.errors import CourseError
from course_tools.grading.limits import Limits

_INSTALL = 'in the folder of the course, run  python -m pip install -e ".[teach]"'

try:
    import typer
except ImportError:  # a student's environment that was made without the teacher's tools
    sys.exit(f"`course` needs its tools; {_INSTALL}")

app = typer.Typer(
    help="Build, run and check the course.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Lessons = Annotated[
    list[str] | None, typer.Argument(metavar="[LESSON ...]", help="Name, number or path; all lessons if none is given.")
]


_LIMITS = Limits()


@app.command()
def build(
    lessons: Lessons = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a file is not up to date.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Execute lessons whose code did not change, too.")] = False,
) -> None:
    """Make the notebooks from the lessons."""
    from course_tools.build import render_lessons
    from course_tools.project import choose_lessons, find_project

    project = find_project()
    rendered = render_lessons(project, choose_lessons(project, lessons or []))
    if check:
        found = _check(project, rendered, every_lesson=not lessons)
    else:
        found = _build(project, rendered, force)
    raise typer.Exit(1 if found else 0)


@app.command()
def run(
    lessons: Lessons = None,
    student: Annotated[bool, typer.Option("--student", help="Run them with all exercises blank.")] = False,
) -> None:
    """Execute lessons, and show how long each takes and how much memory."""
    from course_tools import report
    from course_tools.build import render_lessons
    from course_tools.execute import execute, failure_text, require_known_scale
    from course_tools.project import choose_lessons, find_project

    project = find_project()
    require_known_scale()
    rendered = render_lessons(project, choose_lessons(project, lessons or []))
    console = report.console()
    runs = []
    with report.cell_progress(console) as progress:
        for lesson in rendered:
            notebook = lesson.student if student else lesson.solved
            task = progress.add_task(lesson.lesson, total=len(notebook["cells"]))
            advance = partial(progress.advance, task)
            runs.append((lesson, execute(notebook, project.notebooks, advance=advance)))
    console.print(report.run_table(runs))
    failed = [pair for pair in runs if pair[1].failed_cell]
    for pair in failed:
        console.print("\n" + failure_text(*pair))
    raise typer.Exit(1 if failed else 0)


@app.command()
def address(
    url: Annotated[str, typer.Argument(metavar="URL", help="Such as https://github.com/somebody/some-course.")],
) -> None:
    """Set the address that the course is published at, everywhere that names it."""
    from course_tools.address import followers, understood, with_source
    from course_tools.build import render_lessons, write_together
    from course_tools.project import find_project

    project, url = find_project(), understood(url)
    files = {**with_source(project, url), **followers(project, url)}
    render_lessons(project, project.lesson_names())  # a lesson that is malformed stops all, with nothing written
    write_together(files)
    if _build(project, render_lessons(project, project.lesson_names()), force=False):
        raise typer.Exit(1)
    typer.echo(f"The course is at {url} now.")


@app.command()
def doctor() -> None:
    """Tell in plain words what is installed, what is missing, and what to do about it."""
    from course_tools.doctor import examine, print_findings

    raise typer.Exit(print_findings(examine()))


class Attempts(str, Enum):
    """Which of several attempts at a lesson counts."""

    last = "last"
    best = "best"


@app.command()
def grade(
    submissions: Annotated[
        list[Path] | None,
        typer.Argument(help="A folder or .zip, as your platform gave it, or <student>/<lesson>.ipynb."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the marks of the course; given again, it goes on, and grows.")
    ] = None,
    lesson: Annotated[list[str] | None, typer.Option(help="Only this lesson; may be given several times.")] = None,
    roster: Annotated[
        Path | None, typer.Option(help="The class list, a CSV file from your platform; kept in the folder of marks.")
    ] = None,
    attempts: Annotated[
        Attempts | None,
        typer.Option(help="Of several attempts the last counts, or the best; recorded with the marks."),
    ] = None,
    anonymous: Annotated[
        bool | None,
        typer.Option("--anonymous/--named", help="Pages with pseudonyms, or with names; recorded with the marks."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Draw the inputs from this seed; else from a new one, recorded.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Exercises to run at a time.")] = os.cpu_count() or 1,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Let the workers of this Dask scheduler grade.")
    ] = None,
    run_all: Annotated[
        bool, typer.Option("--run-all", help="Run every cell, once, not only what answers need.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Grade unchanged submissions again, too.")] = False,
    forget: Annotated[
        list[str] | None,
        typer.Option(metavar="STUDENT", help="Delete this student's marks; may be given several times."),
    ] = None,
    forget_missing: Annotated[
        bool, typer.Option("--forget-missing", help="Delete the marks of all that is not in SUBMISSIONS.")
    ] = False,
    merge: Annotated[
        bool, typer.Option("--merge", help="SUBMISSIONS are folders of marks, to be brought together in --out.")
    ] = False,
    require_sandbox: Annotated[
        bool, typer.Option("--require-sandbox", help="Refuse to run without a sandbox.")
    ] = False,
    self_test: Annotated[bool, typer.Option("--self-test", help="Grade the course's own notebooks instead.")] = False,
    seconds: Annotated[float, typer.Option(min=0.1, help="Limit for one exercise: time.")] = _LIMITS.seconds,
    cpu: Annotated[float, typer.Option(min=0.1, help="Limit: seconds of processor time.")] = _LIMITS.cpu,
    memory: Annotated[
        int | None,
        typer.Option(min=100, help=f"Limit: memory, MB; {_LIMITS.memory}, or twice that with --run-all, if not given."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Limit: processes at one time.")] = _LIMITS.processes,
    files: Annotated[int, typer.Option(min=1, help="Limit: written to files, MB.")] = _LIMITS.files,
    output: Annotated[int, typer.Option(min=1, help="Limit: printed and returned, MB.")] = _LIMITS.output,
    whole_file: Annotated[int, typer.Option(min=1, help="Limit: a submission's size, MB.")] = _LIMITS.whole_file,
    reading: Annotated[
        float, typer.Option(min=0.1, help="Limit: seconds of the processor to read a submission or judge an answer.")
    ] = _LIMITS.reading,
    notebook: Annotated[
        float, typer.Option(min=0.1, help="Limit with --run-all: seconds to run the notebook itself.")
    ] = _LIMITS.notebook,
) -> None:
    """Grade a folder of submissions, each in a sandbox."""
    if not hasattr(os, "fork"):
        raise CourseError(
            "Grading forks a process for every answer, which this system cannot do. On Windows, install WSL "
            "(`wsl --install`) or use a container, and grade there as on Linux: docs/grading.md."
        )
    from course_tools.grading import command
    from course_tools.project import choose_lessons, find_project

    project = find_project()
    lessons = choose_lessons(project, lesson or [])
    memory = memory or (2 if run_all else 1) * _LIMITS.memory  # there are lessons that look at large networks
    limits = Limits(seconds, cpu, memory, processes, files, output, whole_file, reading, notebook)
    _tidy_up_when_ended()
    if self_test:
        sound = command.self_test(
            project, lessons, seed=seed or 0, jobs=jobs, limits=limits, run_all=run_all,
            require_sandbox=require_sandbox,
        )  # fmt: skip
        raise typer.Exit(0 if sound else 1)
    if forget and out is not None:
        command.forget(project, out, forget)
        if not submissions:
            return
    if merge and out is not None:
        command.merge(project, submissions or [], out)
        return
    if not submissions or len(submissions) > 1 or out is None:
        raise CourseError("Give one folder of submissions and --out, the folder for the marks (or --self-test).")
    command.grade_folder(
        project, submissions[0], out, lessons, seed=seed, jobs=jobs, limits=limits, roster=roster,
        attempts=attempts and attempts.value, anonymous=anonymous, run_all=run_all, force=force,
        forget_missing=forget_missing, require_sandbox=require_sandbox, cluster=cluster,
    )  # fmt: skip


@app.command()
def evidence(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LESSON[:NAME] ...]", help="Run what they miss; with none, list what there is."),
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="How many seeds, if not as many as declared.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Run what is missing of all lessons.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Seeds to run at a time.")] = 1,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Let the workers of this Dask scheduler run the seeds.")
    ] = None,
    scale: Annotated[str | None, typer.Option(help="laptop or gpu, as COURSE_SCALE.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Run nothing; fail if a record is out of date.")] = False,
) -> None:
    """Run the long experiments that lessons rest on, and record what they give."""
    from course_tools import evidence, report
    from course_tools.execute import require_known_scale
    from course_tools.project import find_project

    if scale:
        os.environ["COURSE_SCALE"] = scale
    require_known_scale()
    project, console = find_project(), report.console()
    chosen = evidence.choose(project, experiments or [])
    if check:
        lessons = {each.lesson for each in chosen} if experiments else project.lesson_names()
        found = list(evidence.drifts(project, sorted(lessons)))
        for drift in found:
            console.print(report.drift_text(drift))
        raise typer.Exit(1 if found else 0)
    if not experiments and not every:
        console.print(report.evidence_table(chosen))
        return
    with report.seed_progress(console) as progress:
        for each in chosen:
            wanted = seeds or each.seeds
            missing = len(each.missing(wanted, os.environ.get("COURSE_SCALE", "laptop")))
            task = progress.add_task(each.label, total=missing)

            def advance(seed: int, seconds: float, label=each.label, task=task) -> None:
                progress.advance(task)
                console.print(f"{label}: seed {seed} took {seconds:.0f} s.")

            if missing:
                evidence.run(each, wanted, jobs, advance, cluster, console.print)
            console.print(f"{each.label}: {'recorded' if missing else 'up to date'}.")


@app.command()
def site(
    serve: Annotated[bool, typer.Option("--serve", help="Show it on this machine until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="For --serve; 0 takes a free one.")] = 8000,
) -> None:
    """Make the course's website in the folder site."""
    from course_tools.project import find_project

    project = find_project()
    if serve:
        from course_tools.site.serve import serve as show

        show(project, port)
        return
    from course_tools.site.build import build_site

    built = build_site(project, say=typer.echo)
    typer.echo(f"{project.relative(built.folder)}/: {built.pages} pages, {built.size / 1e6:.0f} MB. "
               "`course site --serve` shows them.")  # fmt: skip


class KernelAction(str, Enum):
    """What to do with the warm kernel."""

    install = "install"
    remove = "remove"


@app.command()
def kernel(
    action: Annotated[KernelAction, typer.Argument(help="Tell Jupyter about it, or take it away.")],
    user: Annotated[bool, typer.Option("--user", help="For all environments of this user, not for this one.")] = False,
) -> None:
    """A Jupyter kernel with Keras imported already, so that it starts in a fraction of a second."""
    from course_tools.warm_kernel import specification

    if action is KernelAction.install:
        folder = specification.install(user)
        typer.echo(f'Jupyter now offers the kernel {specification.NAME}, "{specification.TITLE}": {folder}.')
        if not specification.WARM_HERE:
            typer.echo("Warm starts need Linux; here it starts as slowly as any other.")
    elif folder := specification.remove(user):
        typer.echo(f"The kernel {specification.NAME} is gone: {folder}.")
    else:
        raise CourseError(f"No kernel called {specification.NAME} is installed here, so there is none to remove.")


cluster_app = typer.Typer(help="Many machines for `course grade` and `course evidence`.", no_args_is_help=True)
app.add_typer(cluster_app, name="cluster")


@cluster_app.command("worker", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def cluster_worker(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="Where `dask scheduler` runs, such as tcp://10.0.0.1:8786.")],
) -> None:
    """Work for a scheduler: a process for each core. Further options are those of `dask worker`."""
    from course_tools.crew import run_workers

    run_workers(address, context.args)


zoo_app = typer.Typer(help="The trained networks of the course.", no_args_is_help=True)
app.add_typer(zoo_app, name="zoo")


@zoo_app.command("list")
def zoo_list() -> None:
    """What there is, how well each does, and what it learnt from."""
    from course_lib.quiet import quiet

    with quiet():
        from course_lib import zoo
    from course_tools import report

    console, cards = report.console(), [zoo.card(name) for name in zoo.names()]
    console.print(report.zoo_table(cards))
    for card in cards:
        console.print(f"{card.name}: {card.data}. {card.origin}. Seed {card.seed}.", markup=False)


@zoo_app.command("train")
def zoo_train(name: Annotated[str, typer.Argument(help="A network of `course zoo list`.")]) -> None:
    """Train a network again; broken off, it goes on from its last whole pass."""
    from course_lib.quiet import quiet

    with quiet():
        from course_tools import zoo
    from course_tools import report
    from course_tools.project import find_project

    console = report.console()
    card = zoo.train(name, find_project().root, console)
    console.print(f"{name}: {card.test_accuracy:.2%} of {card.test_images:,} test pictures right, as shipped.")


def _tidy_up_when_ended() -> None:
    """Let `kill`, and a terminal that is closed, end the program as Ctrl-C does, so that nothing stays in /tmp."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number and signal.getsignal(number) == signal.SIG_DFL:  # `nohup` ignores it
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _check(project, rendered, every_lesson: bool) -> bool:
    """Print how the files differ from the lessons; True if they do."""
    from course_tools import report
    from course_tools.address import address_drift
    from course_tools.drift import drift_of, strays
    from course_tools.evidence import drifts
    from course_tools.readme import front_page_drift

    found = [drift for lesson in rendered for drift in drift_of(project, lesson)]
    if every_lesson:
        found += [*strays(project), *front_page_drift(project), *address_drift(project)]
        found += drifts(project, project.lesson_names())
    console = report.console()
    for drift in found:
        console.print(report.drift_text(drift))
    if found:
        console.print(f"\n{len(found)} file(s) to mend: `course build` makes them anew from the lessons.")
    else:
        console.print(f"Checked {len(rendered)} lesson(s): every file is what its lesson gives.")
    return bool(found)


def _build(project, rendered, force: bool) -> bool:
    """Build lessons one by one; True if one of them failed."""
    from course_tools import report
    from course_tools.address import followers
    from course_tools.build import BuildFailure, build_lesson, write_together
    from course_tools.readme import front_page

    failed = False
    console = report.console()
    with report.cell_progress(console) as progress:
        for lesson in rendered:
            task = progress.add_task(lesson.lesson, total=len(lesson.solved["cells"]))
            try:
                done = build_lesson(project, lesson, force, partial(progress.advance, task))
                console.print(f"{lesson.lesson}: {done}.")
            except BuildFailure as failure:
                failed = True
                console.print(f"{failure}\n\n{lesson.lesson}: nothing was written.")
            progress.remove_task(task)
    if not failed:
        write_together({**front_page(project), **followers(project, project.source_address())})
    return failed


def main() -> None:
    """Run the command. A fault that a person can mend is one sentence and status 2."""
    try:
        app()
    except CourseError as error:
        print(error, file=sys.stderr)
        sys.exit(error.status)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("course_"):
            raise
        print(f"This needs {error.name}; {_INSTALL}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
