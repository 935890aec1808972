"""The layer types that can be counted: one entry each, at the end of this file.

An entry says of a type: its multiply-adds, how it changes the receptive field, how many layers with weights it is on a
path (`depth`), whether it works in place, and its `role`, which colours it in drawings.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import keras
from keras import layers

from course_lib.anatomy.field import Field, join
from course_lib.anatomy.graph import Call

ROLES = ("input", "convolution", "dense", "attention", "pooling", "normalisation", "activation", "join", "shape")


def _no_products(call: Call) -> int:
    return 0


def _pointwise(call: Call, fields: Sequence[Field]) -> Field:
    """Unit by unit: what was seen stays seen."""
    return fields[0]


@dataclass(frozen=True)
class Kind:
    role: str
    products: Callable[[Call], int | None]
    sees: Callable[[Call, Sequence[Field]], Field | None]
    depth: int
    in_place: bool


_KINDS: dict[type | str, Kind] = {}


def register(*types, role: str, products=_no_products, sees=_pointwise, depth: int = 0, in_place: bool = False) -> None:
    """Make layer types known to the anatomy. Types are classes, or the names of functions of `keras.ops`, as "Add".

    `products(call)` gives the multiply-adds for one example, `sees(call, fields)` the `Field` of the output, each None
    where it cannot tell; `call` has the `layer`, and the shapes `inputs` and `outputs`, without the batch. Without them
    the layer multiplies nothing and works unit by unit. A subclass with a `call` of its own needs its own entry.
    Raises ValueError for a role that is not in ROLES.
    """
    if role not in ROLES:
        raise ValueError(f"role={role!r} is not one of {', '.join(ROLES)}.")
    for each in types:
        _KINDS[each] = Kind(role, products, sees, depth, in_place)


def kind_of(operation: keras.Operation) -> Kind | None:
    """The entry of a layer or function; None if there is none for its type."""
    if not isinstance(operation, keras.Layer):
        return _KINDS.get(type(operation).__name__) if type(operation).__module__.startswith("keras.") else None
    for each in type(operation).__mro__:
        if each in _KINDS:
            return _KINDS[each]
        if "call" in vars(each):
            return None  # it computes something else than the types it descends from
    return None


# Axes. Shapes come without the batch, so axis 1 of Keras is 0 here.


def channel_axis(call: Call) -> int:
    """The axis of the channels."""
    first = getattr(call.layer, "data_format", "channels_last") == "channels_first"
    return 0 if first else len(call.inputs[0]) - 1


def _places(call: Call) -> list[int]:
    return [axis for axis in range(len(call.inputs[0])) if axis != channel_axis(call)]


def _from_the_left(axes, rank: int) -> list[int]:
    axes = [axes] if isinstance(axes, int) else axes
    return [axis + rank if axis < 0 else axis - 1 for axis in axes]


def _each(setting, axes: Sequence[int]) -> Sequence:
    """A setting for every axis, where Keras also takes one for all."""
    return setting if isinstance(setting, (tuple, list)) else [setting] * len(axes)


# Multiply-adds


def once_per_output(*kernels: str):
    """Each weight of the kernels is used once for every place of the output."""

    def products(call: Call) -> int:
        weights = sum(prod(getattr(call.layer, name).shape) for name in kernels)
        output = call.outputs[0]
        return weights * (prod(output) // output[channel_axis(call)])

    return products


def once_per_input(call: Call) -> int:
    return prod(call.layer.kernel.shape) * (prod(call.inputs[0]) // call.inputs[0][channel_axis(call)])


def _attended(call: Call) -> list[int]:
    """The axes along which tokens look at each other; along the others, as along windows, each group is by itself."""
    axes = call.layer.get_config()["attention_axes"]
    return _from_the_left(axes, len(call.inputs[0])) if axes else list(range(len(call.inputs[0]) - 1))


def _multi_head_attention(call: Call) -> int:
    (*query, _), (*value, _) = call.inputs[:2]
    layer, queries, values = call.layer, prod(query), prod(value)
    size = {part: prod(getattr(layer, f"{part}_dense").kernel.shape) for part in ("query", "key", "value", "output")}
    projections = queries * (size["query"] + size["output"]) + values * (size["key"] + size["value"])
    pairs = queries * prod(value[axis] for axis in _attended(call))
    return projections + pairs * layer.num_heads * (layer.key_dim + layer.value_dim)


def _matrix_product(call: Call) -> int:
    return prod(call.outputs[0]) * call.inputs[0][-1]


def _attention(call: Call) -> int:
    (queries, width), (values, out_width) = call.inputs[:2]
    return queries * values * (width + out_width)


# Receptive fields


def window(call: Call, field: Field, sizes, strides, padding: str, dilations=1) -> Field:
    """A window of `sizes` slides over the places; "same" pads as TensorFlow does, the odd zero at the end."""
    places = _places(call)
    settings = [_each(setting, places) for setting in (sizes, strides, dilations)]
    for axis, size, stride, dilation in zip(places, *settings, strict=True):
        length, reach = call.outputs[0][axis], (size - 1) * dilation
        before = {"valid": 0, "causal": reach}.get(padding)
        if before is None:
            before = max((length - 1) * stride + reach + 1 - call.inputs[0][axis], 0) // 2

        def reads(unit, start=-before, size=size, stride=stride, dilation=dilation):
            return range(start + unit * stride, start + unit * stride + size * dilation, dilation)

        field = field.slide(axis, length, reads, step=stride)
    return field


def convolution_sees(call: Call, fields: Sequence[Field]) -> Field:
    layer = call.layer
    field = fields[0].mix([channel_axis(call)])
    return window(call, field, layer.kernel_size, layer.strides, layer.padding, layer.dilation_rate)


def pooling_sees(call: Call, fields: Sequence[Field]) -> Field:
    return window(call, fields[0], call.layer.pool_size, call.layer.strides, call.layer.padding)


def _transposed(call: Call, fields: Sequence[Field]) -> Field:
    """Input i reaches output `i * stride + tap * dilation - before`; turned round, output i reads these inputs."""
    layer, places = call.layer, _places(call)
    field = fields[0].mix([channel_axis(call)])
    settings = [_each(setting, places) for setting in (layer.kernel_size, layer.strides, layer.dilation_rate)]
    for axis, size, stride, dilation in zip(places, *settings, strict=True):
        length, reach = call.outputs[0][axis], (size - 1) * dilation
        before = 0
        if layer.padding == "same":
            before = max((call.inputs[0][axis] - 1) * stride + reach + 1 - length, 0) // 2

        def reads(unit, before=before, size=size, stride=stride, dilation=dilation):
            reached = (unit + before - tap * dilation for tap in range(size))
            return [place // stride for place in reached if place % stride == 0]

        field = field.slide(axis, length, reads, period=stride)
    return field


def _upsampling(call: Call, fields: Sequence[Field]) -> Field | None:
    if getattr(call.layer, "interpolation", "nearest") != "nearest":
        return None
    field, places = fields[0], _places(call)
    for axis, times in zip(places, _each(call.layer.size, places), strict=True):
        field = field.slide(axis, call.outputs[0][axis], lambda unit, times=times: [unit // times], period=times)
    return field


def _border(setting: str, sign: int):
    """Unit i reads the unit as many places on, or back, as the border in front is wide."""

    def sees(call: Call, fields: Sequence[Field]) -> Field:
        field, places = fields[0], _places(call)
        borders = getattr(call.layer, setting)
        for axis, border in zip(places, borders if isinstance(borders[0], tuple) else [borders], strict=True):
            moved = sign * border[0]
            field = field.slide(axis, call.outputs[0][axis], lambda unit, moved=moved: [unit + moved])
        return field

    return sees


def _all_places(call: Call, fields: Sequence[Field]) -> Field:
    kept = len(call.outputs[0]) == len(call.inputs[0])
    field = fields[0].mix(_places(call))
    return field if kept else field.rearrange(call.inputs[0], call.outputs[0])


def last_axis_mixes(call: Call, fields: Sequence[Field]) -> Field:
    return fields[0].mix([len(call.inputs[0]) - 1])


def _own_axes(call: Call, fields: Sequence[Field]) -> Field:
    return fields[0].mix(_from_the_left(call.layer.axis, len(call.inputs[0])))


def _groups(call: Call, fields: Sequence[Field]) -> Field:
    return fields[0].mix(range(len(call.inputs[0])))


def _attends(call: Call, fields: Sequence[Field]) -> Field:
    """Every output depends on its own query and on all values and keys."""
    query, *others = fields
    everything = [field.mix(range(len(shape))) for field, shape in zip(others, call.inputs[1:], strict=True)]
    return join([query, *everything], call.inputs)


def _heads_attend(call: Call, fields: Sequence[Field]) -> Field:
    """As above, but for groups that are by themselves."""
    query, *others = fields
    mixed = [*_attended(call), len(call.inputs[0]) - 1]
    return join([query.mix(mixed[-1:]), *(field.mix(mixed) for field in others)], call.inputs)


def _transposing(call: Call, fields: Sequence[Field]) -> Field:
    return fields[0].permute([axis - 1 for axis in call.layer.axes[1:]])


def _not_told(call: Call, fields: Sequence[Field]) -> None:
    return None


def _joining(call: Call, fields: Sequence[Field]) -> Field:
    return join(fields, call.inputs)


def _concatenating(call: Call, fields: Sequence[Field]) -> Field:
    (axis,) = _from_the_left(call.layer.axis, len(call.inputs[0]))
    return join([field.scatter(axis) for field in fields], call.inputs)


def _reshaping(call: Call, fields: Sequence[Field]) -> Field:
    return fields[0].rearrange(call.inputs[0], call.outputs[0])


def _permuting(call: Call, fields: Sequence[Field]) -> Field:
    return fields[0].permute([axis - 1 for axis in call.layer.dims])


def _choosing(call: Call, fields: Sequence[Field]) -> Field | None:
    """Which units are taken is not followed; it does not matter where all see the same."""
    return fields[0] if all(not sight.along for sight in fields[0].sights.values()) else None


# The entries

register(layers.InputLayer, role="input")

register(
    layers.Conv1D, layers.Conv2D, layers.Conv3D,
    role="convolution", products=once_per_output("kernel"), sees=convolution_sees, depth=1,
)  # fmt: skip
register(
    layers.DepthwiseConv1D, layers.DepthwiseConv2D,
    role="convolution", products=once_per_output("kernel"), sees=convolution_sees, depth=1,
)  # fmt: skip
register(  # two layers in one, as MobileNet counts them
    layers.SeparableConv1D,
    layers.SeparableConv2D,
    role="convolution",
    products=once_per_output("depthwise_kernel", "pointwise_kernel"),
    sees=convolution_sees,
    depth=2,
)
register(
    layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose,
    role="convolution", products=once_per_input, sees=_transposed, depth=1,
)  # fmt: skip
register(layers.Dense, role="dense", products=once_per_output("kernel"), sees=last_axis_mixes, depth=1)
register(layers.Embedding, role="dense")  # a look-up: nothing is multiplied

register(  # depth: the projection of the inputs, and that of the result
    layers.MultiHeadAttention, role="attention", products=_multi_head_attention, sees=_heads_attend, depth=2
)
register(layers.Attention, role="attention", products=_attention, sees=_attends)
register("Matmul", role="attention", products=_matrix_product, sees=_not_told)  # as in attention made by hand

register(
    layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D,
    layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D,
    role="pooling", sees=pooling_sees,
)  # fmt: skip
register(
    layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D,
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D,
    role="pooling", sees=_all_places,
)  # fmt: skip

register(layers.BatchNormalization, layers.Normalization, layers.Rescaling, role="normalisation")
register(layers.LayerNormalization, layers.UnitNormalization, role="normalisation", sees=_own_axes)
if hasattr(layers, "RMSNormalization"):  # Keras 3.9 and newer
    register(layers.RMSNormalization, role="normalisation", sees=_own_axes)
register(layers.GroupNormalization, role="normalisation", sees=_groups)

register(
    layers.Activation, layers.ReLU, layers.LeakyReLU, layers.PReLU, layers.ELU, "Relu", "Relu6", "LeakyRelu", "Elu",
    "Gelu", "Silu", "Sigmoid", "Tanh", "Cast",
    role="activation", in_place=True,
)  # fmt: skip
register("Equal", "NotEqual", "Greater", "Less", "LogicalNot", role="activation")  # masks
register(layers.Softmax, "Softmax", role="activation", sees=_own_axes, in_place=True)

register(
    layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum,
    "Add", "Subtract", "Multiply", "Divide", "TrueDivide", "Maximum", "Minimum",
    role="join", sees=_joining,
)  # fmt: skip
register(layers.Concatenate, "Concatenate", role="join", sees=_concatenating)

register(
    layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D, layers.AlphaDropout,
    layers.GaussianDropout, layers.GaussianNoise, layers.ActivityRegularization, layers.Identity, layers.Masking,
    role="activation", in_place=True,
)  # fmt: skip
register(
    layers.Flatten, layers.Reshape, "Reshape", "ExpandDims", "Squeeze", role="shape", sees=_reshaping, in_place=True
)
register(layers.Permute, role="shape", sees=_permuting)
register("Transpose", role="shape", sees=_transposing)
register(layers.RepeatVector, role="shape", sees=_choosing)
register(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D, role="shape", sees=_border("padding", -1))
register(layers.Cropping1D, layers.Cropping2D, layers.Cropping3D, role="shape", sees=_border("cropping", +1))
register(layers.UpSampling1D, layers.UpSampling2D, layers.UpSampling3D, role="shape", sees=_upsampling)
register("GetItem", "Pad", role="shape", sees=_choosing)
