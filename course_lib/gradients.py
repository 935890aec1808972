"""The gradient of a number with respect to arrays, on whichever backend Keras runs: TensorFlow, JAX or PyTorch.

`gradients` computes it at once. `gradient_function` makes a function of it, compiled for the shapes it meets: for
methods that take many steps.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np


def gradients(function: Callable, *arrays) -> list[np.ndarray]:
    """d function(*arrays) / d array for every array, each with the shape of its array, as NumPy arrays.

    `function` takes tensors, uses `keras.ops` or layers, and returns one number, or several: then it is the gradient of
    their sum. Raises NotImplementedError on another backend.
    """
    _, results = _differentiated(function)(*map(keras.ops.convert_to_tensor, arrays))
    return [_numbers(result) for result in results]


def gradient_function(function: Callable) -> Callable:
    """A function of arrays that returns `(function(*arrays), gradients)` as NumPy arrays; see `gradients`.

    It is compiled on the first call with arrays of these shapes and types, which takes as long as some ten calls, and
    is fast from then on. What `function` uses besides its arguments must not change: compiled, it may not notice. A
    Python `if` or `while` on a tensor's value cannot be compiled and raises TypeError (PyTorch, which does not compile,
    allows it): use `keras.ops.where` or `keras.ops.cond`.
    """
    backend = keras.backend.backend()
    differentiated = _differentiated(function)
    if backend == "tensorflow":
        differentiated = _compiled_by_tensorflow(differentiated)
    elif backend == "jax":
        import jax

        differentiated = jax.jit(differentiated)

    def value_and_gradients(*arrays) -> tuple[np.ndarray, list[np.ndarray]]:
        value, results = differentiated(*map(keras.ops.convert_to_tensor, arrays))
        return _numbers(value), [_numbers(result) for result in results]

    return value_and_gradients


def _differentiated(function: Callable) -> Callable:
    """From tensors to `(function(*tensors), gradients of its sum)`, as tensors."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        def differentiated(*tensors):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(tensors)
                value = function(*tensors)
            return value, tape.gradient(value, list(tensors), unconnected_gradients="zero")

    elif backend == "jax":
        import jax

        def differentiated(*tensors):
            def summed(*tensors):
                value = function(*tensors)
                return keras.ops.sum(value), value

            (_, value), results = jax.value_and_grad(summed, tuple(range(len(tensors))), has_aux=True)(*tensors)
            return value, results

    elif backend == "torch":
        import torch

        def differentiated(*tensors):
            with torch.enable_grad():
                tensors = [tensor.detach().requires_grad_() for tensor in tensors]
                value = function(*tensors)
                results = torch.autograd.grad(value.sum(), tensors, allow_unused=True)
            pairs = zip(results, tensors, strict=True)
            return value, [torch.zeros_like(tensor) if result is None else result for result, tensor in pairs]

    else:
        raise NotImplementedError(f"gradients works on TensorFlow, JAX and PyTorch, not on {backend}.")
    return differentiated


def _compiled_by_tensorflow(function: Callable) -> Callable:
    """One graph for every combination of shapes and types.

    The graphs are called directly: a `tf.function` would warn of retracing where many networks are looked at in turn,
    each rightly with a graph of its own. AutoGraph, which rewrites a function's source, is off: of a function from a
    notebook's cell that is run by a script it may read another source.
    """
    import tensorflow as tf

    traced, graphs = tf.function(function, autograph=False), {}

    def call(*tensors):
        kinds = tuple((tuple(tensor.shape), tensor.dtype) for tensor in tensors)
        if kinds not in graphs:
            graphs[kinds] = traced.get_concrete_function(*(tf.TensorSpec(*kind) for kind in kinds))
        return graphs[kinds](*tensors)

    return call


def _numbers(tensor) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(tensor))
