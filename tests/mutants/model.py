"""Wrong models from a right one, by editing what was built; and right ones, with what is the student's own changed.

An answer is a function that builds: `build()` returns a model, `block(x, filters)` the output of its last layer. An
edit is one layer changed, found by its kind and number, so that it fits whatever the arguments are.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras

ACTIVATIONS = ("linear", "relu", "leaky_relu", "tanh", "sigmoid", "softmax")
Key = tuple[str, int]  # class and number of a layer, as in ("Conv2D", 2)


@dataclass(frozen=True)
class Edit:
    """What happens to one layer: other settings, made from its own, or another way to call it."""

    change: str
    layer: Key
    settings: Callable[[dict], dict] | None = None
    call: Callable | None = None
    follower: Key | None = None  # the two change places
    same_as: Key | None = None  # that layer is called once more in its place


def edits(answer: Callable, calls: list[tuple]) -> list[Edit]:
    """All edits of what the answer builds in any of these calls."""
    found = {}
    for arguments in calls:
        model = _flat(answer(*arguments), *arguments[:1])
        for key, layer in _numbered(model):
            for edit in _edits_of(key, layer, model):
                found.setdefault(edit.change, edit)
    return list(found.values())


def mutated(answer: Callable, edit: Edit) -> Callable:
    """The answer with one layer of its model edited."""
    return _after(answer, functools.partial(_rebuilt, edit=edit))


def right_forms(answer: Callable) -> dict[str, Callable]:
    """The same answer, changed only in what is the student's own."""
    own = {
        "epsilon and momentum": {"epsilon": 1e-5, "momentum": 0.9},
        "initial values": {
            "kernel_initializer": "he_normal",
            "bias_initializer": "ones",
            "gamma_initializer": "zeros",
            "beta_initializer": "ones",
        },
    }
    forms = {
        words: _after(answer, functools.partial(_rebuilt, everywhere=functools.partial(_overlapping, new)))
        for words, new in own.items()
    }
    forms["names"] = _after(answer, functools.partial(_rebuilt, everywhere=lambda old: {"name": f"my_{old['name']}"}))
    forms["activations as layers"] = _after(answer, functools.partial(_rebuilt, split=True))
    forms["nested"] = _after(answer, _nested)
    forms["subclassed"] = _after(answer, _subclassed)
    return forms


# Edits


def _edits_of(key: Key, layer: keras.Layer, model: keras.Model) -> Iterator[Edit]:
    name = f"{key[0]} {key[1]}"
    for words, settings in _other_settings(layer):
        yield Edit(f"{name}: {words}", key, settings)
    for words, call in _other_calls(layer):
        yield Edit(f"{name}: {words}", key, call=call)
    for other, model_layer in _numbered(model):
        if other == key:
            break
        if layer.weights and _settings(model_layer) == _settings(layer):
            yield Edit(f"{name}: {' '.join(map(str, other))} once more", key, same_as=other)
    consumers = [each for each, other in _numbered(model) if other.input is layer.output]
    if len(consumers) == 1 and not isinstance(layer.input, list):
        yield Edit(f"{name}: swapped with the next, {' '.join(map(str, consumers[0]))}", key, follower=consumers[0])


def _other_settings(layer: keras.Layer) -> Iterator[tuple[str, Callable]]:
    config = layer.get_config()

    def changed(**changes):
        return lambda old: {name: change(old[name]) for name, change in changes.items()}

    if "activation" in config:
        for other in ACTIVATIONS:
            if other != config["activation"]:
                yield f"activation {other} for {config['activation']}", changed(activation=lambda _, new=other: new)
    for size in ("filters", "units"):
        if size in config:
            yield f"one of the {size} more", changed(**{size: lambda old: old + 1})
            yield f"one of the {size} less", changed(**{size: lambda old: old - 1})
    for size in ("kernel_size", "pool_size"):
        if size in config:
            yield f"{size} larger", changed(**{size: lambda old: tuple(each + 2 for each in old)})
            yield f"{size} oblong", changed(**{size: lambda old: (old[0], old[1] + 1)})
    if "strides" in config:
        yield "other strides", changed(strides=lambda old: (1, 1) if old[0] > 1 else (2, 2))
        yield "other strides along the rows", changed(strides=lambda old: (1 if old[0] > 1 else 2, old[1]))
    if "padding" in config:
        yield "other padding", changed(padding=lambda old: "valid" if old == "same" else "same")
    for switch in ("use_bias", "center", "scale"):
        if switch in config:
            yield f"other {switch}", changed(**{switch: lambda old: not old})
    if "dilation_rate" in config and config["strides"] == (1, 1):
        yield "dilated", changed(dilation_rate=lambda old: (2, 2))
    if layer.trainable_weights:
        yield "not trainable", changed(trainable=lambda old: False)


