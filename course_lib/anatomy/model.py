"""From the calls of a model to the rows of its table."""

from __future__ import annotations

import re
from math import prod

import keras

from course_lib.anatomy.field import Field
from course_lib.anatomy.graph import Call, calls_of, unreachable
from course_lib.anatomy.kinds import kind_of
from course_lib.anatomy.rows import Anatomy, Row


def anatomy(model: keras.Model, input_shape=None) -> Anatomy:
    """What the model is made of, one row for each call of a layer, for one example.

    `model` is functional or Sequential; nested models are unfolded, a layer used twice has two rows and its parameters
    in the first. `input_shape` (without the batch; a list for several inputs) replaces the model's own. Raises
    ValueError if the model has no graph, a size is not known, or the input does not suit it. See lesson 18.
    """
    calls, _ = calls_of(model, input_shape)
    reader = _Reader()
    return Anatomy(model.name, tuple(map(reader.row, calls)), tuple(unreachable(model)))


class _Reader:
    """What has to be remembered from row to row."""

    def __init__(self):
        self._fields: dict[str, Field | None] = {}
        self._depths: dict[str, int] = {}
        self._deeper: set[str] = set()
        self._layers: set[int] = set()
        self._weights: set[int] = set()

    def row(self, call: Call) -> Row:
        kind = kind_of(call.layer)
        products = kind.products(call) if kind else None
        depth = max((self._depths[value.source] for value in call.reads), default=0) + (kind.depth if kind else 0)
        self._depths[call.name] = depth
        deeper = products is None or any(value.source in self._deeper for value in call.reads)
        if deeper:
            self._deeper.add(call.name)
        self._fields[call.name] = field = self._field(call, kind)
        writes = [] if kind and kind.in_place else call.values
        is_new = id(call.layer) not in self._layers
        self._layers.add(id(call.layer))
        type_name = type(call.layer).__name__
        return Row(
            name=call.name,
            type=type_name,
            role=kind.role if kind else "unknown",
            shapes=tuple(call.outputs),
            trainable=self._count(getattr(call.layer, "trainable_weights", [])),
            other=self._count(getattr(call.layer, "non_trainable_weights", [])),
            multiply_adds=products or 0,
            values=sum(prod(value.shape) for value in writes),
            memory=sum(prod(value.shape) * _bytes_each(value.dtype) for value in writes),
            depth=depth,
            weight_layers=kind.depth if kind and is_new else 0,
            field=field,
            reads=tuple(dict.fromkeys(value.source for value in call.reads)),
            window=_window(call.layer),
            uncounted=() if products is not None else (type_name,),
            deeper=deeper,
        )

    def _field(self, call: Call, kind) -> Field | None:
        if not call.reads:
            return Field.of_input(call.name, call.outputs[0])
        fields = [self._fields[value.source] for value in call.reads]
        return kind.sees(call, fields) if kind and None not in fields else None

    def _count(self, weights) -> int:
        """The weights that no earlier row has counted."""
        new = {id(weight): prod(weight.shape) for weight in weights if id(weight) not in self._weights}
        self._weights |= set(new)
        return sum(new.values())


def _window(layer) -> str:
    sizes, strides = (
        (setting,) if isinstance(setting, int) else tuple(setting or ())
        for setting in (getattr(layer, "kernel_size", getattr(layer, "pool_size", ())), getattr(layer, "strides", ()))
    )
    times = "×".join(map(str, sizes))
    if not sizes or set(strides) <= {1}:
        return times
    return f"{times}/{strides[0] if len(set(strides)) == 1 else '×'.join(map(str, strides))}"


def _bytes_each(dtype: str) -> int:
    """Of "float32": 4; of "bool", which names no number of bits: 1."""
    bits = re.search(r"\d+", dtype)
    return int(bits[0]) // 8 if bits else 1
