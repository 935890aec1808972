"""Seeing inside a trained network: what its units respond to, what its answer rests on, and how it can be fooled.

===================================  ==========================================================================
from                                 import
===================================  ==========================================================================
`course_lib.explain.network`         `logits`, `probabilities`, `predictions`, `ends_in_softmax`
`course_lib.explain.activations`     `activations`, `sparsity`, `dead_units`, `filters`, `smoothness`, `strongest`
`course_lib.explain.saliency`        `saliency`, `smooth_grad`, `integrated_gradients`, `grad_cam`,
                                     `guided_backpropagation`, `deconvnet`, `METHODS`, `project`
`course_lib.explain.priors`          `total_variation`, `squared_norm`
`course_lib.explain.ascent`          `maximise`, `diversity`
`course_lib.explain.inversion`       `invert`, `feature_error`, `pixel_error`
`course_lib.explain.fooling`         `fgsm`, `targeted`, `fooled`
===================================  ==========================================================================

Plain functions: a model and images in, NumPy arrays out. Models are Sequential or functional Keras models with one
input and one output; images are float arrays `(batch, height, width, channels)`, as the model takes them, usually from
0 to 1. Every gradient is of the logit, the score before the softmax. No function changes the model: it runs as in
inference, and where a method needs another backward pass, a replica that shares the weights makes it.

Wrong arguments raise ValueError or TypeError, which says what is allowed. Lessons 26 and 27; what 26 alone needs
(occlusion, pointing, segmentation, neighbours) is in its room, `course_lessons.visualising_features`.
"""
