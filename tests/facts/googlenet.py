"""Facts of lesson 20_googlenet."""

import functools
import math

from facts import recompute

SHAPES = dict(zip(range(164, 189, 3), ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"), strict=True))
SUMMARY = {  # of the Inception module in Keras: the branches as its summary names them, and as ours are called
    "F151": "1x1",
    "F152": "3x3_reduce",
    "F153": "5x5_reduce",
    "F154": "pool",
    "F155": "3x3",
    "F156": "5x5",
    "F157": "pool_1x1",
}


@functools.cache
def _googlenet():
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.googlenet import googlenet

    return blueprint(googlenet)


@functools.cache
def _naive_module():
    import keras

    from course_lib.architectures.googlenet import naive_inception

    inputs = keras.Input((28, 28, 256))
    return keras.Model(inputs, naive_inception(inputs, 128, 192, 96, name="naive"))


@functools.cache
def _module_in_keras():
    """The module of the deck, wired as it was meant."""
    import keras

    from course_lib.architectures.googlenet import inception

    inputs = keras.Input((112, 112, 3))
    return keras.Model(inputs, inception(inputs, 64, 64, 64, 64, 64, 64, name="tower"))


@functools.cache
def _module_in_keras_as_printed():
    """The second layers read the tower before theirs, so that three layers and the pooling lead nowhere."""
    import keras
    from keras import layers

    def convolution(kernel_size):
        return layers.Conv2D(64, kernel_size, padding="same", activation="relu")

    inputs = keras.Input((112, 112, 3))
    tower_1 = convolution(1)(inputs)
    tower_2 = convolution(1)(inputs)
    tower_2 = convolution(3)(tower_1)
    tower_3 = convolution(1)(inputs)
    tower_3 = convolution(5)(tower_2)
    tower_4 = layers.MaxPooling2D(3, 1, padding="same")(inputs)
    tower_4 = convolution(1)(tower_3)
    return keras.Model(inputs, layers.Concatenate()([tower_1, tower_2, tower_3, tower_4]))


def _parameters(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def _layers_with_weights():
    return [layer for layer in _googlenet().layers if layer.trainable_weights]


def _weights(start):
    """Weights, without biases, of the layers whose names start so."""
    layers = [layer for layer in _layers_with_weights() if layer.name.startswith(start)]
    return sum(math.prod(layer.kernel.shape) for layer in layers)


for _number, _module in SHAPES.items():

    @recompute(f"F{_number}")
    def shape_of_a_module(module=_module):
        return _googlenet().get_layer(f"inception_{module}").output.shape[1:]

    @recompute(f"F{_number + 1}")
    def weights_of_a_module(module=_module):
        return _weights(f"inception_{module}")


for _fact, _branch in SUMMARY.items():

    @recompute(_fact)
    def parameters_of_a_branch(branch=_branch):
        return _module_in_keras().get_layer(f"tower_{branch}").count_params()


@recompute("F143")
def output_of_the_1x1_branch_of_the_naive_module():
    return _naive_module().get_layer("naive_1x1").output.shape[1:]


@recompute("F144")
def depth_of_the_naive_module():
    return _naive_module().output.shape[-1]


@recompute("F147")
def depth_of_the_module_with_bottlenecks():
    import keras

    from course_lib.architectures.googlenet import inception

    return inception(keras.Input((28, 28, 256)), 128, 64, 192, 64, 96, 64, name="bottlenecks").shape[-1]


@recompute("F158")
def output_of_the_module_in_keras():
    return _module_in_keras().output.shape[1:]


@recompute("F159")
def parameters_that_the_printed_code_builds():
    return _parameters(_module_in_keras_as_printed())


@recompute("F160")
def weights_of_the_first_convolution():
    return _weights("conv1")


@recompute("F162")
def weights_of_the_second_convolution():
    return _weights("conv2")


@recompute("F191")
def weights_of_the_classifier():
    return _weights("predictions")


@recompute("F193")
def parameters_of_googlenet():
    return _parameters(_googlenet())


@recompute("F194")
def parameters_of_alexnet_over_those_of_googlenet():
    from course_lib.architectures.alexnet import alexnet
    from course_lib.architectures.blueprint import blueprint

    return _parameters(blueprint(alexnet)) / _parameters(_googlenet())


@recompute("F197")
def layers_with_weights():
    return len(_layers_with_weights())


@recompute("F198")
def dense_layers():
    return sum(len(layer.kernel.shape) == 2 for layer in _layers_with_weights())


@recompute("X29")
def parameters_of_the_module_as_printed_and_as_meant():
    return _parameters(_module_in_keras_as_printed()), _parameters(_module_in_keras())


# Multiply-adds and depth

BN_INCEPTION = {  # Ioffe and Szegedy (2015), as released: 1×1, 3×3 reduced and full, double 3×3 reduced and full, pool
    "3a": (64, 64, 64, 64, 96, 32),
    "3b": (64, 64, 96, 64, 96, 64),
    "3c": (0, 128, 160, 64, 96, 0),
    "4a": (224, 64, 96, 96, 128, 128),
    "4b": (192, 96, 128, 96, 128, 128),
    "4c": (160, 128, 160, 128, 160, 128),
    "4d": (96, 128, 192, 160, 192, 128),
    "4e": (0, 128, 192, 192, 256, 0),
    "5a": (352, 192, 320, 160, 224, 128),
    "5b": (352, 192, 320, 192, 224, 128),
}


@functools.cache
def _anatomy():
    """One row for each module, and one for each layer outside of modules."""
    from course_lib.anatomy import anatomy

    def module(row):
        return "_".join(row.name.split("_")[:2]) if row.name.startswith("inception") else row.name

    return anatomy(_googlenet()).grouped(module)


def _multiply_adds(*layers):
    """Of layers in a row on a map of 28×28×192."""
    import keras

    from course_lib.anatomy import anatomy

    return anatomy(keras.Sequential([keras.Input((28, 28, 192)), *layers])).total.multiply_adds


def _bn_inception():
    """3c and 4e, which have no 1×1 branch, halve the map and pass the pooled input on."""
    import keras
    from keras import layers

    def convolution(x, filters, kernel_size, strides=1):
        return layers.Conv2D(filters, kernel_size, strides, padding="same", use_bias=False)(x)

    def pool(x, strides=2):
        return layers.MaxPooling2D(3, strides, padding="same")(x)

    inputs = keras.Input((224, 224, 3))
    x = pool(convolution(inputs, 64, 7, 2))
    x = pool(convolution(convolution(x, 64, 1), 192, 3))
    for direct, reduce, single, reduce_double, double, pooled in BN_INCEPTION.values():
        strides = 1 if direct else 2
        branches = [convolution(x, direct, 1)] if direct else []
        branches.append(convolution(convolution(x, reduce, 1), single, 3, strides))
        twice = convolution(convolution(x, reduce_double, 1), double, 3)
        branches.append(convolution(twice, double, 3, strides))
        branches.append(convolution(pool(x, 1), pooled, 1) if pooled else pool(x))
        x = layers.Concatenate()(branches)
    return keras.Model(inputs, layers.Dense(1000)(layers.GlobalAveragePooling2D()(x)))


@recompute("F145")
def multiplications_of_the_naive_module():
    from course_lib.anatomy import anatomy

    return anatomy(_naive_module()).total.multiply_adds


@recompute("F146")
def multiplications_of_the_module_with_bottlenecks():
    import keras

    from course_lib.anatomy import anatomy
    from course_lib.architectures.googlenet import inception

    inputs = keras.Input((28, 28, 256))
    module = keras.Model(inputs, inception(inputs, 128, 64, 192, 64, 96, 64, name="bottlenecks"))
    return anatomy(module).total.multiply_adds


@recompute("F148")
def multiplications_of_5x5():
    from keras import layers

    return _multiply_adds(layers.Conv2D(32, 5, padding="same"))


@recompute("F149")
def multiplications_of_5x5_behind_a_bottleneck():
    from keras import layers

    return _multiply_adds(layers.Conv2D(16, 1), layers.Conv2D(32, 5, padding="same"))


@recompute("F161")
def multiply_adds_of_the_first_convolution():
    return _anatomy()["conv1"].multiply_adds


@recompute("F163")
def multiply_adds_of_the_second_convolution():
    return _anatomy()["conv2_reduce"].multiply_adds + _anatomy()["conv2"].multiply_adds


for _number, _module in SHAPES.items():

    @recompute(f"F{_number + 2}")
    def multiply_adds_of_a_module(module=_module):
        return _anatomy()[f"inception_{module}"].multiply_adds


@recompute("F192")
def multiply_adds_of_the_classifier():
    return _anatomy()["predictions"].multiply_adds


@recompute("F195")
def multiply_adds_of_googlenet():
    return _anatomy().total.multiply_adds


@recompute("F196")
def depth_of_googlenet():
    return _anatomy().total.depth


@recompute("F252")
def multiply_adds_of_bn_inception():
    from course_lib.anatomy import anatomy
    from course_lib.architectures.blueprint import blueprint

    return anatomy(blueprint(_bn_inception)).total.multiply_adds / 1e9


@recompute("F253")
def multiply_adds_of_inception_resnet_v2():
    """But for its layers that scale a branch by a constant, which multiply no weights."""
    import keras

    from course_lib.anatomy import anatomy
    from course_lib.architectures.blueprint import blueprint

    total = anatomy(blueprint(keras.applications.InceptionResNetV2, weights=None)).total
    return total.multiply_adds / 1e9 if total.uncounted == ("CustomScaleLayer",) else None


@recompute("X27")
def multiply_adds_of_googlenet_layer_by_layer():
    return sum(row.multiply_adds for row in _anatomy())
