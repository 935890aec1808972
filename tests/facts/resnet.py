"""Facts of lesson 21_resnet."""

import ast
import functools
import math

from facts import recompute

DEPTHS = {"F205": 18, "F206": 34, "F207": 50, "F208": 101, "F209": 152}
PARAMETERS = {"X05": 18, "X06": 34, "F215": 50, "X07": 50, "X08": 101, "X09": 152}
CIFAR_PARAMETERS = {"X15": 20, "X16": 32, "X17": 44, "X18": 56, "X19": 110, "X20": 1202}
STAGES = {
    "F210": "conv1_relu",
    "F211": "conv2_block3_out",
    "F212": "conv3_block4_out",
    "F213": "conv4_block6_out",
    "F214": "conv5_block3_out",
}


@functools.cache
def _resnet(depth, residual=True):
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.resnet import resnet

    return blueprint(resnet, depth, residual=residual)


@functools.cache
def _cifar_resnet(depth):
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.resnet import cifar_resnet

    return blueprint(cifar_resnet, depth)


def _parameters(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _weight_layers(model):
    return sum(hasattr(layer, "kernel") for layer in model.layers)


for _fact, _depth in DEPTHS.items():

    @recompute(_fact)
    def depth(depth=_depth):
        """All weight layers of the plain twin, which has no projections beside the path."""
        return _weight_layers(_resnet(depth, residual=False))


for _fact, _layer in STAGES.items():

    @recompute(_fact)
    def output_of_a_stage(layer=_layer):
        return _resnet(50).get_layer(layer).output.shape[1:3]


for _fact, _depth in PARAMETERS.items():

    @recompute(_fact)
    def parameters(depth=_depth):
        return _parameters(_resnet(depth))


for _fact, _depth in CIFAR_PARAMETERS.items():

    @recompute(_fact)
    def parameters_for_cifar(depth=_depth):
        return _parameters(_cifar_resnet(depth))


@recompute("F220")
def layers_of_the_deepest_resnet():
    return _weight_layers(_cifar_resnet(1202))  # shortcuts of option A have no weights


@recompute("F222")
def parameters_of_the_identity_block_as_printed():
    import keras

    from course_lib.architectures.resnet import bottleneck_block

    inputs = keras.Input((56, 56, 256))
    return keras.Model(inputs, bottleneck_block(inputs, 64, use_bias=True, name="block")).count_params()


# Multiply-adds

MULTIPLY_ADDS = {"F200": 18, "F201": 34, "F202": 50, "F203": 101, "F204": 152}


def _multiply_adds(model):
    from course_lib.anatomy import anatomy

    return anatomy(model).total.multiply_adds


for _fact, _depth in MULTIPLY_ADDS.items():

    @recompute(_fact)
    def multiply_adds(depth=_depth):
        return _multiply_adds(_resnet(depth))


@recompute("F221")
def multiply_adds_of_vgg_19_and_of_resnet_34():
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.vgg import vgg

    return _multiply_adds(blueprint(vgg, "E")), _multiply_adds(_resnet(34))


@recompute("F218")
def weight_decay_of_the_recipe_that_the_lesson_trains_with():
    from lesson_code import all_lessons

    (cell,) = (cell for cell in all_lessons()["21_resnet"].cells if '"weight_decay":' in cell.source)
    settings = [node.value for node in ast.parse(cell.source).body if isinstance(node, ast.Assign)]
    return ast.literal_eval(settings[0])["weight_decay"]
