"""Facts of lesson 23_squeezenet_compression."""

import functools
import math

from facts import recompute

# The shares of weights that the published table keeps: squeeze 1×1, expand 1×1, expand 3×3; of the convolutions, all.
KEPT = {
    "conv1": (1.0,),
    "fire2": (1.0, 1.0, 0.33),
    "fire3": (1.0, 1.0, 0.33),
    "fire4": (1.0, 1.0, 0.33),
    "fire5": (1.0, 1.0, 0.33),
    "fire6": (1.0, 0.5, 0.33),
    "fire7": (0.5, 1.0, 0.33),
    "fire8": (1.0, 0.5, 0.33),
    "fire9": (0.5, 1.0, 0.3),
    "conv10": (0.2,),
}
PRINTED = (14_208, 5_746, 6_258, 20_646, 24_742, 44_700, 46_236, 77_581, 77_581, 103_400)  # after pruning
MEGABYTES = {"F309": 48, "F310": 27, "F311": 6.9, "F312": 4.8, "F313": 0.66, "F314": 0.47}  # AlexNet has 240


@functools.cache
def _squeezenet():
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.squeezenet import squeezenet

    return blueprint(squeezenet)


def _layers(module):
    """Those with weights, in the order in which the table lists their shares."""
    layers = [layer for layer in _squeezenet().layers if layer.weights and layer.name.split("_")[0] == module]
    return sorted(layers, key=lambda layer: ("squeeze" not in layer.name, layer.name))


def _parameters(model):
    return sum(math.prod(weight.shape) for weight in model.weights)


def _alexnet_parameters():
    from course_lib.architectures.alexnet import alexnet
    from course_lib.architectures.blueprint import blueprint

    return _parameters(blueprint(alexnet))


def _output_of(name):
    return _squeezenet().get_layer(name).output.shape[1:]


for _number, _module in zip(range(282, 302, 2), KEPT, strict=True):

    @recompute(f"F{_number}")
    def parameters_before_pruning(module=_module):
        return sum(_parameters(layer) for layer in _layers(module))

    @recompute(f"F{_number + 1}")
    def parameters_after_pruning(module=_module):
        """The printed share of each layer's weights, and all biases."""
        return sum(
            share * math.prod(layer.kernel.shape) + layer.bias.shape[0]
            for share, layer in zip(KEPT[module], _layers(module), strict=True)
        )


@recompute("F302")
def parameters_of_squeezenet():
    return _parameters(_squeezenet())


@recompute("F303")
def sum_of_the_printed_column():
    return sum(PRINTED)


@recompute("F304")
def side_of_conv1_for_224():
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.squeezenet import squeezenet

    return blueprint(squeezenet, (224, 224, 3)).get_layer("conv1").output.shape[1]


@recompute("F305")
def output_of_maxpool1():
    return _output_of("maxpool1")[:2]


@recompute("F306")
def output_of_maxpool4():
    return _output_of("maxpool4")[:2]


@recompute("F307")
def output_of_maxpool8():
    return _output_of("maxpool8")


@recompute("F308")
def kernel_of_conv10():
    return tuple(_squeezenet().get_layer("conv10").kernel.shape[:2])


for _fact, _size in MEGABYTES.items():

    @recompute(_fact)
    def reduction_against_alexnet(size=_size):
        return 240 / size


@recompute("F315")
def bytes_of_alexnet():
    return 4 * _alexnet_parameters()


@recompute("F316")
def bytes_of_squeezenet():
    return 4 * _parameters(_squeezenet())


@recompute("F317")
def alexnet_over_squeezenet():
    return _alexnet_parameters() / _parameters(_squeezenet())


@recompute("F318")
def megabits_of_the_smallest_file():
    return 0.47 * 8


@recompute("F320")
def bytes_of_the_kept_weights():
    return sum(PRINTED) * 6 / 8


@recompute("X26")
def multiply_adds_of_squeezenet():
    from course_lib.anatomy import anatomy

    return anatomy(_squeezenet()).total.multiply_adds
