"""The best known networks of the course: family, name, year of the first publication, and what builds it.

docs/networks.md counts them all, lesson 21 those up to its own year.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import keras

from course_lib.architectures.alexnet import alexnet
from course_lib.architectures.convnext import convnext
from course_lib.architectures.densenet import densenet
from course_lib.architectures.dual_path import dual_path_network
from course_lib.architectures.fractal import fractal_net
from course_lib.architectures.googlenet import googlenet
from course_lib.architectures.lenet import lenet5
from course_lib.architectures.mobilenet import mobilenet, mobilenet_v2
from course_lib.architectures.network_in_network import network_in_network
from course_lib.architectures.preactivation import resnet_v2
from course_lib.architectures.resnet import resnet
from course_lib.architectures.resnext import resnext
from course_lib.architectures.squeeze_excitation import se_resnet
from course_lib.architectures.squeezenet import squeezenet
from course_lib.architectures.swin import swin
from course_lib.architectures.vgg import vgg
from course_lib.architectures.vit import vit
from course_lib.architectures.wide_resnet import wide_resnet

NETWORKS: tuple[tuple[str, str, int, Callable[..., keras.Model]], ...] = (
    ("LeNet", "LeNet-5", 1998, lenet5),
    ("AlexNet", "AlexNet", 2012, alexnet),
    ("Network in Network", "NiN", 2013, network_in_network),
    ("VGG", "VGG-16", 2014, partial(vgg, "D")),
    ("VGG", "VGG-19", 2014, partial(vgg, "E")),
    ("GoogLeNet", "GoogLeNet", 2014, googlenet),
    *(("ResNet", f"ResNet-{depth}", 2015, partial(resnet, depth)) for depth in (18, 34, 50, 101, 152)),
    ("SqueezeNet", "SqueezeNet", 2016, squeezenet),
    *(("ResNet V2", f"ResNet-{depth} V2", 2016, partial(resnet_v2, depth)) for depth in (50, 101, 152)),
    ("Wide ResNet", "WRN-28-10", 2016, partial(wide_resnet, 28, 10)),
    ("Wide ResNet", "WRN-50-2", 2016, partial(resnet, 50, widen=2, strides_in="3x3")),
    ("FractalNet", "FractalNet", 2016, fractal_net),
    *(("DenseNet", f"DenseNet-{depth}", 2016, partial(densenet, depth)) for depth in (121, 169, 201)),
    ("ResNeXt", "ResNeXt-50, 32 × 4", 2016, partial(resnext, 50, 32, 4)),
    ("ResNeXt", "ResNeXt-101, 64 × 4", 2016, partial(resnext, 101, 64, 4)),
    ("MobileNet", "MobileNet", 2017, mobilenet),
    *(("Dual path", f"DPN-{depth}", 2017, partial(dual_path_network, depth)) for depth in (92, 98, 131)),
    ("Squeeze-and-excitation", "SE-ResNet-50", 2017, partial(se_resnet, 50)),
    ("MobileNet", "MobileNet V2", 2018, mobilenet_v2),
    ("ViT", "ViT-B, 16 × 16", 2020, partial(vit, "B")),
    ("ViT", "DeiT-S", 2020, partial(vit, "S")),
    ("Swin", "Swin-T", 2021, swin),
    ("ConvNeXt", "ConvNeXt-Tiny", 2022, convnext),
)
