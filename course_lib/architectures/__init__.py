"""The networks that made history, each built by a plain function that returns a Keras model.

=============================================  ==========================================================
from                                           import
=============================================  ==========================================================
`course_lib.architectures.lenet`               `lenet5`, `lenet5_1998`
`course_lib.architectures.alexnet`             `alexnet`, and its layer `LocalResponseNormalization`
`course_lib.architectures.zfnet`               `zfnet`
`course_lib.architectures.network_in_network`  `network_in_network`, and its block `mlp_convolution`
`course_lib.architectures.vgg`                 `vgg`, and its block `stage`
`course_lib.architectures.googlenet`           `googlenet`, and its blocks `inception`, `naive_inception`
`course_lib.architectures.resnet`              `resnet`, `cifar_resnet`, `resnet9`, and their blocks
`course_lib.architectures.blueprint`           `blueprint`: any of them without memory for its weights
=============================================  ==========================================================

All builders take `input_shape` as (height, width, channels) and `classes`, and raise ValueError that names what is
allowed. Most take `width`, a factor on every number of filters and hidden units: 1/8 makes a network for a laptop.
Pictures are `(batch, height, width, channels)`. The numbers in the docstrings are for the default arguments;
multiply-adds are those of convolutions and dense layers, biases excluded, for one picture.

>>> from course_lib.architectures.vgg import vgg
>>> small = vgg("A", input_shape=(32, 32, 3), classes=4, width=1 / 8)
"""
