"""Facts of lesson 24_attention_vit."""

import functools

from facts import recompute

# The table of the lecture, row by row: parameters, and multiply-adds in G
ROWS = [
    *("RegNetY-4G", "RegNetY-8G", "RegNetY-16G"),
    *(f"EfficientNet-B{number}" for number in range(3, 8)),
    *("ViT-B/16", "ViT-L/16", "DeiT-S", "DeiT-B 224", "DeiT-B 384", "Swin-T", "Swin-S", "Swin-B 224", "Swin-B 384"),
    *("R-101x3", "R-152x4", "Swin-L"),
]


@functools.cache
def _counted(name):
    from course_lessons.attention_vit.relatives import RELATIVES

    name, _, side = name.partition(" ")
    (row,) = (each for each in RELATIVES if each.name == name and side in ("", str(each.side)))
    return _swin(row.name[-1], row.side) if row.family == "Swin" else row.counted()


def _swin(size, side):
    """The builder's count; the table of the lesson has a formula."""
    from course_lib.anatomy import anatomy
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.swin import swin

    total = anatomy(blueprint(swin, size, (side, side, 3), window=7 if side == 224 else 12)).total
    return total.trainable, total.multiply_adds


for _place, _name in enumerate(ROWS):

    @recompute(f"F{361 + 2 * _place}")
    def parameters(name=_name):
        return _counted(name)[0]

    @recompute(f"F{362 + 2 * _place}")
    def multiply_adds(name=_name):
        return round(_counted(name)[1] / 1e9, 2)


@recompute("X21")
def parameters_of_vit_b_16():
    return _counted("DeiT-B 224")[0]


@recompute("X22")
def tokens_of_vit_b_16_at_384():
    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.vit import vit

    return blueprint(vit, "B", input_shape=(384, 384, 3)).get_layer("positions").output.shape[1]


@recompute("X23")
def parameters_of_swin_t():
    return _counted("Swin-T")[0]


@recompute("X24")
def parameters_of_convnext_tiny():
    from keras.applications import ConvNeXtTiny

    from course_lib.architectures.blueprint import blueprint
    from course_lib.architectures.convnext import convnext

    ours = blueprint(convnext).count_params()
    return ours if ours == blueprint(ConvNeXtTiny, weights=None, include_preprocessing=False).count_params() else None
