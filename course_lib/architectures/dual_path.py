"""Dual path networks, which won ImageNet's localisation in 2017: some channels are added, others joined.

Chen, Li, Xiao, Jin, Yan, Feng: Dual Path Networks (2017). Lesson 22.
"""

from __future__ import annotations

import keras
from keras import layers

from course_lib.architectures.arguments import check_builder, check_choice, scaled
from course_lib.architectures.convolutions import activated, activated_convolution, convolution, stem, top

# depth: (filters of the stem; blocks a stage; channels that a block joins, by stage; inner filters and groups at first)
NETWORKS = {
    92: (64, (3, 4, 20, 3), (16, 32, 24, 128), 96, 32),
    98: (96, (3, 6, 20, 3), (16, 32, 32, 128), 160, 40),
    131: (128, (4, 8, 28, 3), (16, 32, 32, 128), 160, 40),
}


def dual_path_network(
    depth: int = 92,
    input_shape: tuple[int, int, int] = (224, 224, 3),
    classes: int = 1000,
    *,
    include_top: bool = True,
    width: float = 1.0,
    classifier_activation: str | None = "softmax",
    name: str | None = None,
    **options,
) -> keras.Model:
    """A dual path network (DPN): (batch, 224, 224, 3) to (batch, 1000), or to (batch, 7, 7, channels) without its top.

    **options: `momentum=0.99`, of batch normalisation; `kernel_initializer="he_normal"`.

    =====  ====================  ==============
    depth  trainable parameters  multiply-adds
    =====  ====================  ==============
    92     37,668,392             6,501,684,224
    98     61,570,728            11,671,217,152
    131    79,254,504            16,013,648,896
    =====  ====================  ==============

    Raises ValueError for another depth, and for sides below 32.
    """
    check_choice("depth", depth, NETWORKS)
    check_builder(input_shape, 32, classes, width)
    first, blocks, growths, inner, groups = NETWORKS[depth]
    inputs = keras.Input(input_shape)
    added, joined = stem(inputs, scaled(first, width), **options), None
    for stage, (number, growth) in enumerate(zip(blocks, growths, strict=True)):
        for place in range(1, number + 1):
            added, joined = dual_path_block(
                added,
                joined,
                scaled(256 * 2**stage, width),
                scaled(growth, width),
                inner=scaled(inner * 2**stage, width, groups),
                groups=groups,
                strides=2 if stage > 0 and place == 1 else 1,
                projects=place == 1,
                name=f"conv{stage + 2}_block{place}",
                **options,
            )
    x = layers.Concatenate(name="concat")([added, joined])
    x = activated(x, name="post", **{key: value for key, value in options.items() if key == "momentum"})
    outputs = top(x, classes, classifier_activation) if include_top else x
    return keras.Model(inputs, outputs, name=name or f"dpn_{depth}")


def dual_path_block(
    added,
    joined,
    filters: int,
    growth: int,
    *,
    inner: int,
    groups: int = 1,
    strides: int = 1,
    projects: bool = False,
    name: str,
    momentum: float = 0.99,
    **options,
):
    """Two streams of maps to two: of `filters` channels, which the block adds to, and of more and more, which it joins.

    All maps go through 1×1, 3×3 and 1×1 convolutions, each with batch normalisation and ReLU before it; `filters` of
    the results are added to the first stream, `growth` are joined to the second.

    joined: None if there is only one stream yet.
    inner, groups, strides: of the 3×3 convolution.
    projects: whether the streams begin anew, with `filters` and `2 · growth` maps, by a 1×1 convolution of all maps.
    options: `momentum=0.99`, of batch normalisation; `kernel_initializer="he_normal"`.
    Layers `name_in`, `name_1_…`, `name_2_…`, `name_3_…`, `name_0_…` in the projection, `name_add`, `name_join`.
    """
    x = added if joined is None else layers.Concatenate(name=f"{name}_in")([added, joined])

    def both(x, new, name):
        """One 1×1 convolution to both streams; as two layers, so that nothing has to be cut."""
        x = activated(x, momentum=momentum, name=name)
        return [
            convolution(x, number, 1, strides if new else 1, name=f"{name}_{stream}", **options)
            for stream, number in (("added", filters), ("joined", 2 * growth if new else growth))
        ]

    if projects:
        added, joined = both(x, True, f"{name}_0")
    y = activated_convolution(x, inner, 1, momentum=momentum, name=f"{name}_1", **options)
    y = activated_convolution(y, inner, 3, strides, groups=groups, momentum=momentum, name=f"{name}_2", **options)
    to_add, to_join = both(y, False, f"{name}_3")
    return layers.Add(name=f"{name}_add")([added, to_add]), layers.Concatenate(name=f"{name}_join")([joined, to_join])
