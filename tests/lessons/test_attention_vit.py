"""The players and readers of lesson 24 are what it says, its race is fair, and its figures show what they are given."""

import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from drawn import pixels
from lesson_code import all_lessons, functions

from course_lessons.attention_vit import evidence as experiments
from course_lessons.attention_vit import exercises, figures
from course_lessons.attention_vit.relatives import RELATIVES, swin_by_formula
from course_lib.anatomy import anatomy
from course_lib.architectures.blueprint import blueprint
from course_lib.architectures.swin import swin
from course_lib.architectures.vit import transformer_block
from course_lib.evidence import evidence

NAME = "24_attention_vit"
numpy = keras.ops.convert_to_numpy


# The card game


def test_a_game_has_one_card_with_the_answer():
    tokens, numbers = experiments.games(200, np.random.default_rng(0))
    letters = tokens[:, :, :16].argmax(axis=2)
    assert (tokens[:, :8].sum(axis=2) == 2).all() and (tokens[:, 8].sum(axis=1) == 1).all()
    for game, (row, number) in enumerate(zip(letters, numbers, strict=True)):
        assert len(set(row[:8])) == 8
        (card,) = np.flatnonzero(row[:8] == row[8])
        assert tokens[game, card, 16:].argmax() == number
    assert set(map(tuple, np.sort(tokens[:, :8, 16:].argmax(axis=2)))) == {tuple(range(8))}
    assert np.bincount(numbers).min() > 10


def test_a_convolution_player_reaches_the_whole_table():
    model = experiments.convolution_player()
    first, second = (layer for layer in model.layers if isinstance(layer, keras.layers.Conv1D))
    field = anatomy(model)[second.name].field
    assert field.size == (17,) and first.kernel_size == (9,)


# The readers


def test_the_cnn_has_as_many_multiply_adds_as_the_transformer():
    totals = {name: anatomy(build()).total for name, build in experiments.READERS.items()}
    assert totals["CNN"].multiply_adds == pytest.approx(totals["transformer"].multiply_adds, rel=0.02)


def test_windows_differ_from_the_transformer_by_the_mixing_alone():
    rows = {name: anatomy(experiments.READERS[name]()).rows for name in ("transformer", "3×3 windows")}
    kinds = {}
    for name, several in rows.items():
        mixes = ("attention", "convolution")
        kinds[name] = [(row.role, row.trainable) for row in several if row.role not in mixes and row.trainable]
    assert kinds["transformer"] == kinds["3×3 windows"]


def test_augmented_digits_are_moved_copies():
    images = np.zeros((2, 28, 28, 1))
    images[:, 10, 12] = 1
    moved, labels = experiments.augmented(images, np.array([3, 5]))
    places = {tuple(np.argwhere(image[..., 0])[0]) for image in moved[::2]}
    assert places == {(10 + down, 12 + right) for down in (-2, 0, 2) for right in (-2, 0, 2)}
    np.testing.assert_array_equal(labels, [3, 5] * 9)


def test_rates_are_those_that_were_best_on_validation():
    for records in (["tuned_cards"], ["tuned_digits", "tuned_further"]):
        rows = pd.concat([evidence(record, NAME) for record in records])
        rows = rows.assign(augmented="no") if "augmented" not in rows else rows
        for (name, augmented), part in rows.groupby(["network", "augmented"]):
            best = part[part.validation_error == part.validation_error.min()].rate.max()
            chosen = experiments.OF_THE_GAME.get(name) or experiments.OF_DIGITS[name, augmented]
            assert chosen == best, (name, augmented)


def test_the_learner_begins_anew():
    learner = experiments.Learner(experiments.dense_player)
    known = experiments.games(100, np.random.default_rng(0))
    errors = []
    for _ in range(2):
        learner.train(3, 0.003, *known, steps=20)
        errors.append(learner.model.get_weights()[0])
    np.testing.assert_allclose(errors[0], errors[1], atol=1e-6)
    assert float(numpy(learner.optimizer.learning_rate)) < 0.0001


# The page


@pytest.fixture(scope="module")
def page():
    return functions(all_lessons()[NAME], "self_attention", "transformer_block", "patches_of", "Positions")


def test_attention_with_a_mask(page):
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(3, 4, 5))
    answers, weights = page["attention"](q, k, v, allowed=np.tri(4, dtype=bool))
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert np.triu(weights, 1).max() == 0
    np.testing.assert_allclose(answers[0], v[0])


