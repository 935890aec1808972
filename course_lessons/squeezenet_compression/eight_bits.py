"""Whole-number inference by a library's own path: LiteRT, once called TensorFlow Lite.

TensorFlow brings the converter, `tf.lite.TFLiteConverter`. The program that runs its files has moved to the package
ai-edge-litert; where that is not installed, the one inside TensorFlow is used as long as it is there.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import time
import warnings

import keras
import numpy as np


def available() -> bool:
    """Whether this installation can convert networks and run them."""
    try:
        import tensorflow as tf

        _interpreter()
    except ImportError:
        return False
    return hasattr(tf, "lite") and keras.backend.backend() == "tensorflow"


def _interpreter():
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError:
        import tensorflow as tf

        try:
            return tf.lite.Interpreter
        except AttributeError as error:
            raise ImportError("Neither ai-edge-litert nor tf.lite.Interpreter is there.") from error
    return Interpreter


def convert(model: keras.Model, samples: np.ndarray | None = None) -> bytes:
    """The network as a LiteRT file; with `samples`, pictures that show its range, all in 8-bit whole numbers."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if samples is not None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([picture[None]] for picture in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    with _quiet():
        return converter.convert()


@contextlib.contextmanager
def _quiet():
    """Converter and interpreter say much about what they do, past Python, and nothing that a reader could use."""
    absl, tensorflow = logging.getLogger("absl"), logging.getLogger("tensorflow")
    levels = absl.level, tensorflow.level
    absl.setLevel(logging.ERROR), tensorflow.setLevel(logging.ERROR)
    sys.stdout.flush(), sys.stderr.flush()
    streams = {number: os.dup(number) for number in (1, 2)}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in streams:
            os.dup2(nowhere, number)
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for number, stream in streams.items():
            os.dup2(stream, number)
            os.close(stream)
        os.close(nowhere)
        absl.setLevel(levels[0]), tensorflow.setLevel(levels[1])


class Network:
    """A LiteRT file, ready to run: pictures in, probabilities out. `seconds` is what the last call took."""

    def __init__(self, content: bytes):
        with _quiet():  # TensorFlow's own says that it will move
            self.runner = _interpreter()(model_content=content, num_threads=1)
        self.seconds = np.nan

    def __call__(self, pictures: np.ndarray, turns: int = 1) -> np.ndarray:
        """With several turns, `seconds` is the fastest: others may have been disturbed."""
        (given,), (told,) = self.runner.get_input_details(), self.runner.get_output_details()
        with _quiet():
            self.runner.resize_tensor_input(given["index"], pictures.shape)
            self.runner.allocate_tensors()
        self.runner.set_tensor(given["index"], _to_numbers(pictures, given))
        times = []
        for _ in range(turns):
            start = time.perf_counter()
            self.runner.invoke()
            times.append(time.perf_counter() - start)
        self.seconds = min(times)
        return _from_numbers(self.runner.get_tensor(told["index"]), told)


def _to_numbers(values: np.ndarray, detail: dict) -> np.ndarray:
    if detail["dtype"] != np.int8:
        return values.astype(detail["dtype"])
    step, zero = detail["quantization"]
    return np.clip(np.rint(values / step + zero), -128, 127).astype("int8")


def _from_numbers(numbers: np.ndarray, detail: dict) -> np.ndarray:
    if detail["dtype"] != np.int8:
        return numbers
    step, zero = detail["quantization"]
    return (numbers.astype("float32") - zero) * step
