"""What a Keras model is made of, layer by layer and in all.

    print(anatomy(model))                      # a table; in a notebook, `anatomy(model)` alone shows it
    anatomy(model).total.multiply_adds         # one number of it
    anatomy(model)["conv1"].field.size         # what one unit of a layer sees of the input
    unreachable(model)                         # layers that were built and that no output depends on

What is counted, and how:

- Multiply-adds are the products of inputs with weights (and, in attention, of inputs with inputs) for one example.
  Products with the zeros of padding count, as in the papers; biases, normalisation, pooling and sums do not.
- Activation values are those that the layers write anew, all of them kept; activations, dropout and reshapes work in
  place. Training keeps as many again for the gradients. Weights are not part of it.
- The receptive field is the stretch of the input that one unit can depend on, beyond the border if the field is larger.
- Depth is the largest number of layers with weights (convolutions and dense layers) on one path from input to output.

A layer whose type is not in `course_lib.anatomy.kinds` is named in the table and in the total, never counted as zero;
`register` adds a type.
"""

from course_lib.anatomy import own_layers  # noqa: F401  its entries
from course_lib.anatomy.field import Field
from course_lib.anatomy.graph import unreachable
from course_lib.anatomy.kinds import register
from course_lib.anatomy.model import anatomy
from course_lib.anatomy.rows import Anatomy, Row

__all__ = ["Anatomy", "Field", "Row", "anatomy", "register", "unreachable"]
