"""Look at what is installed, and say in plain words what is missing and how to mend it.

Every probe stands alone: whatever is broken, the others still report.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata

COURSE = "neural-networks-course"
PIP = f"{sys.executable} -m pip install"
FROM_FOLDER = f'In the folder of the course: {PIP} -e ".[teach]"'
# In a process of its own, because a broken TensorFlow may take the whole interpreter with it.
_ASK_KERAS = """
import json, os
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
print(json.dumps([keras.__version__, keras.backend.backend(), keras.distribution.list_devices()]))
"""
_KERAS_SECONDS = 180


@dataclass(frozen=True)
class Finding:
    """One line of the report. `state` is "ok", "note" (good to know) or "problem" (lessons fail or go wrong)."""

    subject: str
    state: str
    text: str
    remedy: str = ""


def examine() -> Iterator[Finding]:
    """All findings as they come, in the order in which a person would mend them."""
    probes = {
        "Python": python,
        "packages": packages,
        "tensorflow-metal": metal,
        "Keras": keras_device,
        "scale": scale,
        "data sets": data_sets,
        "kernel": kernel,
        "JupyterLab": jupyterlab,
        "browser": browser,
        "course tools": tools,
    }
    for subject, probe in probes.items():
        yield from _guarded(subject, probe)


def print_findings(findings: Iterable[Finding]) -> int:
    """Print each finding as it comes, and return the exit status: 0 if lessons can run here."""
    from course_tools.report import console

    out = console()
    problems = 0
    for finding in findings:
        problems += finding.state == "problem"
        out.print(f"{finding.state:<8} {finding.subject}: {finding.text}")
        if finding.remedy:
            out.print(f"         -> {finding.remedy}")
    out.print(f"\n{problems} problem(s) to mend." if problems else "\nEverything that a lesson needs is here.")
    return 1 if problems else 0


def python() -> Iterable[Finding]:
    """The interpreter that runs this command, and so the notebooks."""
    from packaging.specifiers import SpecifierSet

    version = platform.python_version()
    wanted = metadata.metadata(COURSE)["Requires-Python"]
    if wanted and not SpecifierSet(wanted).contains(version, prereleases=True):
        yield Finding("Python", "problem", f"this is {version}; the course needs {wanted}.", "Install a newer Python.")
    else:
        yield Finding("Python", "ok", f"{version}, {sys.executable}")


def packages() -> Iterable[Finding]:
    """Every package that a lesson imports."""
    for requirement in _requirements(extra=""):
        name, wanted = requirement.name, str(requirement.specifier)
        remedy = f'{PIP} --upgrade "{name}{wanted}"'
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(name, "problem", f"not installed; the course needs {wanted or 'it'}.", remedy)
            continue
        if requirement.specifier.contains(version, prereleases=True):
            yield Finding(name, "ok", version)
        else:
            yield Finding(name, "problem", f"this is {version}; the course needs {wanted}.", remedy)


def metal() -> Iterable[Finding]:
    """Apple's plugin, which lets TensorFlow compute on a Mac's GPU, and not always rightly.

    For example https://github.com/tensorflow/tensorflow/issues/62137 (ReLU) and 92686 (dense layers).
    """
    if _installed("tensorflow-metal"):
        text = f"{metadata.version('tensorflow-metal')} is installed; TensorFlow is known to compute wrongly with it."
        yield Finding("tensorflow-metal", "problem", text, f"{sys.executable} -m pip uninstall tensorflow-metal")


def keras_device() -> Iterable[Finding]:
    """Whether Keras starts, on which backend, and what it computes on."""
    answer = subprocess.run(
        [sys.executable, "-c", _ASK_KERAS], capture_output=True, text=True, errors="replace", timeout=_KERAS_SECONDS
    )
    if answer.returncode != 0:
        said = answer.stderr.strip().splitlines() or [f"it ended with status {answer.returncode}"]
        yield Finding(
            "Keras", "problem", f"it does not start: {said[-1]}", f"{PIP} --upgrade --force-reinstall keras tensorflow"
        )
        return
    version, backend, devices = json.loads(answer.stdout.splitlines()[-1])
    accelerators = [device for device in devices if not device.startswith("cpu")]
    seen = ", ".join(accelerators) or "the processor; no GPU is seen, and no lesson needs one"
    yield Finding("Keras", "ok", f"{version} starts, on {backend}")
    yield Finding("device", "ok", seen)


def scale() -> Iterable[Finding]:
    """How big the lessons' experiments are."""
    from course_lib.quiet import SetupError
    from course_lib.session import current_scale

    try:
        yield Finding("scale", "ok", f"{current_scale()} (set COURSE_SCALE=gpu for the full data sets)")
    except SetupError as error:
        yield Finding("scale", "problem", str(error), "Unset COURSE_SCALE, or set it to one of these.")


def data_sets() -> Iterable[Finding]:
    """Which data sets need no download."""
    from course_lib import data

    for name, place in data.available().items():
        if place.at_hand:
            yield Finding(f"data: {name}", "ok", place.where)
        else:
            yield Finding(f"data: {name}", "note", f"not here, and needed at gpu scale only: {place.where}")


def kernel() -> Iterable[Finding]:
    """What Jupyter starts for a notebook of the course."""
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().find_kernel_specs()
    if "python3" in specs:
        yield Finding("kernel", "ok", f"python3, {specs['python3']}")
    else:
        yield Finding("kernel", "problem", "Jupyter knows no kernel called python3.", f"{PIP} --upgrade ipykernel")


def jupyterlab() -> Iterable[Finding]:
    """The usual place to read the notebooks; Colab or an editor will do as well."""
    try:
        yield Finding("JupyterLab", "ok", metadata.version("jupyterlab"))
    except metadata.PackageNotFoundError:
        yield Finding("JupyterLab", "note", "not installed; any other notebook program will do.", f"{PIP} jupyterlab")


def browser() -> Iterable[Finding]:
    """Whether JupyterLab can open a window by itself."""
    import webbrowser

    try:
        webbrowser.get()
        yield Finding("browser", "ok", "JupyterLab can open one")
    except webbrowser.Error:
        yield Finding("browser", "note", "none here; JupyterLab prints an address to open elsewhere.")


def tools() -> Iterable[Finding]:
    """What only those need who build or grade lessons."""
    missing = [requirement.name for requirement in _requirements(extra="teach") if not _installed(requirement.name)]
    if missing:
        text = f"missing {', '.join(missing)}; needed only to build or run lessons from here."
        yield Finding("course tools", "note", text, FROM_FOLDER)
    else:
        yield Finding("course tools", "ok", "all there")


def _guarded(subject: str, probe: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """The findings of a probe; one that breaks is a finding, too."""
    try:
        yield from probe()
    except Exception as error:  # whatever is broken here is what the reader wants to hear about
        said = " ".join(str(error).split()) or "no reason was given"
        yield Finding(subject, "problem", f"could not be examined: {type(error).__name__}: {said}", FROM_FOLDER)


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _requirements(extra: str) -> list:
    """What the course declares for `extra`, beyond what it declares without; "" is what every lesson needs."""
    from packaging.requirements import Requirement

    declared = [Requirement(text) for text in metadata.requires(COURSE) or []]
    always = [item for item in declared if item.marker is None or item.marker.evaluate({"extra": ""})]
    if not extra:
        return always
    return [item for item in declared if item not in always and item.marker.evaluate({"extra": extra})]
