"""The sigmoid saturates, its gradients vanish with depth, and it is not centred at zero.

Claim     slide 1: the sigmoid's units saturate and their gradients vanish; its outputs are not centred at zero. Its
          slope is 1/4 at most, so with weights of deviation 1/sqrt(n) gradients fall at least 4 times a layer.
Source    LeCun, Bottou, Orr and Mueller (1998), "Efficient BackProp", section 4.4; Glorot and Bengio (2010).
Command   python -m examples.sigmoid_saturates [--full]
Method    Hidden layers of equal width, weights of deviation 1/sqrt(n), Fashion-MNIST, SGD with momentum 0.9, each
          network at the best rate of its own. A unit counts as saturated on an image where its slope is under 1 % of
          the largest, 1/4. "Centred" is the same sigmoid less 1/2: equal slopes, equal weights, another mean.
Note      That every output is positive needs no measurement; the last check measures what it costs.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 161 s, 2026-11-24)
          confirmed: Gradients fall more than 4 times a layer on the way back, before training (factor a layer): 0.231
            (0.228 .. 0.233), n = 5
          confirmed: So 5 hidden layers learn worse than 1 (difference of test accuracy): -0.696 (-0.781 .. -0.612), n =
            5
          confirmed: Training saturates units (share of saturated outputs of 3 layers, after less before): 0.235 (0.232
            .. 0.237), n = 5
          undecided: Not being centred costs steps to 80% accuracy (3 layers, sigmoid over sigmoid less 1/2): 1.36
            (0.984 .. 1.73), n = 5
"""

import sys

import keras
import numpy as np

from examples.measuring.claims import Check
from examples.measuring.drawing import BLUE, GREEN, GREY, ORANGE, RED, draw_accuracy, draw_band, plain, write
from examples.measuring.fitting import fashion
from examples.measuring.networks import factor_a_layer, mlp, rms, signals
from examples.measuring.racing import race
from examples.measuring.running import Result, main
from nntricks_keras import initializers

NUMBER = 1
SIZES = {
    "tiny": {"steps": 20, "depths": (1, 3), "width": 16, "rates": (0.1, 0.3), "images": 640},
    "default": {"steps": 600, "depths": (1, 3, 5), "width": 100, "rates": (0.01, 0.03, 0.1, 0.3, 1.0), "images": None},
    "full": {"steps": 3000, "depths": (1, 3, 5), "width": 300, "rates": (0.01, 0.03, 0.1, 0.3, 1.0), "images": None},
}
TARGET = 0.80
DEPTH_OF_GRADIENTS = 8


def centred_sigmoid(name):
    return keras.layers.Activation(lambda sums: keras.ops.sigmoid(sums) - 0.5, name=name)


def measure(settings, seeds):
    images = fashion().first(settings["images"])
    width, batch = settings["width"], (images.x_test[:1000], images.y_test[:1000])
    gradients = {
        "sigmoid": [_gradient_sizes("sigmoid", initializers.Xavier, seed, width, batch) for seed in seeds],
        "ReLU": [_gradient_sizes("relu", initializers.He, seed, width, batch) for seed in seeds],
    }

    def raced(activation, depth):
        every = max(settings["steps"] // 30, 1)
        return race(
            lambda seed: mlp(activation, seed, depth=depth, width=width),
            images, settings["rates"], seeds, TARGET, num_steps=settings["steps"], every=every,
        )  # fmt: skip

    runners = {depth: raced("sigmoid", depth) for depth in settings["depths"]}
    shallow, middle, deep = settings["depths"][0], settings["depths"][1], settings["depths"][-1]
    centred = raced(centred_sigmoid, middle)
    before = [_saturated(mlp("sigmoid", seed, depth=middle, width=width), batch) for seed in seeds]
    after = [_saturated(model, batch) for model in runners[middle].best_models]
    checks = (
        Check(
            "Gradients fall more than 4 times a layer on the way back, before training (factor a layer)",
            tuple(factor_a_layer(sizes[::-1]) for sizes in gradients["sigmoid"]), 0.25, above=False,
        ),
        Check(
            f"So {deep} hidden layers learn worse than {shallow} (difference of test accuracy)",
            tuple(runners[deep].final_accuracy - runners[shallow].final_accuracy), 0.0, above=False,
        ),
        Check(
            f"Training saturates units (share of saturated outputs of {middle} layers, after less before)",
            tuple(np.mean(after, axis=1) - np.mean(before, axis=1)), 0.0,
        ),
        Check(
            f"Not being centred costs steps to {TARGET:.0%} accuracy ({middle} layers, sigmoid over sigmoid less 1/2)",
            tuple(runners[middle].steps / centred.steps), 1.0,
        ),
    )  # fmt: skip
    return Result(checks, {"gradients": gradients, "runners": runners, "centred": centred, "middle": middle})


def draw(figure, data):
    slopes, depths, centre = figure.subplots(1, 3)
    layers = np.arange(1, DEPTH_OF_GRADIENTS + 1)
    for name, color, place in (("ReLU", GREEN, 0.4), ("sigmoid", RED, 2e-3)):
        relative = np.array(data["gradients"][name])
        relative /= relative[:, -1:]
        draw_band(slopes, layers, relative, color, marker="o", markersize=4)
        write(slopes, 3.2, place, name, color, ha="right")
    slopes.plot(layers, 0.25 ** (DEPTH_OF_GRADIENTS - layers), color=GREY, linestyle="--", linewidth=1)
    text = "dashes: 4 times a layer,\nthe least that the slope allows"
    write(slopes, 8.2, 1e-4, text, GREY, ha="right", fontweight="normal", fontsize=9)
    slopes.set_yscale("log")
    plain(slopes, "Gradient by the sums, untrained", "layer (8 is next to the loss)", "relative to layer 8")
    for (depth, runner), color, height in zip(
        data["runners"].items(), (BLUE, ORANGE, RED), (0.6, 0.52, 0.3), strict=False
    ):
        draw_accuracy(depths, runner.best, color)
        text = f"{depth} layer{'s' * (depth > 1)}, rate {runner.best_rate:g}"
        write(depths, runner.best[0].steps[-1], height, text, color, ha="right")
    plain(depths, "Sigmoid networks at best rates", "steps", "test accuracy")
    for runner, color, name, height in (
        (data["runners"][data["middle"]], ORANGE, "sigmoid", 0.5),
        (data["centred"], BLUE, "sigmoid less 1/2", 0.6),
    ):
        draw_accuracy(centre, runner.best, color)
        text = f"{name}:\n{runner.steps.mean():.0f} steps to {TARGET:.0%}"
        write(centre, runner.best[0].steps[-1], height, text, color, ha="right")
    plain(centre, f"{data['middle']} layers, centred or not", "steps", "test accuracy")
    for axes in (depths, centre):
        axes.set_ylim(0, 1)


def _gradient_sizes(activation, initializer, seed, width, batch):
    model = mlp(activation, seed, depth=DEPTH_OF_GRADIENTS, width=width, initializer=initializer)
    return [rms(gradient) for gradient in signals(model, *batch).gradients]


def _saturated(model, batch):
    """Share of saturated outputs, a number a layer."""
    outputs = [np.asarray(output, "float64") for output in signals(model, *batch).outputs]
    return [float(np.mean(output * (1 - output) < 0.01 / 4)) for output in outputs]


if __name__ == "__main__":
    main(sys.modules[__name__])
