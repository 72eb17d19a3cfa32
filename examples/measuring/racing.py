"""A race between networks: each trains at several learning rates, and the best of its own counts."""

import dataclasses

import numpy as np

from examples.measuring.fitting import fit


@dataclasses.dataclass(frozen=True)
class Runner:
    """What one contestant did.

    Args:
        curves: {rate: [Curve, one a seed]}.
        models: {rate: [trained keras.Model, one a seed]}.
        best_rate: that of the fewest steps to the target, on the mean over the seeds; then of the best accuracy.
        steps: to the target at the best rate, a number a seed; all steps where it was not reached.
    """

    curves: dict
    models: dict
    best_rate: float
    steps: np.ndarray

    @property
    def best(self):
        """The curves at the best rate, one a seed."""
        return self.curves[self.best_rate]

    @property
    def best_models(self):
        return self.models[self.best_rate]

    @property
    def final_accuracy(self):
        """At the best rate, a number a seed: the mean of the last five evaluations."""
        return np.array([curve.accuracy[-5:].mean() for curve in self.best])


def race(make, images, rates, seeds, target, **settings):
    """Trains `make(seed)` at every rate with every seed; `settings` go to `fit`. The seed also orders the images."""
    curves, models = {}, {}
    for rate in rates:
        models[rate] = [make(seed) for seed in seeds]
        curves[rate] = [
            fit(model, images, rate=rate, seed=seed, **settings)
            for model, seed in zip(models[rate], seeds, strict=True)
        ]
    steps = {rate: np.array([curve.steps_to(target) for curve in of_rate]) for rate, of_rate in curves.items()}
    final = {rate: np.mean([curve.accuracy[-5:].mean() for curve in of_rate]) for rate, of_rate in curves.items()}
    best_rate = min(rates, key=lambda rate: (steps[rate].mean(), -final[rate]))
    return Runner(curves, models, best_rate, steps[best_rate])
