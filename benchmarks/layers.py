"""How fast are the NumPy layers? Beside Keras on the CPU and beside plain loops, in one run.

usage: python benchmarks/layers.py

Medians of interleaved rounds, batch 32, float32. Keras runs compiled (tf.function); the loops run on a small part of
the batch, and their time is scaled up.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from course_lib.layers import Conv2D, conv2d_by_loops

BATCH, ROUNDS = 32, 15
CASES = {
    "LeNet C1: 28x28x1, 6 of 5x5, same": ((28, 28, 1), 6, 5, "same"),
    "LeNet C3: 14x14x6, 16 of 5x5": ((14, 14, 6), 16, 5, "valid"),
    "CIFAR: 32x32x16, 32 of 3x3, same": ((32, 32, 16), 32, 3, "same"),
}


def seconds(action) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def competitors(shape, filters, size, padding):
    """Name -> (forward, forward and backward), ready to be timed."""
    import keras
    import tensorflow as tf  # Keras itself has no gradient; this is a benchmark, not library code

    rng = np.random.default_rng(0)
    images = rng.normal(size=(BATCH, *shape)).astype("float32")
    ours = Conv2D(shape[-1], filters, size, rng, padding=padding)
    ours.parameters = {name: array.astype("float32") for name, array in ours.parameters.items()}
    upstream = np.ones_like(ours.forward(images))

    twin = keras.layers.Conv2D(filters, size, padding=padding)
    twin.build((None, *shape))
    inputs = tf.constant(images)
    forward = tf.function(twin)

    @tf.function
    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(twin(x))
        return tape.gradient(total, [x, *twin.trainable_variables])

    def ours_both():
        ours.forward(images)
        ours.backward(upstream)

    return {
        "NumPy": (lambda: ours.forward(images), ours_both),
        "Keras": (lambda: forward(inputs).numpy(), lambda: [g.numpy() for g in both(inputs)]),
    }, lambda: conv2d_by_loops(images[:1, :12, :12], *ours.parameters.values())


def main() -> None:
    table = Table(
        "layer", "NumPy fwd ms", "NumPy f+b ms", "Keras fwd ms", "Keras f+b ms", "f+b NumPy/Keras", "loops/NumPy fwd"
    )
    for name, (shape, filters, size, padding) in CASES.items():
        actions, loops = competitors(shape, filters, size, padding)
        times = {(who, what): [] for who in actions for what in (0, 1)}
        for round_number in range(ROUNDS + 2):
            for (who, what), record in times.items():
                taken = seconds(actions[who][what])
                if round_number >= 2:  # the first rounds trace and warm up
                    record.append(taken)
        middle = {key: statistics.median(record) for key, record in times.items()}
        places = shape[0] * shape[1] if padding == "same" else (shape[0] - size + 1) * (shape[1] - size + 1)
        whole = statistics.median(seconds(loops) for _ in range(3)) * BATCH * places / (12 - size + 1) ** 2
        table.add_row(
            name,
            *(f"{1000 * middle[key]:.1f}" for key in times),
            f"{middle['NumPy', 1] / middle['Keras', 1]:.2f}",
            f"{whole / middle['NumPy', 0]:,.0f}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