def test_the_block_of_the_page_is_that_of_the_library(page):
    inputs = keras.Input((5, 8))
    ours = keras.Model(inputs, page["transformer_block"](inputs, 2, 32))
    theirs = keras.Model(inputs, transformer_block(inputs, 2, name="b"))
    theirs.set_weights(ours.get_weights())
    x = np.random.default_rng(0).normal(size=(2, 5, 8)).astype("float32")
    np.testing.assert_allclose(numpy(ours(x)), numpy(theirs(x)), atol=1e-6)


def test_patches_and_back(page):
    images = np.random.default_rng(0).random((2, 6, 9, 3))
    cut = page["patches_of"](images, 3)
    assert cut.shape == (2, 6, 27)
    np.testing.assert_array_equal(exercises.from_patches.oracle(cut, 6, 9, 3), images)
    np.testing.assert_allclose(
        cut, numpy(keras.ops.image.extract_patches(images.astype("float32"), 3)).reshape(2, 6, 27), rtol=1e-6
    )


def test_the_count_of_multiply_adds_is_the_anatomy_s():
    from course_lib.architectures.vit import vit

    total = anatomy(vit("Ti", 4, (12, 12, 3), 5, depth=2, width=1 / 16)).total
    assert exercises.vit_multiply_adds.oracle(12, 4, 12, 2, 5) == total.multiply_adds


@pytest.mark.parametrize(("size", "side", "window"), [("T", 224, 7), ("T", 384, 12)])
def test_swin_by_formula_is_what_the_builder_makes(size, side, window):
    total = anatomy(blueprint(swin, size, (side, side, 3), window=window)).total
    assert swin_by_formula(size, side) == (total.trainable, total.multiply_adds)


# Figures


def test_weights_stand_below_their_cards():
    tokens, _ = experiments.games(1, np.random.default_rng(0))
    weights = np.random.default_rng(0).dirichlet(np.ones(9), size=2)
    figure = figures.table_of_cards(tokens[0], weights)
    above, below = figure.axes
    np.testing.assert_array_equal(below.images[0].get_array(), weights)
    faces = [text.get_text() for text in above.texts]
    assert len(faces) == 9 and faces[-1].endswith("?")
    assert sum(face[0] == faces[-1][0] for face in faces[:-1]) == 1
    plt.close(figure)


def test_bars_are_the_weights():
    figure = figures.soft_lookup(np.ones(2), np.eye(2), np.array([0.3, 0.7]), np.eye(2), np.array([0.3, 0.7]))
    assert [bar.get_height() for bar in figure.axes[1].patches] == [0.3, 0.7]
    pixels(figure)


def test_all_patches_are_shown(page):
    rng = np.random.default_rng(0)
    photo, digit = rng.random((32, 32, 3)), rng.random((28, 28, 1))
    cut = page["patches_of"]
    figure = figures.patches(photo, cut(photo[None], 4)[0], digit, cut(digit[None], 7)[0])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "64 patches of 4 × 4" and titles[2] == "16 patches of 7 × 7"
    assert titles[3] == "all, each a vector of 49 numbers"
    plt.close(figure)


@pytest.mark.parametrize("patch", [0, 5, 15])
def test_the_patch_that_asks_is_framed(patch):
    weights = np.random.default_rng(0).dirichlet(np.ones(16), size=(2, 16))
    figure = figures.looks(np.zeros((28, 28, 1)), weights, patch)
    assert len(figure.axes) == 3
    (frame,) = figure.axes[1].patches
    assert frame.get_xy() == (7 * (patch % 4) - 0.5, 7 * (patch // 4) - 0.5)
    np.testing.assert_allclose(figure.axes[2].images[1].get_array()[::7, ::7].ravel(), weights[1, patch])
    plt.close(figure)


def test_windows_are_cut_where_they_end():
    figure = figures.windows(np.zeros((64, 64, 3)), side=8, window=4, shift=2)

    def cuts_of(axes):
        upright = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 3]
        return sorted({places[0] for places in upright if np.ptp(places) == 0})

    cuts = [cuts_of(axes) for axes in figure.axes]
    assert cuts[0] == [-0.5, 31.5, 63.5] and cuts[1] == [-0.5, 15.5, 47.5, 63.5]
    plt.close(figure)


def test_reported_accuracy_stands_against_the_count():
    rows = [row for row in RELATIVES if row.family in ("RegNetY", "BiT")]
    figure = figures.reported_against_counted({row: row.counted() for row in rows})
    points = {(round(x, 2), y) for line in figure.axes[0].lines for x, y in zip(*line.get_data(), strict=True)}
    assert {(3.97, 80.0), (204.21, 84.4)} <= points
    plt.close(figure)
