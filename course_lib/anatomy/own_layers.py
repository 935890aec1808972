"""Entries for the layers that the course has made itself."""

from __future__ import annotations

from course_lib.anatomy.kinds import (
    channel_axis,
    convolution_sees,
    last_axis_mixes,
    once_per_output,
    register,
    window,
)
from course_lib.architectures.alexnet import LocalResponseNormalization
from course_lib.architectures.lenet import CodeDistance, PartialConv2D, TrainedSubsampling
from course_lib.architectures.resnet import PaddedShortcut, PointwiseConv2D


def _subsampling(call, fields):
    return window(call, fields[0], call.layer.pool_size, call.layer.pool_size, "valid")


def _partial_convolution(call, fields):
    return window(call, fields[0].mix([channel_axis(call)]), call.layer.kernel_size, 1, "valid")


def _skipping(call, fields):
    return window(call, fields[0], 1, call.layer.strides, "valid")


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
