"""AlexNet's local response normalization helps.

Claim     slide 14 names AlexNet's parts; its paper says that local response normalization lowers the top-1 and top-5
          errors by 1.4 and 1.2 points. VGG's says that it does not help (A-LRN against A).
Source    Krizhevsky, Sutskever and Hinton (2012), section 3.3; Simonyan and Zisserman (2015), table 3.
Command   python -m examples.response_normalization_helps [--full]
Method    AlexNet's ideas for small images (zoo.alexnet_mini, a quarter of its channels) and VGG A (an eighth), each
          with and without, each at its own best rate, which falls by a half cosine to 0. "Tuned alpha" is the best of a
          grid, by a seed that is not measured: the paper too chose its constants on validation images.
Note      The published alpha of 1e-4 belongs to activations of raw grey levels; for standardized images the sum of
          squares it multiplies is small beside the bias of 2, and the layer is nearly the constant that it is with
          alpha 0, 2^-0.75. What it gains cannot be told from what that constant gains.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 137 s, 2026-11-24)
          confirmed: in AlexNet it raises the test accuracy (difference): 0.0082 (0.000627 .. 0.0158), n = 5
          confirmed: in AlexNet it raises it with alpha tuned, to 0.01 (difference): 0.0141 (0.00534 .. 0.0229), n = 5
          undecided: so tuned it does more than the constant it is with alpha 0 (difference): 0.0026 (-0.0139 ..
            0.0191), n = 5
          undecided: in VGG A it raises it (difference): -0.0027 (-0.00935 .. 0.00395), n = 5
"""

import sys

import keras
import numpy as np

import zoo
from examples.measuring.claims import Check
from examples.measuring.dots import draw_dots
from examples.measuring.drawing import BLACK, BLUE, GREEN, ORANGE, PURPLE, plain
from examples.measuring.fitting import fit
from examples.measuring.rates import best_rate
from examples.measuring.running import Result, main
from examples.measuring.small import cooling, padded_fashion
from nntricks_keras import layers

NUMBER = 18
SIZES = {
    "tiny": {"width": 1 / 16, "num_steps": 5, "rates": (0.02,), "alphas": (0.1,), "batch": 8},
    "default": {"width": 1 / 4, "num_steps": 400, "rates": (0.01, 0.03), "alphas": (0.01, 0.1, 1.0), "batch": 32},
    "full": {
        "width": 1.0,
        "num_steps": 8000,
        "rates": (0.003, 0.01, 0.03, 0.1),
        "alphas": (0.01, 0.1, 1.0),
        "batch": 64,
    },
}


def measure(settings, seeds):
    candidates = {alpha: tune(settings, "alexnet", alpha) for alpha in settings["alphas"]}
    tuned = min(candidates, key=lambda alpha: candidates[alpha][1])
    variants = {
        "AlexNet, without": ("alexnet", None),
        "AlexNet, alpha 0: a constant": ("alexnet", 0.0),
        "AlexNet, published alpha": ("alexnet", 1e-4),
        f"AlexNet, tuned alpha {tuned:g}": ("alexnet", tuned),
        "VGG A, without": ("vgg", None),
        "VGG A, published alpha": ("vgg", 1e-4),
    }
    accuracy = {}
    for name, variant in variants.items():
        rate, _ = candidates[tuned] if variant == ("alexnet", tuned) else tune(settings, *variant)
        accuracy[name] = np.array([train(settings, *variant, rate, seed) for seed in seeds])
    without, constant, published, own, vgg_without, vgg_published = accuracy.values()
    checks = (
        Check("in AlexNet it raises the test accuracy (difference)", published - without, 0.0),
        Check(f"in AlexNet it raises it with alpha tuned, to {tuned:g} (difference)", own - without, 0.0),
        Check("so tuned it does more than the constant it is with alpha 0 (difference)", own - constant, 0.0),
        Check("in VGG A it raises it (difference)", vgg_published - vgg_without, 0.0),
    )
    return Result(checks, {"accuracy": accuracy, "squares": squares_at_the_start(settings)})


def squares_at_the_start(settings):
    """The 5 % and the 95 % quantile of the sum of squares over five channels, where AlexNet normalizes them."""
    model = build(settings["width"], "alexnet", 1e-4, seed=0)
    inputs = [layer.input for layer in model.layers if isinstance(layer, layers.LocalResponseNorm)]
    maps = keras.Model(model.input, inputs)(padded_fashion(28).x_test[:100])
    sums = [np.lib.stride_tricks.sliding_window_view(np.square(x), 5, axis=-1).sum(axis=-1) for x in maps]
    return np.quantile(np.concatenate([x.ravel() for x in sums]), (0.05, 0.95))


def tune(settings, network, alpha):
    """(best rate, the score there)."""
    rate, scores = best_rate(
        lambda rate, seed: train(settings, network, alpha, rate, seed), settings["rates"], lambda accuracy: -accuracy
    )
    return rate, scores[rate]


def train(settings, network, alpha, rate, seed):
    """The test accuracy at the end; `alpha` None: without the layer."""
    model = build(settings["width"], network, alpha, seed)
    num_steps, batch = settings["num_steps"], settings["batch"]
    plan = {"num_steps": num_steps, "every": num_steps, "batch_size": batch, "optimizer": cooling(rate, num_steps)}
    return fit(model, padded_fashion(model.input_shape[1]), rate=rate, seed=seed, **plan).accuracy[-1]


def build(width, network, alpha, seed):
    keras.utils.set_random_seed(seed)
    small = {"num_classes": 10, "head": "pool", "keep_prob": 1.0}
    name, size, width = ("alexnet_mini", 28, width) if network == "alexnet" else ("vgg11_lrn", 32, width / 2)
    norm = None if alpha is None else "auto"  # the places of the paper
    model = zoo.create(name, input_shape=(size, size, 1), width=width, norm=norm, **small)
    for layer in model.layers:
        if isinstance(layer, layers.LocalResponseNorm):
            layer.alpha = alpha
    return model


def draw(figure, data):
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    draw_dots(left, data["accuracy"], (BLACK, PURPLE, ORANGE, GREEN, BLACK, ORANGE), "test accuracy, %")
    squares = np.geomspace(0.01, 1e5, 200)
    for alpha, color in ((1e-4, ORANGE), (0.01, GREEN), (1.0, BLUE)):
        right.semilogx(squares, (2 + alpha * squares) ** -0.75, color=color, label=f"alpha = {alpha:g}")
    right.set_ylim(0, 0.85)
    right.axvspan(*data["squares"], color="0.9", zorder=0)
    right.annotate("grey: 90 % of\nthe units", (0.03, 0.9), xycoords="axes fraction", va="top", fontsize=9)
    right.legend(fontsize=9, loc="upper right")
    plain(right, "the factor it puts on a unit", "sum of squares of 5 channels", "")


if __name__ == "__main__":
    main(sys.modules[__name__])
