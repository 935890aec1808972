"""Facts of lesson 02_perceptron."""

import inspect

from facts import recompute


@recompute("F005")
def learning_rate_of_the_perceptron_rule():
    from course_lessons.perceptron.rule import train

    return inspect.signature(train).parameters["learning_rate"].default
