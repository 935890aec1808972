"""All lessons of the course, for the map; those that are written say how long they take and what they need."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# A test holds these names against the syllabus.
PARTS = {
    "one neuron": (
        "00_start_here",
        "01_maths_review",
        "02_perceptron",
        "03_single_neuron",
        "04_softmax_classifier",
    ),
    "many layers": ("05_mlp_backprop", "06_autodiff", "07_activations"),
    "pictures": (
        "08_hand_made_features",
        "09_convolution",
        "10_convolution_variants",
        "11_conv_backprop",
        "12_pooling",
        "13_first_cnn_lenet",
    ),
    "training well": ("14_initialisation", "15_batchnorm", "16_dropout", "17_autoencoder_pretraining"),
    "famous networks": (
        "18_alexnet",
        "19_vgg",
        "20_googlenet",
        "21_resnet",
        "22_beyond_resnet",
        "23_squeezenet_compression",
        "24_attention_vit",
    ),
    "using and doubting": (
        "25_transfer_applications",
        "26_visualising_features",
        "27_visualising_by_optimisation",
        "28_trust_no_slide",
    ),
}

# What a lesson is about that has no card yet.
_TO_COME = {
    "03_single_neuron": "A single neuron",
    "06_autodiff": "Automatic differentiation",
    "08_hand_made_features": "Hand-made features",
    "10_convolution_variants": "Kinds of convolution",
    "17_autoencoder_pretraining": "Auto-encoders",
    "22_beyond_resnet": "Beyond ResNet",
    "23_squeezenet_compression": "Smaller networks",
    "24_attention_vit": "Attention",
    "25_transfer_applications": "Transfer",
}


@dataclass(frozen=True)
class Lesson:
    """`minutes` is None, and `needs` empty, while a lesson is not written yet."""

    name: str
    title: str
    minutes: int | None
    needs: tuple[str, ...]


@cache
def lessons() -> dict[str, Lesson]:
    """Every lesson, in order, by name."""
    return {name: _lesson(name) for part in PARTS.values() for name in part}


def _lesson(name: str) -> Lesson:
    source = files("course_lessons") / name[3:] / f"{name}.py"
    if not source.is_file():
        return Lesson(name, _TO_COME[name], None, ())
    head = source.read_text(encoding="utf-8").partition("\n# ---\n")[0]  # the card, a little YAML
    (title,) = re.findall(r'^#     title: "(.*)"$', head, re.MULTILINE)
    (minutes,) = re.findall(r"^#     minutes: (\d+)$", head, re.MULTILINE)
    (needs,) = re.findall(r"^#     needs: \[(.*)\]$", head, re.MULTILINE)
    return Lesson(name, title, int(minutes), tuple(re.findall(r"\w+", needs)))


def steps() -> list[tuple[str, str]]:
    """What builds on what, (earlier, later), without what follows from other steps."""
    needs = {name: set(lesson.needs) & set(lessons()) for name, lesson in lessons().items()}

    def stands_on(name: str) -> set[str]:
        return needs[name].union(*(stands_on(each) for each in needs[name]))

    return [
        (earlier, name)
        for name, direct in needs.items()
        for earlier in sorted(direct)
        if not any(earlier in stands_on(other) for other in direct)
    ]


def link(name: str) -> str:
    """A link to a lesson, as HTML; its number alone while it is not written yet, and "" for no lesson."""
    if not name:
        return ""
    there = lessons()[name].minutes is not None
    return f'<a href="{name}.ipynb">{name[:2]}</a>' if there else f"{name[:2]}, to come"


def before(name: str) -> list[str]:
    """The numbers of the lessons that a lesson builds on directly."""
    return [earlier[:2] for earlier, later in steps() if later == name]


def spoken() -> str:
    """The map in words, for those who cannot see it: part by part, each lesson with what it builds on."""

    def told(name: str) -> str:
        title = lessons()[name].title.partition(":")[0]
        return f"{name[:2]} {title}" + (f" (after {' and '.join(before(name))})" if before(name) else "")

    parts = [f"{part}: {', '.join(map(told, names))}" for part, names in PARTS.items()]
    return f"A map of the lessons in {len(PARTS)} rows. {'. '.join(parts)}."
