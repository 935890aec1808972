"""Lesson 25: boxes, masks and captions are what they are called, beside libraries; figures show what they hold."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawn import pixels
from lesson_code import all_lessons, functions

from course_lessons.transfer_applications import detection, exercises, figures, geometry, writing
from course_lessons.transfer_applications import evidence as experiments
from course_lib import data

NAME = "25_transfer_applications"


def boxes(number=8, seed=0):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 30, (number, 2))
    return np.concatenate([corners, corners + rng.integers(5, 30, (number, 2))], axis=1).astype(float)


# Overlap, suppression, average precision


def test_overlaps_are_those_of_keras():
    from keras.utils.bounding_boxes import compute_iou

    first, second = boxes(8), boxes(5, seed=1)
    theirs = compute_iou(first.astype("float32"), second.astype("float32"), "yxyx")
    np.testing.assert_allclose(geometry.overlaps(first, second), theirs, atol=1e-5)


@pytest.mark.parametrize("overlap", [0.2, 0.5])
def test_suppression_is_that_of_tensorflow(overlap):
    import tensorflow as tf

    some, scores = boxes(20), np.random.default_rng(2).random(20)
    theirs = tf.image.non_max_suppression(some, scores, 20, overlap)
    np.testing.assert_array_equal(detection.keep_best(some, scores, np.zeros(20), overlap), theirs)


def test_other_classes_and_low_scores():
    same = np.repeat(boxes(1), 3, axis=0)
    kept = detection.keep_best(same, np.array([0.9, 0.8, 0.05]), np.array([0, 1, 2]), 0.5, at_least=0.1)
    np.testing.assert_array_equal(kept, [0, 1])


def test_the_exercise_s_right_answers_are_the_room_s():
    rng = np.random.default_rng(3)
    for case in exercises.iou.draw(rng):
        np.testing.assert_allclose(geometry.overlaps(*case), exercises.iou.oracle(*case))
    for case in exercises.keep_best.draw(rng):
        np.testing.assert_array_equal(detection.keep_best(*case), exercises.keep_best.oracle(*case))
    for case in exercises.average_precision.draw(rng):
        assert detection.average_precision(*case) == pytest.approx(exercises.average_precision.oracle(*case))
    for truth, answer, _ in exercises.mean_iou.draw(rng):
        if set(range(1, 7)) <= set(np.unique(truth)):
            assert experiments.mean_iou(truth, answer) == pytest.approx(exercises.mean_iou.oracle(truth, answer, 6))


def test_mean_iou_of_the_records_is_that_of_scikit_learn():
    from sklearn.metrics import jaccard_score

    rng = np.random.default_rng(4)
    truth, answer = rng.integers(0, 7, (2, 3, 9, 9))
    theirs = jaccard_score(truth.ravel(), answer.ravel(), labels=range(1, 7), average="macro")
    assert experiments.mean_iou(truth, answer) == pytest.approx(theirs)


def test_average_precision_by_hand():
    hits = [True, False, True, True]
    assert detection.average_precision([0.9, 0.8, 0.7, 0.6], hits, 4) == pytest.approx(5 / 8)
    assert detection.average_precision([], [], 3) == 0


def test_each_object_is_found_once():
    one = boxes(1)
    hits = detection.hits_of(np.repeat(one, 2, axis=0), np.array([0.2, 0.9]), one)
    np.testing.assert_array_equal(hits, [False, True])
    assert not detection.hits_of(one, np.array([1.0]), np.zeros((0, 4))).any()


def test_perfect_detections_score_one():
    drawn = detection.scenes(30, seed=1)
    found = [(box[label >= 0], np.linspace(1, 0.5, sum(label >= 0)), label[label >= 0])
             for box, label in zip(drawn.boxes, drawn.labels, strict=True)]  # fmt: skip
    assert detection.mean_average_precision(found, drawn, overlap=0.99) == pytest.approx(1)


# Scenes and the grid


def test_scenes_hold_the_first_shape_and_others_that_do_not_touch_it():
    drawn, alone = detection.scenes(40, seed=2), data.shapes(200, seed=2, size=64)
    assert (drawn.labels[:, 0] == alone.labels[:40]).all() and (drawn.labels >= 0).sum() > 44
    np.testing.assert_array_equal(drawn.boxes[:, 0], alone.boxes[:40])
    picture, place = np.argwhere(drawn.labels[:, 1:] >= 0)[0] + [0, 1]
    piece = alone[place * 40 + picture : place * 40 + picture + 1]
    assert not (piece.masks[0] & alone.masks[picture]).any()
    np.testing.assert_array_equal(drawn.images[picture][piece.masks[0]], piece.images[0][piece.masks[0]])


def test_the_grid_holds_the_boxes():
    drawn = detection.scenes(20, seed=3)
    grid = detection.to_grid(drawn)
    certain = np.concatenate([np.where(grid[..., :1] > 0, 9.0, -9.0), grid[..., 1:5], 9.0 * np.eye(6)[
        grid[..., 5].astype(int)]], axis=-1)  # fmt: skip
    found = detection.detect(certain, overlap=1.0, at_least=0.5)
    alone = (drawn.labels >= 0).sum(axis=1) == 1
    assert alone.any()
    for (boxes_found, _, classes), true, labels in zip(
        [found[k] for k in np.flatnonzero(alone)], drawn.boxes[alone], drawn.labels[alone], strict=True
    ):
        np.testing.assert_allclose(boxes_found, true[labels >= 0], atol=1e-3)
        np.testing.assert_array_equal(classes, labels[labels >= 0])


def test_a_unit_of_relu5_looks_where_the_grid_says():
    """Counted through the layers: strides 2 and 1, three poolings; the window's middle of unit r is 10 + 8 r."""
    from course_lib import zoo

    middle, step = 0.0, 1
    for layer in zoo.load("shapes_zfnet").layers:
        config = layer.get_config()
        if config["name"] == "relu5":
            break
        if "padding" in config and isinstance(config["padding"], (tuple, list)):  # zeros around: (top, bottom), ...
            middle -= config["padding"][0][0] * step
        size = config.get("kernel_size", config.get("pool_size"))
        if size:
            inside = config["padding"] == "valid"
            middle += ((size[0] - 1) / 2 if inside else 0) * step
            step *= config["strides"][0]
    assert (middle, step) == (detection.FIRST, detection.STEP)