def _other_calls(layer: keras.Layer) -> Iterator[tuple[str, Callable]]:
    joins = isinstance(layer.input, list)
    yield "left out", lambda layer, x: x[0] if joins else x
    if joins:
        yield "one input left out", lambda layer, x: layer(x[1:]) if len(x) > 2 else x[1]
        yield "inputs the other way round", lambda layer, x: layer(x[::-1])
    if hasattr(layer, "kernel"):
        yield "twice", lambda layer, x: _like(layer)(layer(x))
    yield "dropout after it", lambda layer, x: keras.layers.Dropout(0.5)(layer(x))
    yield "batch normalisation after it", lambda layer, x: keras.layers.BatchNormalization()(layer(x))
    positive = layer.get_config().get("activation") in ("relu", "sigmoid", "softmax")  # then ReLU changes nothing
    for activation in ("tanh", "softmax") if positive else ("relu", "tanh", "softmax"):
        yield f"{activation} after it", lambda layer, x, a=activation: keras.layers.Activation(a)(layer(x))


def _settings(layer: keras.Layer) -> dict:
    return {"kind": type(layer)} | {name: value for name, value in layer.get_config().items() if name != "name"}


def _like(layer: keras.Layer) -> keras.Layer:
    config = layer.get_config()
    return type(layer).from_config({**config, "name": f"{config['name']}_again"})


# Building again


def _after(answer: Callable, edit: Callable) -> Callable:
    """The answer, with whatever it builds edited."""

    @functools.wraps(answer)
    def changed(*arguments):
        if arguments and isinstance(arguments[0], keras.KerasTensor):
            x, *others = arguments
            return edit(_block(answer, x.shape[1:], *others), x=x)
        return edit(_flat(answer(*arguments)))

    return changed


@functools.lru_cache(maxsize=100)
def _block(answer: Callable, shape: tuple, *arguments) -> keras.Model:
    """What a block makes of an input, as a model that is there to be copied."""
    x = keras.Input(shape)
    return _flat(answer(x, *arguments), x)


def _flat(built, x=None) -> keras.Model:
    if isinstance(built, keras.KerasTensor):
        return keras.Model(x, built)
    return keras.Model(built.inputs[0], built.outputs[0])


def _numbered(model: keras.Model) -> list[tuple[Key, keras.Layer]]:
    """The layers with their keys; not the input."""
    counts, found = Counter(), []
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            kind = type(layer).__name__
            counts[kind] += 1
            found.append(((kind, counts[kind]), layer))
    return found


def _rebuilt(model: keras.Model, edit: Edit | None = None, everywhere=None, split=False, x=None):
    """The model built anew with an edit, or with other settings everywhere; on `x`, its output there."""
    keys = {id(layer): key for key, layer in _numbered(model)}
    held: list[keras.Layer] = []
    made: dict[Key, keras.Layer] = {}

    def clone(layer):
        if id(layer) not in keys:
            return layer  # an operation, as a slice of a tensor: it holds nothing
        config = layer.get_config()
        if everywhere:
            config |= everywhere(config)
        if edit and edit.settings and keys[id(layer)] == edit.layer:
            config |= edit.settings(config)
        if split and config.get("activation", "linear") != "linear" and not isinstance(layer, keras.layers.Activation):
            config["activation"] = "linear"
        new = type(layer).from_config(config)
        keys[id(new)] = keys[id(layer)]
        made[keys[id(layer)]] = new
        return new

    def call(layer, *inputs, **options):
        key = keys.get(id(layer))
        if edit and key == edit.layer and edit.call:
            return edit.call(layer, *inputs)
        if edit and key == edit.layer and edit.same_as in made:
            return made[edit.same_as](*inputs)
        if edit and key == edit.layer and edit.follower:
            held.append(layer)
            return inputs[0]
        if edit and key == edit.follower:
            return held[0](layer(*inputs))
        out = layer(*inputs, **options)
        if split and key and (activation := originals[key].get("activation", "linear")) != "linear":
            return out if isinstance(layer, keras.layers.Activation) else keras.layers.Activation(activation)(out)
        return out

    originals = {key: layer.get_config() for key, layer in _numbered(model)}
    new = keras.models.clone_model(model, input_tensors=x, clone_function=clone, call_function=call)
    return new if x is None else new.outputs[0]


def _nested(model: keras.Model, x=None):
    if x is not None:
        return model(x)
    inputs = keras.Input(model.inputs[0].shape[1:])
    return keras.Model(inputs, model(inputs))


def _subclassed(model: keras.Model, x=None):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = model

        def call(self, inputs, training=None):
            return self.inner(inputs, training=training)

    own = Own()
    if x is not None:
        return own(x)
    own(keras.ops.zeros((1, *model.inputs[0].shape[1:])))
    return own


def _overlapping(new: dict, old: dict) -> dict:
    return {name: value for name, value in new.items() if name in old}
