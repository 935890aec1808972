"""Facts of lesson 26_visualising_features."""

from facts import recompute


@recompute("F360")
def width_of_the_features_before_the_last_layer():
    from course_lib.architectures.alexnet import alexnet
    from course_lib.architectures.blueprint import blueprint

    return blueprint(alexnet).layers[-1].input.shape[-1]