# Captions


def test_captions_say_what_the_painter_knew():
    drawn = data.shapes(50, seed=6)
    text = writing.captions(drawn)[7].split()
    top, left, bottom, right = drawn.boxes[7]
    assert text[2] == drawn.class_names[drawn.labels[7]] and text[5] == ("bottom" if top + bottom > 32 else "top")
    assert text[6] == ("right" if left + right > 32 else "left")
    numbers = writing.numbers(drawn)
    assert [writing.WORDS[place] for place in numbers[7]] == ["<start>", *text, "<end>"]
    assert numbers.shape == (50, writing.LENGTH + 1)
    own = [[word in kind for word in text].index(True) for kind in writing.KINDS]
    assert sorted(own) == writing.WORDS_AT


def test_a_writer_hears_its_own_words():
    class Parrot:
        def __call__(self, inputs, **_):
            _, said = inputs
            return np.eye(len(writing.WORDS))[(said + 1) % len(writing.WORDS)]

    np.testing.assert_array_equal(writing.write(Parrot(), np.zeros((2, 3))), [range(1, 9)] * 2)


# The records


def test_quarters_are_means():
    maps = np.random.default_rng(0).random((2, 5, 5, 3))
    found = experiments.pooled(maps).reshape(2, 2, 2, 3)
    np.testing.assert_allclose(found[1, 0, 1], maps[1, :3, 3:].mean(axis=(0, 1)))
    page = functions(all_lessons()[NAME], "answers")

    page["keras"] = type("keras", (), {"Model": lambda *_: lambda images, training: maps})
    asked = type("network", (), {"input": None, "get_layer": lambda *_: type("layer", (), {"output": None})})()
    np.testing.assert_allclose(page["answers"](asked, "any", None), experiments.pooled(maps))


