"""What no test may do: ask TensorFlow for the gradient of a narrow step.

A narrow step is a 1×1 convolution with strides that divide the sides of its maps, from fewer than 16 channels. On a
CPU, the gradient of its kernel writes outside of its memory (TensorFlow 2.20 and 2.21 with oneDNN, which takes blocks
of 16 channels from a workspace made for fewer), and the process dies, now or later. Padding does not matter, nor
whether the kernel's gradient was wanted: outside of graphs TensorFlow computes it anyway. Take the pixels first, and
then convolve them with strides of 1, as `architectures.convolutions.PointwiseConv2D` does.
"""

from __future__ import annotations

import sys

SAFE_CHANNELS = 16


def is_narrow_step(sides, kernel_shape, strides) -> bool:
    """Height and width of the larger maps, None where unknown; kernels are (height, width, channels, filters)."""
    return (
        tuple(kernel_shape[:2]) == (1, 1)
        and max(strides) > 1
        and kernel_shape[2] < SAFE_CHANNELS
        and all(side is None or side % step == 0 for side, step in zip(sides, strides, strict=True))
    )


def refuse_narrow_steps() -> None:
    """From now on TensorFlow's gradients raise AssertionError there. Does nothing before TensorFlow is imported."""
    operations = sys.modules.get("tensorflow.python.framework.ops")
    if operations is None:
        return
    larger_maps = {"Conv2D": lambda op, upstream: op.inputs[0], "Conv2DBackpropInput": lambda op, upstream: upstream}
    for name, larger in larger_maps.items():
        entry = operations.gradient_registry._registry.get(name)  # TensorFlow's own list; there is no public one
        if entry is not None and not hasattr(entry["type"], "refuses"):
            entry["type"] = _refusing(entry["type"], larger)


def _refusing(gradient, larger):
    def refusing(op, upstream):
        sides, kernel, strides = larger(op, upstream).shape[1:3], op.inputs[1].shape, op.get_attr("strides")[1:3]
        if is_narrow_step(sides, kernel, strides):
            raise AssertionError(f"The gradient of a narrow step, {kernel} with strides {strides}, on maps of {sides}.")
        return gradient(op, upstream)

    refusing.refuses = True
    return refusing
