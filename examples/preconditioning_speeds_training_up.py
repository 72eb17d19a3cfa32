"""Preconditioning speeds training up: normalized inputs, the scaled tanh, local learning rates.

Claim     slide 16: the reference "Preconditioning the network": normalize the inputs, use the scaled tanh, draw initial
          weights by fan-in, give each layer a learning rate of its own.
Source    Schraudolph and Cummins, "Preconditioning the network"; LeCun, Bottou, Orr and Müller, "Efficient BackProp"
          (1998), sections 4.3 to 4.7.
Command   python -m examples.preconditioning_speeds_training_up [--full]
Method    Three hidden layers of tanh units, initial weights by fan-in throughout, SGD with momentum 0.9. Each variant
          has its own best rate, chosen with a seed that is not measured. Inputs: levels from 0 to 1, or with each
          pixel's mean taken off and divided by its deviation. Local rates: a weight's is the common rate over its
          unit's number of inputs, so that a step moves every unit's sum equally; a bias's is not divided.
Note      The scaled tanh is tanh with its weights in other units, and the common rate makes up for most of that.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 62 s, 2026-11-24)
          confirmed: without all three training takes more steps to 80% (ratio): 2.14 (1.56 .. 2.72), n = 5
          confirmed: without normalized inputs training takes more steps to 80% (ratio): 2.64 (1.68 .. 3.59), n = 5
          undecided: with tanh instead of the scaled tanh training takes more steps to 80% (ratio): 0.908 (0.738 ..
            1.08), n = 5
          undecided: without local rates training takes more steps to 80% (ratio): 0.864 (0.678 .. 1.05), n = 5
"""

import sys

import numpy as np

from examples.measuring.claims import Check
from examples.measuring.drawing import BLACK, BLUE, GREEN, ORANGE, RED, draw_band, plain
from examples.measuring.fitting import Images, fit
from examples.measuring.rates import best_rate
from examples.measuring.running import Result, main
from examples.measuring.small import LocalRates, perceptron, small_fashion
from nntricks_keras import initializers, layers

NUMBER = 16
ACCURACY = 0.8
SIZES = {
    "tiny": {"num_images": 500, "num_steps": 40, "rates": (0.01, 0.1)},
    "default": {"num_images": 9990, "num_steps": 1000, "rates": (0.01, 0.02, 0.04, 0.08, 0.16)},
    "full": {"num_images": 9990, "num_steps": 3000, "rates": tuple(0.001 * 2**k for k in range(12))},
}
VARIANTS = {  # (normalized inputs, scaled tanh, local rates)
    "none of the three": (False, False, False),
    "normalized inputs": (True, False, False),
    "scaled tanh": (False, True, False),
    "local rates": (False, False, True),
    "all three": (True, True, True),
}
COLORS = (BLACK, ORANGE, GREEN, RED, BLUE)


def measure(settings, seeds):
    runs = {name: at_best_rate(settings, seeds, *tricks) for name, tricks in VARIANTS.items()}
    steps = {name: [curve.steps_to(ACCURACY) for curve in curves] for name, (curves, _) in runs.items()}
    few = "none of the three"
    checks = tuple(
        Check(f"{text} training takes more steps to {ACCURACY:.0%} (ratio)", np.divide(steps[few], steps[name]), 1.0)
        for name, text in (
            ("all three", "without all three"),
            ("normalized inputs", "without normalized inputs"),
            ("scaled tanh", "with tanh instead of the scaled tanh"),
            ("local rates", "without local rates"),
        )
    )
    return Result(checks, runs)


def at_best_rate(settings, seeds, normalized, scaled, local):
    """(Curves of the seeds, the rate)."""
    images = inputs(normalized).first(settings["num_images"])

    def train(rate, seed):
        activation = layers.ScaledTanh if scaled else "tanh"
        model = perceptron((14, 14, 1), (64, 64, 64), seed, activation=activation, initializer=initializers.Xavier())
        variables = model.trainable_variables
        # Over the number of inputs, times 64: the hidden layers' rates are the common one.
        factors = [64 / v.shape[0] if local and len(v.shape) == 2 else 1.0 for v in variables]
        optimizer = LocalRates(rate, factors)
        num_steps = settings["num_steps"]
        return fit(model, images, num_steps=num_steps, rate=rate, seed=seed, every=20, optimizer=optimizer)

    rate, _ = best_rate(train, settings["rates"], lambda curve: -curve.accuracy.mean())
    return [train(rate, seed) for seed in seeds], rate


def inputs(normalized):
    """Images with levels from 0 to 1, or with mean 0 and deviation 1 in each pixel over the training images."""
    images = small_fashion()
    low, high = images.x_train.min(), images.x_train.max()
    mean, deviation = low, high - low
    if normalized:
        # A pixel that is nearly always background is not blown up.
        mean, deviation = images.x_train.mean(axis=0), np.maximum(images.x_train.std(axis=0), 0.1)
    return Images(
        (images.x_train - mean) / deviation, images.y_train, (images.x_test - mean) / deviation, images.y_test
    )


def draw(figure, data):
    left, right = figure.subplots(1, 2)
    for (name, (curves, rate)), color in zip(data.items(), COLORS, strict=True):
        accuracy = [100 * curve.accuracy for curve in curves]
        draw_band(left, curves[0].steps, accuracy, color, label=f"{name}, rate {rate:g}")
        smooth = [np.convolve(curve.loss, np.ones(20) / 20, "valid") for curve in curves]
        draw_band(right, np.arange(len(smooth[0])) + 20, smooth, color)
    plain(left, "", "step", "test accuracy, %")
    plain(right, "", "step", "training loss, mean of 20 steps")
    left.axhline(100 * ACCURACY, color="0.6", linewidth=0.8, linestyle=":")
    left.set_ylim(50, None)
    right.set_ylim(None, 1.2)
    left.legend(loc="lower right")


if __name__ == "__main__":
    main(sys.modules[__name__])
