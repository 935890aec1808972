"""Facts of lesson 18_alexnet."""

import functools
import math

from facts import recompute

SHAPES = {  # of the listing that normalises after pooling
    "F038": "conv1",
    "F039": "pool1",
    "F040": "norm1",
    "F041": "conv2",
    "F042": "pool2",
    "F043": "norm2",
    "F044": "conv3",
    "F045": "conv4",
    "F046": "conv5",
    "F047": "pool5",
    "F048": "fc6",
    "F049": "fc7",
    "F050": "fc8",
}


@functools.cache
def _alexnet(**options):
    from course_lib.architectures.alexnet import alexnet
    from course_lib.architectures.blueprint import blueprint

    return blueprint(alexnet, **options)


def _parameters(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _kernels(kind):
    return [layer.kernel for layer in _alexnet().layers if layer.name.startswith(kind)]


def _layers_with_weights():
    return [layer for layer in _alexnet().layers if layer.trainable_weights]


def _weights(kernels):
    return sum(math.prod(kernel.shape) for kernel in kernels)


for _fact, _layer in SHAPES.items():

    @recompute(_fact)
    def output_shape(layer=_layer):
        shape = _alexnet(normalization="after").get_layer(layer).output.shape[1:]
        return shape if len(shape) > 1 else shape[0]


@recompute("F051")
def side_of_conv1_for_inputs_of_227_and_224():
    sides = (227, 224)
    return [_alexnet(input_shape=(side, side, 3)).get_layer("conv1").output.shape[1] for side in sides]


@recompute("F052")
def maps_of_conv1_in_a_tower():
    return _alexnet().get_layer("conv2").kernel.shape[2]  # a filter of conv2 sees the maps of its own tower


@recompute("F053")
def parameters_in_two_towers():
    return _parameters(_alexnet())


@recompute("F054")
def neurons():
    return sum(math.prod(layer.output.shape[1:]) for layer in _layers_with_weights())


@recompute("F055")
def hidden_layers():
    return len(_layers_with_weights()) - 1


@recompute("F056")
def layers_with_weights():
    return len(_layers_with_weights())


@recompute("F057")
def convolution_weights():
    return _weights(_kernels("conv"))


@recompute("F058")
def dense_weights():
    return _weights(_kernels("fc"))


@recompute("F062")
def parameters_removed_with_layer_7():
    return _parameters(_alexnet()) - _parameters(_alexnet(without=("fc7",)))


@recompute("F063")
def parameters_removed_with_layers_6_and_7():
    return _parameters(_alexnet()) - _parameters(_alexnet(without=("fc6", "fc7")))


@recompute("F064")
def parameters_removed_with_convolutions_3_and_4():
    return _parameters(_alexnet()) - _parameters(_alexnet(without=("conv3", "conv4")))


@recompute("F073")
def top_5_accuracy_of_one_network():
    return 100 - 18.2  # the reported error of one network, F069


@recompute("F079")
def share_of_conv1_in_percent():
    return 100 * _parameters(_alexnet().get_layer("conv1")) / _parameters(_alexnet())


@recompute("X03")
def parameters_in_one_tower():
    return _parameters(_alexnet(groups=1))


# Multiply-adds


@functools.cache
def _anatomy():
    from course_lib.anatomy import anatomy

    return anatomy(_alexnet())


def _multiply_adds(role):
    return _anatomy().where(lambda row: row.role == role).total.multiply_adds


@recompute("F059")
def multiply_adds_of_the_convolutions():
    return _multiply_adds("convolution")


@recompute("F060")
def multiply_adds_of_the_dense_layers():
    return _multiply_adds("dense")


@recompute("F061")
def multiply_adds_per_second_on_full_hd_video():
    tiles_per_picture = 1920 * 1080 / 224**2
    return 30 * tiles_per_picture * (_multiply_adds("convolution") + _multiply_adds("dense"))


@recompute("X04")
def multiply_adds_in_two_towers():
    return _anatomy().total.multiply_adds
