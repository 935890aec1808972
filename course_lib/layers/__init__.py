"""Every layer of the course in NumPy, forward and backward, small enough to hold in the head."""

from course_lib.layers.activations import ELU, LeakyReLU, ReLU, Sigmoid, Tanh, sigmoid, softmax
from course_lib.layers.convolution import Conv2D, conv2d_by_loops
from course_lib.layers.core import Dense, Flatten, Layer, Sequential, batches
from course_lib.layers.pooling import AveragePooling2D, GlobalAveragePooling2D, L2Pooling2D, MaxPooling2D
from course_lib.layers.regularisation import BatchNormalization, Dropout

__all__ = [
    "ELU",
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "L2Pooling2D",
    "Layer",
    "LeakyReLU",
    "MaxPooling2D",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Tanh",
    "batches",
    "conv2d_by_loops",
    "sigmoid",
    "softmax",
]
