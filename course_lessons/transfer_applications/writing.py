"""Captions of drawn shapes, the network that writes them, and letting it write. Lesson 25 builds both."""

from __future__ import annotations

import keras
import numpy as np

from course_lib.data.drawn_shapes import COLOUR_NAMES, GROUND_NAMES, SHAPE_NAMES

ROWS, COLUMNS = ("top", "bottom"), ("left", "right")
WORDS = ("<start>", "<end>", "a", "on", *COLOUR_NAMES, *SHAPE_NAMES, *GROUND_NAMES, *ROWS, *COLUMNS)
KINDS = (COLOUR_NAMES, SHAPE_NAMES, GROUND_NAMES, ROWS, COLUMNS)
PLACES = ("colour", "class", "ground", "row", "column")  # the words of a caption that depend on the picture ...
WORDS_AT = [1, 2, 4, 5, 6]  # ... and where they stand
LENGTH = 8  # words of a caption, with its end


def captions(drawn) -> list[str]:
    """ "a red circle on stripes top left": a sentence for each picture of `data.shapes`."""
    middles = (drawn.boxes[:, :2] + drawn.boxes[:, 2:]) / 2 > drawn.images.shape[1] / 2
    return [
        f"a {COLOUR_NAMES[colour]} {SHAPE_NAMES[kind]} on {GROUND_NAMES[ground]} {ROWS[down]} {COLUMNS[right]}"
        for kind, colour, ground, (down, right) in zip(
            drawn.labels, drawn.colours, drawn.grounds, middles.astype(int), strict=True
        )
    ]


def numbers(drawn) -> np.ndarray:
    """The captions as places in WORDS, with start and end: (batch, 9)."""
    places = {word: place for place, word in enumerate(WORDS)}
    return np.array([[places[word] for word in f"<start> {text} <end>".split()] for text in captions(drawn)])


def writer(features: int, units: int = 64, width: int = 16) -> keras.Model:
    """From a picture's features and the words so far to the logits of each next word."""
    layers = keras.layers
    seen, said = layers.Input((features,)), layers.Input((LENGTH,), dtype="int32")
    picture = layers.RepeatVector(LENGTH)(layers.Dense(48, activation="relu")(seen))
    words = layers.Embedding(len(WORDS), width)(said)
    memory = layers.GRU(units, return_sequences=True)(layers.Concatenate()([words, picture]))
    return keras.Model([seen, said], layers.Dense(len(WORDS))(memory))


def write(model, features) -> np.ndarray:
    """Let it write on its own: each word that it says is what it hears next. (batch, 8)."""
    said = np.zeros((len(features), LENGTH + 1), int)
    for place in range(LENGTH):
        logits = keras.ops.convert_to_numpy(model([features, said[:, :-1]], training=False))
        said[:, place + 1] = logits[:, place].argmax(axis=-1)
    return said[:, 1:]
