"""A deeper VGG is better, at equal cost.

Claim     slide 15: VGG has 3 x 3 convolutions only and goes deep, from 11 layers (A) to 19 (E); the paper's error falls
          from A to D and E.
Source    Simonyan and Zisserman (2015), table 3: top-5 error 10.4 % (A), 9.9 % (B), 9.4 % (C), 8.8 % (D), 9.0 % (E).
Command   python -m examples.deeper_vgg_is_better [--full]
Method    The zoo's networks with an eighth of the channels and average pooling in place of the dense layers, images of
          32 x 32. Equal cost: the deeper the network, the fewer the steps, so that all have the same number of
          multiply-adds in all. Each has its own best rate, which falls by a half cosine to 0.
Note      The paper trained each for 74 epochs of 1.3 million images; here A makes four passes over 10,000 images and E
          one and a half, which favours what learns fast: without normalization depth slows the start of training down.
          A third of the steps, tried before, gave the same verdict.
Measured  not confirmed (2 cores of Intel(R) Xeon(R) Processor, 513 s, 2026-11-24)
          refuted: at equal cost 16 layers (D) are better than 11 (A) (difference of accuracies): -0.0486 (-0.0569 ..
            -0.0403), n = 5
          undecided: at equal cost 13 layers (B) are better than 11 (A) (difference of accuracies): -0.0095 (-0.0211 ..
            0.00206), n = 5
          refuted: at equal cost 19 layers (E) are better than 16 (D) (difference of accuracies): -0.0384 (-0.0575 ..
            -0.0193), n = 5
          refuted: at equal cost 16 layers with 3 x 3 only (D) are better than with 1 x 1 (C) (difference of
            accuracies): -0.0142 (-0.0207 .. -0.00766), n = 5
          refuted: after equally many steps D is better than A (difference of accuracies): -0.0142 (-0.0207 ..
            -0.00774), n = 5
"""

import sys
from dataclasses import replace

import keras
import numpy as np

import zoo
from examples.measuring.claims import Check, mean_interval
from examples.measuring.drawing import BLUE, ORANGE, plain
from examples.measuring.fitting import fit
from examples.measuring.rates import best_rate
from examples.measuring.running import Result, main
from examples.measuring.small import cooling, padded_fashion
from zoo import variants

NUMBER = 17
NETWORKS = {"A": "vgg11", "B": "vgg13", "C": "vgg16c", "D": "vgg16", "E": "vgg19"}
SIZES = {
    "tiny": {"width": 1 / 64, "num_steps": 8, "rates": (0.01,), "batch": 8},
    "default": {"width": 1 / 8, "num_steps": 1200, "rates": (0.005, 0.015, 0.05), "batch": 32},
    "full": {"width": 1 / 8, "num_steps": 8000, "rates": (0.003, 0.01, 0.03, 0.1), "batch": 64},
}


def measure(settings, seeds):
    num_steps = {name: steps_of(settings, name) for name in NETWORKS}
    rates = {name: rate_of(settings, name, num_steps[name]) for name in NETWORKS}
    accuracy = {
        name: np.array([train(settings, name, num_steps[name], rates[name], seed) for seed in seeds])
        for name in NETWORKS
    }
    # The same images for A and D: D then costs more.
    as_long = np.array([train(settings, "D", num_steps["A"], rates["D"], seed) for seed in seeds])
    pairs = (
        ("D", "A", "16 layers (D) are better than 11 (A)"),
        ("B", "A", "13 layers (B) are better than 11 (A)"),
        ("E", "D", "19 layers (E) are better than 16 (D)"),
        ("D", "C", "16 layers with 3 x 3 only (D) are better than with 1 x 1 (C)"),
    )
    checks = (
        *(
            Check(f"at equal cost {text} (difference of accuracies)", accuracy[one] - accuracy[other], 0.0)
            for one, other, text in pairs
        ),
        Check("after equally many steps D is better than A (difference of accuracies)", as_long - accuracy["A"], 0.0),
    )
    return Result(checks, {"accuracy": accuracy, "num_steps": num_steps, "as_long": as_long})


def steps_of(settings, name):
    """Steps that cost as many multiply-adds as `num_steps` of A."""
    return max(2, round(settings["num_steps"] * cost_of(settings, "A") / cost_of(settings, name)))


def cost_of(settings, name):
    """Multiply-adds per image."""
    small = {"input_shape": (32, 32, 1), "num_classes": 10, "head": "pool"}
    return replace(variants.find(NETWORKS[name]).widened(settings["width"]), **small).multiply_adds


def rate_of(settings, name, num_steps):
    def curve(rate, seed):
        return train(settings, name, num_steps, rate, seed)

    return best_rate(curve, settings["rates"], lambda accuracy: -accuracy)[0]


def train(settings, name, num_steps, rate, seed):
    """The test accuracy at the end."""
    keras.utils.set_random_seed(seed)
    small = {"input_shape": (32, 32, 1), "num_classes": 10, "head": "pool", "keep_prob": 1.0}
    model = zoo.create(NETWORKS[name], width=settings["width"], **small)
    optimizer = cooling(rate, num_steps)
    plan = {"num_steps": num_steps, "every": num_steps, "batch_size": settings["batch"], "optimizer": optimizer}
    return fit(model, padded_fashion(32), rate=rate, seed=seed, **plan).accuracy[-1]


def draw(figure, data):
    axes = figure.subplots()
    place = {"A": 11, "B": 13, "C": 15.7, "D": 16.3, "E": 19}
    for name, values in data["accuracy"].items():
        low, high = mean_interval(100 * values)
        mean = 100 * values.mean()
        axes.errorbar(place[name], mean, [[mean - low], [high - mean]], fmt="o", color=BLUE, capsize=4)
        axes.annotate(
            f"{name}\n{data['num_steps'][name]} steps",
            (place[name], low),
            (0, -6),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=9,
        )
        axes.plot(np.full(len(values), place[name]) + 0.12, 100 * values, "_", color=BLUE, alpha=0.5)
    low, high = mean_interval(100 * data["as_long"])
    mean = 100 * data["as_long"].mean()
    axes.errorbar(17, mean, [[mean - low], [high - mean]], fmt="s", color=ORANGE, capsize=4)
    axes.annotate(
        "D, as many\nsteps as A", (17, low), (0, -6), textcoords="offset points", ha="center", va="top", fontsize=9
    )
    axes.set(xticks=(11, 13, 16, 19), xlim=(10, 20))
    axes.margins(y=0.25)
    plain(axes, "as many multiply-adds for each", "layers with weights", "test accuracy, %")


if __name__ == "__main__":
    main(sys.modules[__name__])