def test_few_examples_are_balanced_and_nested():
    images, labels = experiments.few("near", 100, 0)
    assert (np.bincount(labels) == 10).all()
    more, _ = experiments.few("near", 600, 0)
    np.testing.assert_array_equal(more[:100], images)
    assert not np.array_equal(experiments.few("near", 100, 1)[0], images)


def test_the_decay_of_a_line_is_chosen_on_validation_alone():
    rng = np.random.default_rng(0)
    parts, labels = [rng.normal(size=(n, 4)) for n in (40, 30, 20)], [rng.integers(3, size=n) for n in (40, 30, 20)]
    labels[:2] = [(part[:, 0] > 0) + (part[:, 1] > 0) for part in parts[:2]]
    first = experiments.read_off(parts, labels)
    assert experiments.read_off(parts, [*labels[:2], labels[2][::-1]])[0] == first[0] < 0.5


def test_borrowed_weights_fit_a_new_head():
    model = experiments.lenet(6)
    borrowed = experiments.source().get_weights()[:-2]
    assert [weight.shape for weight in borrowed] == [weight.shape for weight in model.get_weights()[:-2]]
    assert model.get_weights()[-1].shape == (6,) and model.layers[-1].activation.__name__ == "linear"


def test_pixels_belong_to_what_covers_half_of_them():
    drawn = data.shapes(3, seed=7, size=64)
    maps = experiments.class_maps(drawn)
    assert maps.shape == (3, 32, 32) and set(np.unique(maps[1])) == {0, drawn.labels[1] + 1}
    assert maps[1, 5, 9] == (drawn.masks[1, 10:12, 18:20].sum() >= 2) * (drawn.labels[1] + 1)


# Figures


def test_regimes_are_drawn_from_the_switches():
    page = functions(all_lessons()[NAME], "thawed")
    figure = figures.regimes({"one": page["thawed"](1), "all": page["thawed"](5)})
    hatched = [patch.get_hatch() is not None for patch in figure.axes[0].patches]
    assert hatched == [True] * 4 + [False] * 6
    pixels(figure)


def test_wrong_words_stand_out():
    truth = np.array([[2, 4, 10, 3, 16, 20, 22, 1]])
    words = truth.copy()
    words[0, 1] = 5
    figure = figures.captions(np.zeros((1, 8, 8, 3)), truth, {"a": words})
    assert [text.get_text() for text in figure.axes[0].texts if text.get_weight() == "bold"] == ["YELLOW"]
    plt.close(figure)


def test_found_faces_scenes_masks_and_clips_are_drawn():
    drawn = detection.scenes(3, seed=8)
    found = [(box[:1], np.array([0.7]), label[:1]) for box, label in zip(drawn.boxes, drawn.labels, strict=True)]
    figure = figures.found(drawn, found, found, [0, 1])
    assert any("0.70" in text.get_text() for axes in figure.axes for text in axes.texts)
    plt.close(figure)
    figure = figures.faces(np.zeros((40, 40)), {"a": (np.ones((3, 3)), boxes(4), boxes(1))})
    assert [len(axes.patches) for axes in figure.axes] == [0, 4, 1]
    plt.close(figure)
    figure = figures.masks(np.zeros((2, 8, 8, 3)), np.full((2, 4, 4), 3), np.zeros((2, 4, 4)))
    assert (np.asarray(figure.axes[2].images[0].get_array()) == 3).all()
    plt.close(figure)
    figure = figures.clips(np.zeros((2, 3, 4, 4, 1)), np.full((2, 4), 0.25), np.eye(4)[:2], "abcd")
    assert [patch.get_width() for patch in figure.axes[4].patches] == [1, 0, 0, 0]
    plt.close(figure)
    figure = figures.covers({"a": np.ones((3, 3)), "b": np.ones((3, 3))})
    assert len(figure.axes) == 2
    plt.close(figure)
