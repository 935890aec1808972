"""Facts of lesson 27_visualising_by_optimisation."""

import numpy as np

from facts import recompute


@recompute("F415")
def sign_of_the_prior():
    """On a linear score of norm 2, fifty steps of 0.05: plus goes beyond all bounds, minus to s / (2 λ), with λ = 1."""
    import keras

    from course_lib.explain.ascent import maximise

    model = keras.Sequential([keras.Input((2, 2, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    s = np.array([1.0, -1.0, 1.0, 1.0])
    model.set_weights([np.stack([s, -s], axis=1), np.zeros(2)])
    plain = {"steps": 50, "learning_rate": 0.05, "centre": 0.0, "clip": None, "normalise": False}
    start = np.zeros((1, 2, 2, 1))
    added = maximise(model, 0, start, l2=-1.0, **plain).images.ravel()
    taken_off = maximise(model, 0, start, l2=1.0, **plain).images.ravel()
    diverges = round(np.linalg.norm(added) / np.linalg.norm(s)) == round((1.1**50 - 1) / 2)
    return diverges and np.linalg.norm(added) > 100 and np.allclose(taken_off, s / 2, atol=0.01)
