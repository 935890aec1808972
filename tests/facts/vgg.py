"""Facts of lesson 19_vgg."""

import functools
import math

from facts import recompute

PARAMETERS = {"F081": "A", "F082": "B", "F083": "C", "F084": "D", "F085": "E"}
DEPTHS = {"F086": "A", "F087": "B", "F088": "C", "F089": "D", "F090": "E"}
VALUES = {  # of VGG-16, layer by layer
    "F091": "input",
    "F092": "block1_conv1",
    "F094": "block1_conv2",
    "F096": "block1_pool",
    "F097": "block2_conv1",
    "F099": "block2_conv2",
    "F101": "block2_pool",
    "F102": "block3_conv1",
    "F104": "block3_conv2",
    "F106": "block3_conv3",
    "F108": "block3_pool",
    "F109": "block4_conv1",
    "F111": "block4_conv2",
    "F113": "block4_conv3",
    "F115": "block4_pool",
    "F116": "block5_conv1",
    "F118": "block5_conv2",
    "F120": "block5_conv3",
    "F122": "block5_pool",
    "F123": "fc1",
    "F125": "fc2",
    "F127": "predictions",
}
WEIGHTS = {
    "F093": "block1_conv1",
    "F095": "block1_conv2",
    "F098": "block2_conv1",
    "F100": "block2_conv2",
    "F103": "block3_conv1",
    "F105": "block3_conv2",
    "F107": "block3_conv3",
    "F110": "block4_conv1",
    "F112": "block4_conv2",
    "F114": "block4_conv3",
    "F117": "block5_conv1",
    "F119": "block5_conv2",
    "F121": "block5_conv3",
    "F124": "fc1",
    "F126": "fc2",
    "F128": "predictions",
}


@functools.cache
def _vgg(variant):
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.vgg import vgg

    return blueprint(vgg, variant)


def _parameters(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _layers_with_weights(model):
    return [layer for layer in model.layers if layer.trainable_weights]


def _weights_of_vgg_16(rank):
    """Weights without biases: of convolutions, whose kernels have rank 4, or of dense layers, with rank 2."""
    kernels = [layer.kernel for layer in _layers_with_weights(_vgg("D"))]
    return sum(math.prod(kernel.shape) for kernel in kernels if len(kernel.shape) == rank)


def _kernel(channels, filters, kernel_size):
    import keras

    layer = keras.layers.Conv2D(filters, kernel_size)
    layer.build((None, 32, 32, channels))
    return math.prod(layer.kernel.shape)


for _fact, _variant in PARAMETERS.items():

    @recompute(_fact)
    def parameters(variant=_variant):
        return _parameters(_vgg(variant))


for _fact, _variant in DEPTHS.items():

    @recompute(_fact)
    def weight_layers(variant=_variant):
        return len(_layers_with_weights(_vgg(variant)))


for _fact, _layer in VALUES.items():

    @recompute(_fact)
    def values(layer=_layer):
        model = _vgg("D")
        output = model.input if layer == "input" else model.get_layer(layer).output
        return math.prod(output.shape[1:])


for _fact, _layer in WEIGHTS.items():

    @recompute(_fact)
    def weights(layer=_layer):
        return math.prod(_vgg("D").get_layer(layer).kernel.shape)


@recompute("F078")
def weights_of_one_11x11_and_of_five_3x3():
    per_square = [_kernel(1, 1, 11), 5 * _kernel(1, 1, 3)]
    return [*per_square, _kernel(3, 96, 11), _kernel(3, 96, 3) + 4 * _kernel(96, 96, 3)]


@recompute("F080")
def weights_of_three_3x3_and_of_one_7x7():
    return 3 * _kernel(1, 1, 3), _kernel(1, 1, 7)


@recompute("F130")
def weights_of_vgg_16_without_biases():
    return _weights_of_vgg_16(4) + _weights_of_vgg_16(2)


@recompute("F132")
def share_of_the_dense_layers():
    return _weights_of_vgg_16(2) / (_weights_of_vgg_16(4) + _weights_of_vgg_16(2))


@recompute("F133")
def convolution_weights_of_vgg_16():
    return _weights_of_vgg_16(4)


@recompute("F134")
def dense_weights_of_vgg_16():
    return _weights_of_vgg_16(2)


@recompute("F142")
def layers_of_alexnet_and_vgg():
    from course_lib.architectures.alexnet import alexnet
    from course_lib.architectures.blueprint import blueprint

    return [len(_layers_with_weights(model)) for model in (blueprint(alexnet), _vgg("D"), _vgg("E"))]


# Multiply-adds, memory and receptive fields


@functools.cache
def _anatomy(variant="D"):
    from course_lib.anatomy import anatomy

    return anatomy(_vgg(variant))


def _multiply_adds(role):
    return _anatomy().where(lambda row: row.role == role).total.multiply_adds


@recompute("F077")
def stack_of_3x3_that_sees_as_far_as_one_11x11():
    """The number of layers is found by their fields; the tests of anatomy prove those by gradients."""
    import keras

    from course_lib.anatomy import anatomy

    def field(layers):
        return anatomy(keras.Sequential([keras.Input((64, 64, 1)), *layers])).rows[-1].field.size

    stack = []
    while not stack or field(stack) < field([keras.layers.Conv2D(1, 11)]):
        stack.append(keras.layers.Conv2D(1, 3))
    return len(stack) if field(stack) == field([keras.layers.Conv2D(1, 11)]) else None


@recompute("F129")
def values_that_a_forward_pass_keeps():
    return _anatomy().total.values


@recompute("F131")
def share_of_the_early_convolutions_in_the_memory():
    early = _anatomy().where(lambda row: row.name.startswith(("block1_", "block2_")))
    return early.total.memory / _anatomy().total.memory


@recompute("F135")
def multiply_adds_of_the_convolutions_of_vgg_16():
    return _multiply_adds("convolution")


@recompute("F136")
def multiply_adds_of_the_dense_layers_of_vgg_16():
    return _multiply_adds("dense")


@recompute("F137")
def multiply_adds_per_second_on_full_hd_video():
    tiles_per_picture = 1920 * 1080 / 224**2
    return 30 * tiles_per_picture * _anatomy().total.multiply_adds


@recompute("X25")
def multiply_adds_of_vgg_19():
    return _anatomy("E").total.multiply_adds
