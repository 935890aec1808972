"""What lesson 10 says of reach without holes, and of sharing over time, measured with five seeds."""

from __future__ import annotations

import numpy as np

from course_lessons.convolution_variants.tasks import clips, closed_lines, overlap
from course_lib.evidence import experiment

STACKS = {"1-1-1-1": (1, 1, 1, 1), "1-2-4-8": (1, 2, 4, 8), "4-4-4-4": (4, 4, 4, 4)}
PASSES, BATCH = 32, 25


def stack(dilation_rates):
    """Four layers of eight 3 × 3 filters, and a 1 × 1 that says for each pixel whether it is inside."""
    import keras

    relu = {"activation": "relu", "kernel_initializer": "he_normal"}
    layers = [keras.layers.Conv2D(8, 3, padding="same", dilation_rate=rate, **relu) for rate in dilation_rates]
    return keras.Sequential([keras.Input((None, None, 1)), *layers, keras.layers.Conv2D(1, 1)])


def clip_net(kind):
    """One layer of 3 × 3 (× 3) filters, the largest answer of each, and a sum."""
    import keras

    relu = {"activation": "relu", "kernel_initializer": "he_normal"}
    layers = {
        "frames as channels": [
            keras.layers.Reshape((12, 10, 10)),
            keras.layers.Permute((2, 3, 1)),
            keras.layers.Conv2D(16, 3, **relu),
            keras.layers.GlobalMaxPooling2D(),
        ],
        "3-D": [keras.layers.Conv3D(8, 3, **relu), keras.layers.GlobalMaxPooling3D()],
    }
    return keras.Sequential([keras.Input((12, 10, 10, 1)), *layers[kind], keras.layers.Dense(1)])


def train(model, inputs, targets, rate, seed, passes=PASSES):
    """By Adam, with a rate that falls to 0 in a straight line. Yields after each pass a function of pictures."""
    import keras
    import tensorflow as tf

    rng, steps = np.random.default_rng(seed), len(inputs) // BATCH
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.PolynomialDecay(rate, passes * steps, 0.0))
    optimizer.build(model.trainable_variables)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    inputs, targets = tf.constant(inputs), tf.constant(targets)

    @tf.function
    def one_pass(order):
        for batch in order:
            with tf.GradientTape() as tape:
                error = loss(tf.gather(targets, batch), model(tf.gather(inputs, batch), training=True))
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(error, variables), variables)

    answer = tf.function(lambda pictures: model(pictures, training=False))
    for _ in range(passes):
        one_pass(tf.constant(rng.permutation(len(inputs)).reshape(steps, BATCH)))
        yield answer


@experiment(seeds=5)
def inside(seed):
    """Inside or outside a closed line? The same four layers with three lists of dilation rates, two rates each."""
    import keras

    numbers = {"train": 600, "validation": 150, "test": 300}
    drawn = {part: closed_lines(number, 10 * seed + place) for place, (part, number) in enumerate(numbers.items())}
    for name, dilation_rates in STACKS.items():
        for rate in (0.01, 0.03):
            keras.utils.set_random_seed(seed)
            for done, answer in enumerate(train(stack(dilation_rates), *drawn["train"], rate, seed), start=1):
                if done in (PASSES * 3 // 4, PASSES):
                    found = {f"{part}_overlap": overlap(answer(drawn[part][0]), drawn[part][1]) for part in numbers}
                    yield {"dilation": name, "rate": rate, "passes": done, **found}


@experiment(seeds=5)
def later(seed):
    """Which way does the bar walk? Shown walks that start early, or all; asked about early ones and late ones."""
    import keras

    starts = {"early": range(4), "late": range(4, 8), "all": range(8)}
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    test = {part: clips(300, 10 * seed + 2, starts[part]) for part in ("early", "late")}
    for kind, shown in (("frames as channels", "early"), ("frames as channels", "all"), ("3-D", "early")):
        known, validation = (clips(300, 10 * seed + place, starts[shown]) for place in range(2))
        for rate in (0.003, 0.01, 0.03, 0.1):
            keras.utils.set_random_seed(seed)
            *_, answer = train(clip_net(kind), known[0], known[1][:, None], rate, seed, passes=40)
            validation_loss = float(loss(validation[1], answer(validation[0])[:, 0]))
            errors = {
                f"{part}_error": float(np.mean((np.asarray(answer(pictures))[:, 0] > 0) != to_the_right))
                for part, (pictures, to_the_right) in test.items()
            }
            yield {"net": kind, "shown": shown, "rate": rate, "validation_loss": validation_loss, **errors}
