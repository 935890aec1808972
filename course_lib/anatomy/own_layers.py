"""Entries for the layers that the course has made itself."""

from __future__ import annotations

from course_lib.anatomy.field import Field, join
from course_lib.anatomy.kinds import (
    channel_axis,
    convolution_sees,
    last_axis_mixes,
    once_per_output,
    register,
    window,
)
from course_lib.architectures.alexnet import LocalResponseNormalization
from course_lib.architectures.convnext import ChannelScale
from course_lib.architectures.convolutions import PointwiseConv2D
from course_lib.architectures.fractal import ColumnDraw, FractalJoin
from course_lib.architectures.lenet import CodeDistance, PartialConv2D, TrainedSubsampling
from course_lib.architectures.resnet import PaddedShortcut
from course_lib.architectures.stochastic_depth import StochasticDepth
from course_lib.architectures.swin import WindowAttention
from course_lib.architectures.vit import ClassToken, Positions


def _subsampling(call, fields):
    return window(call, fields[0], call.layer.pool_size, call.layer.pool_size, "valid")


def _partial_convolution(call, fields):
    return window(call, fields[0].mix([channel_axis(call)]), call.layer.kernel_size, 1, "valid")


def _joined_ways(call, fields):
    return join(fields[:2], call.inputs[:2])


def _nothing(call, fields):
    return Field({})


def _skipping(call, fields):
    return window(call, fields[0], 1, call.layer.strides, "valid")


def _one_more_token(call, fields):
    return fields[0].slide(0, call.outputs[0][0], lambda unit: [unit - 1])


def _window_attention(call):
    tokens, channels = call.inputs[0][0] * call.inputs[0][1], call.inputs[0][2]
    return 4 * tokens * channels**2 + 2 * tokens * call.layer.side**2 * channels


def _not_followed(call, fields):
    return None  # windows that are shifted


register(LocalResponseNormalization, role="normalisation")
register(TrainedSubsampling, role="pooling", sees=_subsampling)
register(
    PartialConv2D, role="convolution", products=once_per_output("kernel"), sees=_partial_convolution, depth=1
)  # fmt: skip
register(CodeDistance, role="dense", sees=last_axis_mixes, depth=1)  # squares of differences: no weight is multiplied
register(PaddedShortcut, role="shape", sees=_skipping)
register(
    PointwiseConv2D, role="convolution", products=once_per_output("kernel"), sees=convolution_sees, depth=1
)  # fmt: skip
register(StochasticDepth, role="activation", in_place=True)
register(FractalJoin, role="join", sees=_joined_ways)
register(ColumnDraw, role="activation", sees=_nothing)  # a throw of dice
register(ChannelScale, role="normalisation")
register(ClassToken, role="shape", sees=_one_more_token)
register(Positions, role="join")
register(WindowAttention, role="attention", products=_window_attention, sees=_not_followed, depth=2)
