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
`course_lib.architectures.preactivation`       `resnet_v2`, and its blocks
`course_lib.architectures.stochastic_depth`    `stochastic_depth_resnet`, and its layer `StochasticDepth`
`course_lib.architectures.fractal`             `fractal_net`, `fractal_block`, and their layers
`course_lib.architectures.wide_resnet`         `wide_resnet`
`course_lib.architectures.resnext`             `resnext`
`course_lib.architectures.densenet`            `densenet`, `cifar_densenet`, and their blocks
`course_lib.architectures.squeeze_excitation`  `se_resnet`, and its gates `squeeze_excite`
`course_lib.architectures.dual_path`           `dual_path_network`, and its block
`course_lib.architectures.mobilenet`           `mobilenet`, `mobilenet_v2`, and their blocks
`course_lib.architectures.vit`                 `vit`, and its block `transformer_block`
`course_lib.architectures.swin`                `swin`, and its block
`course_lib.architectures.convnext`            `convnext`, and its block
`course_lib.architectures.catalogue`           `NETWORKS`: the best known of them, with their years
`course_lib.architectures.blueprint`           `blueprint`: any of them without memory for its weights
=============================================  ==========================================================

All builders take `input_shape` as (height, width, channels) and `classes`, and raise ValueError that names what is
allowed. Most take `width`, a factor on every number of filters and hidden units: 1/8 makes a network for a laptop.
Pictures are `(batch, height, width, channels)`. The numbers in the docstrings are for the default arguments;
multiply-adds are those of convolutions and dense layers, biases excluded, for one picture.

>>> from course_lib.architectures.vgg import vgg
>>> small = vgg("A", input_shape=(32, 32, 3), classes=4, width=1 / 8)
"""
