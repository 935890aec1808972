"""Facts of lesson 22_beyond_resnet."""

import functools
import math

from facts import recompute

WORK = {  # multiply-adds: builder, what it is called with
    "F241": ("resnet", (50,)), "F242": ("se_resnet", (50,)),
    "F243": ("resnet", (101,)), "F244": ("se_resnet", (101,)),
    "F245": ("resnet", (152,)), "F246": ("se_resnet", (152,)),
    "F247": ("resnext", (50, 32, 4)), "F248": ("se_resnext", (50, 32, 4)),
    "F249": ("resnext", (101, 32, 4)), "F250": ("se_resnext", (101, 32, 4)),
    "F251": ("vgg", ("D",)), "F277": ("resnext", (101, 64, 4)), "F278": ("dual_path_network", (98,)),
}  # fmt: skip
ERRORS = {  # reported, in per cent: top-1 without and with SE, top-5 without and with it
    "F254": ((24.8, 23.29), (7.48, 6.62)),
    "F256": ((23.17, 22.38), (6.52, 6.07)),
    "F258": ((22.42, 21.57), (6.34, 5.73)),
    "F260": ((22.11, 21.1), (5.9, 5.49)),
    "F262": ((21.18, 20.7), (5.57, 5.01)),
    "F264": ((27.02, 25.22), (8.81, 7.7)),
    "F266": ((25.38, 24.23), (7.89, 7.14)),
    "F268": ((20.37, 19.8), (5.21, 4.79)),
}
DEPTHS = {"F271": 92, "F272": 98, "F273": 131}
PARAMETERS = {
    "X10": ("se_resnet", (50,)),
    "X11": ("resnext", (50, 32, 4)),
    "X12": ("resnext", (101, 64, 4)),
    "X13": ("wide_resnet_50_2", ()),
}


@functools.cache
def _total(name, arguments):
    from course_lib.anatomy import anatomy
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.dual_path import dual_path_network
    from course_lib.architectures.resnet import resnet
    from course_lib.architectures.resnext import resnext
    from course_lib.architectures.squeeze_excitation import se_resnet, squeeze_excite
    from course_lib.architectures.vgg import vgg

    build = {
        "resnet": resnet,  # the strides in the first 1x1, as in the paper
        "se_resnet": functools.partial(se_resnet, strides_in="1x1"),
        "resnext": resnext,
        "se_resnext": functools.partial(resnext, gate=squeeze_excite),
        "vgg": vgg,
        "dual_path_network": dual_path_network,
        "wide_resnet_50_2": functools.partial(resnet, 50, widen=2, strides_in="3x3"),
    }[name]
    return anatomy(blueprint(build, *arguments)).total


for _fact, _network in WORK.items():

    @recompute(_fact)
    def multiply_adds(network=_network):
        return _total(*network).multiply_adds / 1e9


for _fact, _columns in ERRORS.items():

    @recompute(_fact)
    def fall_of_the_top_1_error(columns=_columns):
        without, with_se = columns[0]
        return without - with_se

    @recompute(f"F{int(_fact[1:]) + 1}")
    def fall_of_the_top_5_error(columns=_columns):
        without, with_se = columns[1]
        return without - with_se


for _fact, _depth in DEPTHS.items():

    @recompute(_fact)
    def depth(depth=_depth):
        return _total("dual_path_network", (depth,)).depth


for _fact, _network in PARAMETERS.items():

    @recompute(_fact)
    def parameters(network=_network):
        return _total(*network).trainable


@recompute("F240")
def weights_of_a_block_at_equal_cost():
    import keras
    from keras import layers

    def convolution(filters, kernel_size, groups=1):
        return layers.Conv2D(filters, kernel_size, groups=groups, padding="same", use_bias=False)

    def count(branches, width):
        inner = branches * width
        steps = [convolution(inner, 1), convolution(inner, 3, branches), convolution(256, 1)]
        return keras.Sequential([keras.Input((14, 14, 256)), *steps]).count_params()

    return [count(*setting) for setting in ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4))]


@recompute("F270")
def overhead_of_squeeze_and_excitation():
    without, with_se = _total("resnet", (50,)), _total("se_resnet", (50,))
    return [
        100 * (with_se.multiply_adds / without.multiply_adds - 1),
        100 * (with_se.trainable / without.trainable - 1),
    ]


@recompute("F274")
def bytes_of_resnext_101():
    return 4 * _total("resnext", (101, 64, 4)).trainable


@recompute("F275")
def bytes_of_dpn_98():
    return 4 * _total("dual_path_network", (98,)).trainable


@recompute("F276")
def saving_of_size():
    return 100 * (1 - bytes_of_dpn_98() / bytes_of_resnext_101())


@recompute("F279")
def saving_of_operations():
    dual, branches = _total("dual_path_network", (98,)), _total("resnext", (101, 64, 4))
    return 100 * (1 - dual.multiply_adds / branches.multiply_adds)


@recompute("F280")
def saving_of_memory_by_the_two_measurements():
    dual, branches = 11.1, 12.1
    return 100 * (1 - dual / branches)


@recompute("X14")
def parameters_of_densenet_121():
    import keras

    from course_lib.architectures.blueprint import blueprint

    model = blueprint(keras.applications.DenseNet121, weights=None)
    return sum(math.prod(weight.shape) for weight in model.trainable_weights), model.count_params()
