"""What a Keras model does, seen from outside: for probes. Sequential, functional, subclassed, nested: all are read.

    model = model_of(build_mlp, pictures)          # built, by one call
    found = read_chain(model, pictures)            # found.layers: "dense 32, dense 10", found.activations: "relu, none"

    model = model_around(residual_block, pictures, 8, 2)      # of a function that continues a tensor
    found = read_graph(model, pictures)            # found.layers, sorted; found.outputs, of `drawn` weights

Nothing here asks how a model was written: its layers are watched while it runs, and an activation is known by what it
does to numbers, whether it is an argument, a layer, an operation or a lambda. Nor does anything here know what is
right, so a sandbox may hold it.
"""

from __future__ import annotations

import contextlib
import inspect
import itertools
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from course_lib.exercises.answer import WrongForm, kind_of

_COMMON = ("relu", "tanh", "sigmoid", "softmax")
_OTHERS = (
    "leaky_relu", "elu", "selu", "gelu", "silu", "relu6", "softplus", "softsign", "hard_sigmoid", "hard_silu",
    "hard_tanh", "mish", "exponential", "log_softmax",
)  # fmt: skip
_SLOPES = (0.01, 0.1, 0.3)  # of leaky ReLUs, besides the 0.2 of keras.activations

# In messages of Keras and TensorFlow: colours, the inputs themselves, names of inner things.
_CLUTTER = re.compile(r"\x1b\[\d+m|\s*\[+[^a-z]*\]+(?= with name)|\{\{.*?\}\}\s*|\s*\[Op:\w+\]", re.DOTALL)


@dataclass
class Call:
    """One layer at work: what it was given, an array or a list of them, and what it gave, before its activation too."""

    layer: object
    inputs: np.ndarray | list[np.ndarray]
    sums: np.ndarray
    outputs: np.ndarray


@dataclass
class Chain:
    """A network of one layer behind another, in words, and "none" where there is nothing to say.

    `layers` are those with weights; `sides` belong to the maps behind each convolution; `activations` and `poolings`
    stand behind each layer; `before` is what happens to the inputs first; `other_in_training` names the layers that do
    something else while the network learns, as dropout does.
    """

    layers: str
    sides: str
    activations: str
    poolings: str
    before: str
    other_in_training: str
    parameters: int


@dataclass
class Graph:
    """A network with branches: its layers with weights, `counted`, and its outputs with weights that are `drawn`."""

    layers: str
    other_in_training: str
    trained: int
    outputs: np.ndarray


def model_of(candidate, batch, *arguments):
    """The model that `candidate` is, or gives for `arguments`, after one call on `batch`: every layer has its weights.

    Raises `WrongForm` for what is no model, and for a model that cannot read `batch`.
    """
    import keras

    model = candidate(*arguments) if callable(candidate) and not isinstance(candidate, keras.Model) else candidate
    _refuse_nothing(model)
    if not isinstance(model, keras.Model):
        raise WrongForm(f"A Keras model is asked for; this is {kind_of(model)}.")
    given, made_for = np.shape(batch)[1:], _input_shape(model)
    if made_for and any(size not in (None, other) for size, other in itertools.zip_longest(made_for, given)):
        raise WrongForm(f"The model is made for inputs of the shape {_shape(made_for)}; here it is {_shape(given)}.")
    state = "The model" if model.built else "The model is not built (start with keras.Input), and it"
    try:
        outputs = model(_tensor(batch))
    except Exception as error:
        if not isinstance(error, ValueError) and not type(error).__module__.startswith("tensorflow."):
            raise  # a slip in the student's own lines, not shapes that do not fit
        raise WrongForm(f"{state} cannot read inputs of the shape {_shape(given)}: {_in_short(error)}") from error
    if not hasattr(outputs, "shape"):
        raise WrongForm(f"The model gives {kind_of(outputs)}; one array is asked for.")
    return model


def model_around(build, batch, *arguments):
    """The model from a `keras.Input` to what `build(input, *arguments)` makes of it.

    Raises `WrongForm` if that is no Keras tensor, or one that does not come from the input.
    """
    import keras

    if not callable(build):
        raise WrongForm(f"A function that builds layers is asked for; this is {kind_of(build)}.")
    inputs = keras.Input(np.shape(batch)[1:])
    outputs = build(inputs, *arguments)
    _refuse_nothing(outputs)
    if not isinstance(outputs, keras.KerasTensor):
        raise WrongForm(f"The output of the last layer is asked for; this is {kind_of(outputs)}.")
    try:
        return keras.Model(inputs, outputs)
    except ValueError as error:
        raise WrongForm("What it returned was not made from its input.") from error


def calls(model, batch) -> tuple[list[Call], np.ndarray]:
    """Every call of a layer that holds no other layers, in order, while `model` runs on `batch`; and its outputs."""
    found: list[Call] = []
    with contextlib.ExitStack() as watched:
        for layer in _leaves(model):
            watched.enter_context(_watched(layer, found))
        outputs = _array(model(_tensor(batch)))
    return found, outputs


