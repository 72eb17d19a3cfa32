"""The normalized initialization keeps activations and gradients alike on all layers: Glorot's figures 6 and 7.

Claim     slide 8: with the standard initialization the peak at zero narrows layer by layer, with the normalized one it
          does not; the same scale of activations, hence of gradients, makes all weights change at one pace and helps
          convergence.
Source    Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural networks",
          figures 6, 7 and 8.
Command   python -m examples.normalized_initialization [--full]
Method    Five hidden tanh layers, Fashion-MNIST, as in the paper. Standard: uniform within 1/sqrt(n), a deviation of
          1/sqrt(3 n); normalized: uniform with deviation sqrt(2)/sqrt(n_in + n_out). Deviations of a layer over all
          units and images before training; their factor from a layer to the next on the way of the signal (forward for
          activations, backward for gradients). Training: SGD with momentum 0.9, each at the best rate of its own.
Note      The pace of the weights does not tell the two apart. The gradient of a kernel is the activations below times
          the gradients above; the first shrink on the way up, the second on the way down, and the product is alike on
          all layers with both initializations, as the paper's equation 14 says. What differs is its size.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 52 s, 2026-11-24)
          confirmed: Standard: gradients narrow on the way back (factor a layer): 0.539 (0.529 .. 0.55), n = 5
          confirmed: Normalized: they narrow less (its factor over the standard one): 1.44 (1.44 .. 1.45), n = 5
          confirmed: Standard: activations narrow on the way forward (factor a layer): 0.56 (0.554 .. 0.566), n = 5
          confirmed: Normalized: they narrow less (its factor over the standard one): 1.48 (1.47 .. 1.49), n = 5
          undecided: One pace: the gradients of the weights differ less between layers (largest over smallest,
            normalized over standard): 1 (0.965 .. 1.04), n = 5
          confirmed: Normalized converges faster (steps to 82% accuracy, standard over normalized): 1.82 (1.29 .. 2.34),
            n = 5
"""

import sys

import keras
import numpy as np

from examples.measuring.claims import Check
from examples.measuring.drawing import BLACK, BLUE, GREEN, GREY, ORANGE, RED, draw_accuracy, plain, write
from examples.measuring.fitting import fashion
from examples.measuring.networks import factor_a_layer, mlp, rms, signals
from examples.measuring.racing import race
from examples.measuring.running import Result, main
from nntricks_keras import initializers

NUMBER = 9
DEPTH = 5
SIZES = {
    "tiny": {"width": 32, "steps": 20, "rates": (0.01, 0.03), "images": 640},
    "default": {"width": 100, "steps": 400, "rates": (0.003, 0.01, 0.03, 0.1), "images": None},
    "full": {"width": 1000, "steps": 2000, "rates": (0.001, 0.003, 0.01, 0.03, 0.1), "images": None},
}
TARGET = 0.82


def standard(seed):
    """U(-1/sqrt(n), 1/sqrt(n)), of variance 1/(3 n): the paper's equation 1."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform", seed=seed)


def normalized(seed):
    """The paper's equation 16."""
    return initializers.Glorot("uniform", seed=seed)


INITIALIZERS = {"standard": standard, "normalized": normalized}


def measure(settings, seeds):
    images = fashion().first(settings["images"])
    batch, width = (images.x_test[:500], images.y_test[:500]), settings["width"]
    found, runners, kernels = {}, {}, {}
    for name, initializer in INITIALIZERS.items():

        def network(seed, initializer=initializer):
            return mlp("tanh", seed, depth=DEPTH, width=width, initializer=initializer)

        found[name] = [signals(network(seed), *batch) for seed in seeds]
        # Between hidden layers of equal size only: the first kernel has other inputs.
        kernels[name] = [[rms(kernel) for kernel in one.kernel_gradients[1:]] for one in found[name]]
        every = max(settings["steps"] // 40, 1)
        runners[name] = race(
            network, images, settings["rates"], seeds, TARGET, num_steps=settings["steps"], every=every
        )
    forward = {name: _factors([one.outputs for one in of_name]) for name, of_name in found.items()}
    backward = {name: _factors([one.gradients[::-1] for one in of_name]) for name, of_name in found.items()}
    unevenness = {name: np.array([max(one) / min(one) for one in of_name]) for name, of_name in kernels.items()}
    checks = (
        Check("Standard: gradients narrow on the way back (factor a layer)",
              tuple(backward["standard"]), 1.0, above=False),
        Check("Normalized: they narrow less (its factor over the standard one)",
              tuple(backward["normalized"] / backward["standard"]), 1.0),
        Check("Standard: activations narrow on the way forward (factor a layer)",
              tuple(forward["standard"]), 1.0, above=False),
        Check("Normalized: they narrow less (its factor over the standard one)",
              tuple(forward["normalized"] / forward["standard"]), 1.0),
        Check("One pace: the gradients of the weights differ less between layers "
              "(largest over smallest, normalized over standard)",
              tuple(unevenness["normalized"] / unevenness["standard"]), 1.0, above=False),
        Check(f"Normalized converges faster (steps to {TARGET:.0%} accuracy, standard over normalized)",
              tuple(runners["standard"].steps / runners["normalized"].steps), 1.0),
    )  # fmt: skip
    first = {name: (of_name[0].outputs, of_name[0].gradients) for name, of_name in found.items()}
    return Result(checks, {"signals": first, "runners": runners})


def draw(figure, data):
    figure.set_size_inches(11, 5.6)
    grid = figure.add_gridspec(2, 3, width_ratios=(1, 1, 0.9))
    colors = (BLUE, GREEN, ORANGE, RED, BLACK)
    for row, name in enumerate(INITIALIZERS):
        for column, what in enumerate(("activations", "gradients")):
            axes, values = figure.add_subplot(grid[row, column]), data["signals"][name][column]
            # Of the standard network's widest layer: both rows share one scale.
            limit = (1.0, 4 * max(map(rms, data["signals"]["normalized"][1])))[column]
            edges = np.linspace(-limit, limit, 81)
            for layer, color in enumerate(colors):
                density, _ = np.histogram(values[layer], edges, density=True)
                axes.plot((edges[1:] + edges[:-1]) / 2, density * limit, color=color, linewidth=1.4)
                deviation = f"{rms(values[layer]):.2g}" if column == 0 else f"{rms(values[layer]):.1e}"
                write(axes, 0.98, 0.9 - 0.13 * layer, f"layer {layer + 1}: {deviation}", color, ha="right",
                      transform=axes.transAxes, fontsize=9)  # fmt: skip
            axes.set(yticks=[], xticks=(-limit, 0, limit), xlim=(-limit, 1.9 * limit))
            axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 2))
            plain(axes, f"{name}: {what}, deviations", "", "density")
    axes = figure.add_subplot(grid[:, 2])
    for (name, runner), color, height in zip(data["runners"].items(), (RED, BLUE), (0.5, 0.6), strict=True):
        draw_accuracy(axes, runner.best, color)
        text = f"{name}: {runner.steps.mean():.0f} steps,\nrate {runner.best_rate:g}"
        write(axes, runner.best[0].steps[-1], height, text, color, ha="right")
    axes.axhline(TARGET, color=GREY, linestyle="--", linewidth=1)
    axes.set_ylim(0, 1)
    plain(axes, f"Steps to {TARGET:.0%}, each at its best rate", "steps", "test accuracy")


def _factors(layers):
    return np.array([factor_a_layer([rms(values) for values in of_seed]) for of_seed in layers])


if __name__ == "__main__":
    main(sys.modules[__name__])
