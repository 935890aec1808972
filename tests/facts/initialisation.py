"""Facts of lesson 14_initialisation: ten tanh layers of 500 units each, fed with 1000 normal random examples."""

import functools
from dataclasses import dataclass

import numpy as np

from facts import recompute

SMALL, LARGE = 0.01, 1.0


@dataclass
class Run:
    """What was found in one network; lists and arrays have one entry for each layer."""

    inputs: np.ndarray
    means: np.ndarray
    deviations: np.ndarray
    beyond: float
    reaching: np.ndarray  # deviation of the gradient by each layer's inputs


@functools.cache
def runs(size: float, seeds: int = 5) -> list[Run]:
    """A few networks with weights of this standard deviation, a unit gradient sent back through each."""
    return [one_run(size, np.random.default_rng([seed, round(100 * size)])) for seed in range(seeds)]


def one_run(size: float, rng: np.random.Generator) -> Run:
    from course_lib.layers import Dense, Tanh

    inputs = signal = rng.normal(size=(1000, 500))
    pairs, outputs = [(Dense(500, 500, rng), Tanh()) for _ in range(10)], []
    for dense, tanh in pairs:
        dense.parameters["kernel"] = rng.normal(0, size, (500, 500))
        signal = tanh.forward(dense.forward(signal))
        outputs.append(signal)
    gradient, reaching = rng.normal(size=signal.shape), []
    for dense, tanh in reversed(pairs):
        gradient = dense.backward(tanh.backward(gradient))
        reaching.append(gradient.std())
    return Run(
        inputs,
        np.array([y.mean() for y in outputs]),
        np.array([y.std() for y in outputs]),
        np.mean([np.abs(y) > 0.99 for y in outputs]),
        np.array(reaching[::-1]),
    )


def recompute_deviation(fact_id: str, size: float, layer: int) -> None:
    @recompute(fact_id)
    def standard_deviation_of_one_layer():
        return float(np.mean([run.deviations[layer - 1] for run in runs(size)]))


for number in range(10):
    recompute_deviation(f"F{321 + number}", SMALL, number + 1)
    recompute_deviation(f"F{331 + number}", LARGE, number + 1)


@recompute("F341")
def means_and_deviations_of_the_inputs():
    small, large = (runs(size)[0].inputs for size in (SMALL, LARGE))
    return small.mean(), large.mean(), small.std(), large.std()


@recompute("F342")
def largest_mean_of_a_hidden_layer():
    """Of either network, mean over the seeds."""
    return np.mean([[np.abs(run.means).max() for run in runs(size)] for size in (SMALL, LARGE)])


@recompute("F343")
def share_beyond_099():
    return float(np.mean([run.beyond for run in runs(LARGE)]))


@recompute("F344")
def gradient_that_reaches_layer_1():
    return float(np.mean([run.reaching[0] for run in runs(LARGE)]))


@recompute("F345")
def factor_of_the_gradient_per_layer():
    return float(np.mean([run.reaching[:-1] / run.reaching[1:] for run in runs(SMALL)]))


@recompute("F346")
def features_of_the_inputs():
    return runs(SMALL)[0].inputs.shape[1]