@contextlib.contextmanager
def drawn_weights(model, size: float = 2.0) -> Iterator[None]:
    """For a while, the weights of `drawn` for every layer."""
    before = [(weight, _array(weight)) for weight in model.weights]
    try:
        for weight, value in before:
            weight.assign(drawn(weight.name, value.shape, size))
        yield
    finally:
        for weight, value in before:
            weight.assign(value)


def drawn(name: str, shape: tuple[int, ...], size: float = 2.0) -> np.ndarray:
    """Random weights that show what every layer does: sums are about `size` times the inputs, no bias and no mean is 0,
    no scale and no variance 1.

    They depend on name, shape and size alone, so that it does not matter in which order layers were made.
    """
    kind = "kernel" if len(shape) > 1 else next((each for each in _KINDS if each in name), "bias")
    rng = np.random.default_rng([*kind.encode(), *shape])
    if kind == "kernel":
        return rng.normal(0, size / np.sqrt(np.prod(shape[:-1])), shape)
    if kind == "gamma":
        return rng.uniform(1, 4, shape)
    return rng.uniform(0.5, 2, shape) * size**2 if kind == "variance" else rng.normal(0, size / 2, shape)


_KINDS = ("gamma", "variance", "mean")


def read_chain(model, batch) -> Chain:
    """Put a network of one layer behind another into words, from what it does with `batch`."""
    from keras.layers import Conv2D

    with drawn_weights(model), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of activations that are tried where they make no sense
        everything, outputs = calls(model, batch)
        steps = [call for call in everything if call.layer.weights]
        read = [*(step.inputs for step in steps), outputs]  # what stands behind a layer is what the next one reads
        first = _between(np.asarray(batch), read[0])
        behind = [_between(step.sums, after) for step, after in zip(steps, read[1:], strict=True)]
        other = [type(call.layer).__name__ for call in everything if _differs_in_training(call)]
    return Chain(
        layers=_listed(_label(step.layer) for step in steps),
        sides=_listed(_sides(step.outputs) for step in steps if isinstance(step.layer, Conv2D)),
        activations=_listed(activation for activation, _ in behind),
        poolings=_listed(pooling for _, pooling in behind if pooling != "none"),
        before=_listed(word for word in dict.fromkeys(first) if word != "none"),
        other_in_training=_listed(other),
        parameters=_trained(model),
    )


def read_graph(model, batch, size: float = 2.0) -> Graph:
    """Run a network with branches on `batch`, with the weights of `drawn`."""
    with drawn_weights(model, size):
        everything, outputs = calls(model, batch)
        other = {type(call.layer).__name__ for call in everything if _differs_in_training(call)}
    return Graph(
        layers=counted(_label(call.layer) for call in everything if call.layer.weights),
        other_in_training=_listed(sorted(other)),
        trained=_trained(model),
        outputs=outputs,
    )


def activation(sums: np.ndarray, outputs: np.ndarray) -> str:
    """The name of the function that makes `outputs` of `sums`: "none" if they are the same, else "something else"."""
    return _between(sums, outputs, poolings=[("none", np.asarray)])[0]


def _between(sums: np.ndarray, read: np.ndarray, poolings=None) -> tuple[str, str]:
    """Names of the activation and of the pooling that make what is read of a layer's sums."""
    poolings = [(name, pool) for name, pool in poolings or _poolings(sums) if _may_be(pool(sums), read)]
    for name, values in _activated(sums, _functions()):
        for pooling, pool in poolings:
            if _agree(pool(values), read):
                return name, pooling
    for pooling, pool in poolings:
        for name, values in _activated(pool(sums), _functions()):
            if _agree(values, read):
                return f"{name} behind the pooling", pooling
    for first, values in _activated(sums, _functions(_COMMON)):
        for second, more in _activated(values, _functions(_COMMON)):
            for pooling, pool in poolings:
                if _agree(pool(more), read):
                    return f"{first} and then {second}", pooling
    return "something else", "none" if len(poolings) == 1 else "something else"


def _functions(names: Iterable[str] = (*_COMMON, *_OTHERS)) -> Iterator[tuple[str, Callable]]:
    import keras

    yield "none", lambda values: values
    for name in names:
        if function := getattr(keras.activations, name, None):  # older versions have fewer
            yield name, lambda values, function=function: _array(function(_tensor(values)))
    for slope in _SLOPES if "leaky_relu" in names else ():
        yield "leaky_relu", lambda values, slope=slope: np.where(values > 0, values, slope * values)


def _activated(sums: np.ndarray, functions) -> Iterator[tuple[str, np.ndarray]]:
    for name, function in functions:
        yield name, function(sums)


def _poolings(maps: np.ndarray) -> Iterator[tuple[str, Callable]]:
    yield "none", np.asarray
    if maps.ndim == 4:
        for name, how in (("average", np.mean), ("max", np.max)):
            yield f"global {name}", lambda maps, how=how: how(maps, axis=(1, 2))
            for size, strides in ((2, 2), (3, 2), (3, 3)):
                if min(maps.shape[1:3]) >= size:
                    yield f"{name} {size} x {size}", lambda maps, how=how, n=size, s=strides: _pooled(maps, n, s, how)


