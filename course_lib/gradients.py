"""The gradient of a number with respect to arrays, on whichever backend Keras runs."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np


def gradients(function: Callable, *arrays) -> list[np.ndarray]:
    """d function(*arrays) / d array for every array, each with the shape of its array, as NumPy arrays.

    `function` takes tensors, uses `keras.ops` or layers, and returns one number. Raises NotImplementedError on a
    backend other than TensorFlow and JAX.
    """
    backend = keras.backend.backend()
    tensors = [keras.ops.convert_to_tensor(array) for array in arrays]
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        results = tape.gradient(value, tensors, unconnected_gradients="zero")
    elif backend == "jax":
        import jax

        results = jax.grad(function, argnums=tuple(range(len(tensors))))(*tensors)
    else:
        raise NotImplementedError(f"gradients works on TensorFlow and JAX, not on {backend}.")
    return [np.asarray(keras.ops.convert_to_numpy(result)) for result in results]
