"""Activations with e^x cost more than ReLU, enough to be felt in a training step.

Claim     slide 1: e^x is expensive, while ReLU (slide 3) is cheap.
Source    Krizhevsky, Sutskever and Hinton (2012), section 3.1; Glorot, Bordes and Bengio (2011), section 3.
Command   python -m examples.exp_is_expensive [--full]
Method    Time of an activation layer on one tensor of normal numbers (32 channels of 28 x 28, a batch of 64), compiled
          by tf.function, on all cores; forward alone and with the backward pass. The activations take turns in an
          order drawn from the seed; a seed's number is a ratio of lower quartiles over its turns, which other work of
          the machine disturbs less than means. Then, in the same way, a whole training step of the zoo's vgg_mini with
          each activation; "matters" is taken as more than 5 % of a step.
Measured  confirmed (2 cores of Intel(R) Xeon(R) Processor, 27 s, 2026-11-24)
          confirmed: sigmoid costs more than ReLU, forward (ratio of times): 1.41 (1.31 .. 1.52), n = 5
          confirmed: tanh costs more than ReLU, forward (ratio of times): 1.15 (1.13 .. 1.17), n = 5
          confirmed: ELU costs more than ReLU, forward (ratio of times): 1.4 (1.29 .. 1.52), n = 5
          confirmed: The cheapest of these three costs more than ReLU, forward and backward (ratio of times): 1.1 (1.09
            .. 1.12), n = 5
          confirmed: Leaky ReLU, without e^x, costs less than the sigmoid, forward and backward (ratio of times): 0.736
            (0.72 .. 0.752), n = 5
          confirmed: It matters: a training step takes over 5 % longer with the sigmoid than with ReLU (ratio of times):
            1.11 (1.08 .. 1.13), n = 5
"""

import functools
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import zoo
from examples.measuring.claims import Check, mean_interval
from examples.measuring.drawing import BLUE, GREEN, GREY, ORANGE, SKY, plain
from examples.measuring.fitting import fashion
from examples.measuring.networks import activation_layer
from examples.measuring.running import Result, main
from nntricks_keras import layers

NUMBER = 6
TIMES_ITS_WORK = True
SIZES = {
    "tiny": {"shape": (8, 7, 7, 8), "turns": 3, "width": 0.125, "batch": 8, "step_turns": 2},
    "default": {"shape": (64, 28, 28, 32), "turns": 100, "width": 0.5, "batch": 64, "step_turns": 20},
    "full": {"shape": (64, 28, 28, 128), "turns": 200, "width": 1.0, "batch": 128, "step_turns": 40},
}
ACTIVATIONS = {
    "ReLU": "relu",
    "Leaky ReLU": layers.LeakyReLU,
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "ELU": layers.ELU,
}
WITH_EXP = ("sigmoid", "tanh", "ELU")


def measure(settings, seeds):
    forward = _ratios(functools.partial(_forward, settings["shape"]), settings["turns"], seeds)
    both = _ratios(functools.partial(_forward_and_backward, settings["shape"]), settings["turns"], seeds)
    step = _ratios(functools.partial(_training_step, settings), settings["step_turns"], seeds)
    checks = (
        *(Check(f"{name} costs more than ReLU, forward (ratio of times)", tuple(forward[name]), 1.0)
          for name in WITH_EXP),
        Check("The cheapest of these three costs more than ReLU, forward and backward (ratio of times)",
              tuple(np.min([both[name] for name in WITH_EXP], axis=0)), 1.0),
        Check("Leaky ReLU, without e^x, costs less than the sigmoid, forward and backward (ratio of times)",
              tuple(both["Leaky ReLU"] / both["sigmoid"]), 1.0, above=False),
        Check("It matters: a training step takes over 5 % longer with the sigmoid than with ReLU (ratio of times)",
              tuple(step["sigmoid"]), 1.05),
    )  # fmt: skip
    return Result(checks, {"forward": forward, "both": both, "step": step})


def draw(figure, data):
    alone, whole = figure.subplots(1, 2, width_ratios=(1.5, 1), sharey=True)
    places = np.arange(len(ACTIVATIONS))
    _bars(alone, places + 0.2, data["forward"], SKY, "forward")
    _bars(alone, places - 0.2, data["both"], BLUE, "forward and backward")
    _bars(whole, places, data["step"], ORANGE, None, height=0.55)
    alone.set_yticks(places, [f"{name} (e^x)" if name in WITH_EXP else name for name in ACTIVATIONS])
    for label, name in zip(alone.get_yticklabels(), ACTIVATIONS, strict=True):
        label.set(color=GREEN if name not in WITH_EXP else "black", fontweight="bold")
    alone.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2)  # below: bars fill the rest
    plain(alone, "The activation alone", "time, relative to ReLU", "")
    plain(whole, "A whole training step of vgg_mini", "time, relative to ReLU", "")


def _bars(axes, places, ratios, color, label, height=0.36):
    values = np.array(list(ratios.values()))
    low, high = mean_interval(values.T)
    means = values.mean(axis=1)
    axes.barh(places, means, height, color=color, label=label, xerr=[means - low, high - means], ecolor=GREY)
    for place, mean, end in zip(places, means, high, strict=True):
        axes.text(end + 0.02 * means.max(), place, f"{mean:.2f}", va="center", fontsize=9)
    axes.axvline(1, color=GREY, linestyle="--", linewidth=1)
    axes.set_xlim(0, max(axes.get_xlim()[1], 1.15 * high.max()))


def _ratios(make, turns, seeds):
    """{activation: time over ReLU's, a number a seed}, of what `make(activation)` gives to call."""
    calls = {name: make(activation) for name, activation in ACTIVATIONS.items()}
    for call in calls.values():  # the first traces, the second warms up
        call(), call()
    quartiles = []
    for seed in seeds:
        rng, times = np.random.default_rng(seed), {name: [] for name in calls}
        for _ in range(turns):
            for name in rng.permutation(list(calls)):
                began = time.perf_counter()
                calls[name]()
                times[name].append(time.perf_counter() - began)
        quartiles.append({name: np.quantile(of_name, 0.25) for name, of_name in times.items()})
    return {name: np.array([one[name] / one["ReLU"] for one in quartiles]) for name in ACTIVATIONS}


def _forward(shape, activation):
    layer, x = activation_layer(activation), tf.random.stateless_normal(shape, (0, 0))
    run = tf.function(lambda values: layer(values))
    return lambda: run(x).numpy()[0, 0, 0, 0]


def _forward_and_backward(shape, activation):
    layer, x = activation_layer(activation), tf.random.stateless_normal(shape, (0, 0))
    above = tf.random.stateless_normal(shape, (0, 1))

    @tf.function
    def run(values, gradient):
        with tf.GradientTape() as tape:
            tape.watch(values)
            output = layer(values)
        return output, tape.gradient(output, values, output_gradients=gradient)

    return lambda: [tensor.numpy()[0, 0, 0, 0] for tensor in run(x, above)]


def _training_step(settings, activation):
    layer = functools.partial(activation_layer, activation)
    model = zoo.create("vgg_mini", input_shape=(28, 28, 1), num_classes=10, activation=layer, width=settings["width"])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images = fashion().first(settings["batch"], 1)
    x, y = tf.constant(images.x_train), tf.constant(images.y_train)
    return lambda: model.train_on_batch(x, y)


if __name__ == "__main__":
    main(sys.modules[__name__])