def _pooled(maps, size, strides, how):
    return how(sliding_window_view(maps, (size, size), axis=(1, 2))[:, ::strides, ::strides], axis=(-2, -1))


def _may_be(values: np.ndarray, read: np.ndarray) -> bool:
    return values.size == _without_zeros_around(read, values.shape).size


def _agree(values: np.ndarray, read: np.ndarray) -> bool:
    """Whether `read` holds `values`, flattened or with zeros around it."""
    read = _without_zeros_around(read, values.shape)
    flat = values.reshape(len(values), -1)
    return np.allclose(read.reshape(len(read), -1), flat, rtol=1e-3, atol=1e-4) if read.size == flat.size else False


def _without_zeros_around(read: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if read.ndim != 4 or len(shape) != 4 or any(have < want for have, want in zip(read.shape, shape, strict=True)):
        return read
    top, left = ((have - want) // 2 for have, want in zip(read.shape[1:3], shape[1:3], strict=True))
    inside = read[:, top : top + shape[1], left : left + shape[2]]
    return inside if np.count_nonzero(inside) == np.count_nonzero(read) else read


def _differs_in_training(call: Call) -> bool:
    if isinstance(call.inputs, list) or "training" not in inspect.signature(call.layer.call).parameters:
        return False
    return not np.allclose(_array(call.layer(_tensor(call.inputs), training=True)), call.outputs, rtol=1e-3, atol=1e-4)


def _label(layer) -> str:
    from keras.layers import Conv2D, Dense

    if isinstance(layer, Conv2D):
        words = f"convolution {layer.filters} of {' x '.join(map(str, layer.kernel_size))}"
        for name in ("strides", "dilation_rate", "groups"):
            if np.any(np.not_equal(value := getattr(layer, name), 1)):
                words += f" with {name}={value}"
    elif isinstance(layer, Dense):
        words = f"dense {layer.units}"
    else:
        words = type(layer).__name__
    words += " without bias" if getattr(layer, "use_bias", True) is False else ""
    return words if layer.trainable else f"{words} (frozen)"


def counted(words: Iterable[str]) -> str:
    """Words sorted, those that come several times counted: "dense 2, 3 times dense 5"."""
    numbers = sorted(Counter(words).items())
    return _listed(word if number == 1 else f"{number} times {word}" for word, number in numbers)


def _trained(model) -> int:
    return int(sum(np.prod(weight.shape) for weight in model.trainable_weights))


def _sides(maps: np.ndarray) -> str:
    _, height, width, _ = maps.shape
    return str(height) if height == width else f"{height} x {width}"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"


def _leaves(model) -> list:
    layers = {id(layer): layer for layer in model._flatten_layers(include_self=False)}
    return [layer for layer in layers.values() if not layer._layers]


@contextlib.contextmanager
def _watched(layer, found: list[Call]) -> Iterator[None]:
    run, bend, sums = layer.call, getattr(layer, "activation", None), []

    def activation(values):
        sums.append(_array(values))
        return bend(values)

    def call(*args, **kwargs):
        sums.clear()
        outputs = run(*args, **kwargs)
        given = args[0] if args else next(iter(kwargs.values()))
        given = [_array(each) for each in given] if isinstance(given, (list, tuple)) else _array(given)
        found.append(Call(layer, given, sums[0] if sums else _array(outputs), _array(outputs)))
        return outputs

    # Past Keras' own book-keeping of what a layer holds.
    object.__setattr__(layer, "call", call)
    if bend is not None:
        object.__setattr__(layer, "activation", activation)
    try:
        yield
    finally:
        object.__delattr__(layer, "call")
        if bend is not None:
            object.__setattr__(layer, "activation", bend)


def _input_shape(model) -> tuple:
    """The shape that the model was made for, without the batch; () where it has never been said."""
    try:
        shape = model.input_shape
    except (AttributeError, ValueError):
        return ()
    return tuple(shape[1:]) if isinstance(shape, tuple) else ()


def _shape(sizes) -> str:
    return f"({', '.join(map(str, ['batch', *sizes]))})"


def _refuse_nothing(returned) -> None:
    if returned is ...:
        raise NotImplementedError
    if returned is None:
        raise WrongForm("It returned None. Is a `return` missing?")


def _tensor(values):
    import keras

    return keras.ops.convert_to_tensor(values, "float32")


def _array(values) -> np.ndarray:
    import keras

    return np.array(keras.ops.convert_to_numpy(values))


def _in_short(error: Exception) -> str:
    """The part of Keras' message that says what is wrong: neither where it was noticed, nor the arguments."""
    parts = [part.strip() for part in _CLUTTER.sub("", str(error)).split("\n\n")]
    told = [part for part in parts if part and not part.startswith(("Exception encountered", "Arguments received"))]
    return " ".join(told[0].split())[:300] if told else type(error).__name__
