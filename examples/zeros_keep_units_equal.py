"""From zeros the units of a layer stay equal for ever; noise of the right size breaks the symmetry.

Claim     slide 6: dL/dw2 = dL/ds1 s1 (1 - s1) s2, and likewise dL/dw3 with s3, so that units which start equal stay
          equal. Noise breaks the symmetry, but how much: 0.03 N(0, 1)?
Source    Rumelhart, Hinton and Williams (1986), "Learning representations by back-propagating errors".
Command   python -m examples.zeros_keep_units_equal [--full]
Method    Three hidden layers of sigmoids, or of tanh, on Fashion-MNIST, SGD with momentum 0.9. Units are compared by
          their incoming weights after training: the largest difference between two units of a layer. Noise is
          a N(0, 1) for all kernels, a from 1e-6 to 1.
Measured  confirmed (2 cores of Intel(R) Xeon(R) Processor, 55 s, 2026-11-24)
          confirmed: From zeros the sigmoid units of a layer are exactly equal after training (largest difference): 0 (0
            .. 0), n = 5
          confirmed: Likewise tanh units, all weights 0.1 at first (largest difference): 0 (0 .. 0), n = 5
          confirmed: The slide's formula is the gradient (largest difference from automatic differentiation, relative):
            6.56e-08 (3.73e-08 .. 9.39e-08), n = 5
          confirmed: 0.03 N(0, 1) breaks the symmetry: more accurate than equal units of 0.1 (tanh, difference): 0.643
            (0.636 .. 0.65), n = 5
          confirmed: But 1/sqrt(n) learns more in the same steps than 0.03 (tanh, difference of accuracy): 0.0105
            (0.00359 .. 0.0174), n = 5
"""

import functools
import sys

import keras
import numpy as np

from examples.measuring.claims import Check
from examples.measuring.drawing import BLACK, BLUE, GREY, ORANGE, RED, draw_accuracy, draw_band, plain, write
from examples.measuring.fitting import fashion, fit
from examples.measuring.networks import mlp, signals
from examples.measuring.running import Result, main
from nntricks_keras import initializers

NUMBER = 7
NOISES = (1e-6, 1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
SIZES = {
    "tiny": {"steps": 20, "width": 16, "images": 640, "noises": (1e-3, 0.03, 0.3)},
    "default": {"steps": 500, "width": 64, "images": None, "noises": NOISES},
    "full": {"steps": 4000, "width": 256, "images": None, "noises": NOISES},
}
DEPTH = 3
EXACTLY_EQUAL = float(np.finfo("float32").tiny)  # two weights of usual size differ by more, or not at all


def measure(settings, seeds):
    images = fashion().first(settings["images"])

    def trained(activation, seed, initializer):
        model = mlp(activation, seed, depth=DEPTH, width=settings["width"], initializer=initializer)
        every = max(settings["steps"] // 25, 1)
        return model, fit(model, images, num_steps=settings["steps"], rate=0.05, seed=seed, every=every)

    zeros = [trained("sigmoid", seed, lambda seed: keras.initializers.Zeros()) for seed in seeds]
    tenths = [trained("tanh", seed, lambda seed: keras.initializers.Constant(0.1)) for seed in seeds]
    noise_like_the_slide = [trained("tanh", seed, initializers.Gaussian) for seed in seeds]
    curves = {
        "1/sqrt(n)": [trained("tanh", seed, initializers.Xavier)[1] for seed in seeds],
        "0.03 N(0, 1)": [curve for _, curve in noise_like_the_slide],
        "all 0.1": [curve for _, curve in tenths],
    }
    final = {name: _final(of_name) for name, of_name in curves.items()}
    finals = {
        noise: _final([trained("tanh", seed, functools.partial(initializers.Gaussian, noise))[1] for seed in seeds])
        for noise in settings["noises"]
    }
    checks = (
        Check(
            "From zeros the sigmoid units of a layer are exactly equal after training (largest difference)",
            tuple(_largest_difference(model) for model, _ in zeros), EXACTLY_EQUAL, above=False, exact=True,
        ),
        Check(
            "Likewise tanh units, all weights 0.1 at first (largest difference)",
            tuple(_largest_difference(model) for model, _ in tenths), EXACTLY_EQUAL, above=False, exact=True,
        ),
        Check(
            "The slide's formula is the gradient (largest difference from automatic differentiation, relative)",
            tuple(_error_of_formula(images, seed) for seed in seeds), 1e-5, above=False,
        ),
        Check(
            "0.03 N(0, 1) breaks the symmetry: more accurate than equal units of 0.1 (tanh, difference)",
            tuple(final["0.03 N(0, 1)"] - final["all 0.1"]), 0.0,
        ),
        Check(
            "But 1/sqrt(n) learns more in the same steps than 0.03 (tanh, difference of accuracy)",
            tuple(final["1/sqrt(n)"] - final["0.03 N(0, 1)"]), 0.0,
        ),
    )  # fmt: skip
    pictures = {
        "all 0.1": tenths[0][0].get_layer("sum1").kernel.numpy(),
        "0.03 N(0, 1)": noise_like_the_slide[0][0].get_layer("sum1").kernel.numpy(),
    }
    return Result(checks, {"curves": curves, "finals": finals, "pictures": pictures, "best": final["1/sqrt(n)"]})


def draw(figure, data):
    grid = figure.add_gridspec(2, 3, width_ratios=(1.1, 1.5, 1.5))
    for row, ((name, kernel), color) in enumerate(zip(data["pictures"].items(), (RED, ORANGE), strict=True)):
        axes = figure.add_subplot(grid[row, 0])
        units = [np.pad(kernel[:, unit].reshape(28, 28), 1, constant_values=np.nan) for unit in range(6)]
        axes.imshow(
            np.block([units[:3], units[3:]]),
            cmap="PuOr",
            vmin=np.quantile(kernel, 0.02),
            vmax=np.quantile(kernel, 0.98),
        )
        axes.axis("off")
        axes.set_title(f"Six units' weights, trained\nfrom {name}", fontsize=10, loc="left", color=color)
    learning, sizes = figure.add_subplot(grid[:, 1]), figure.add_subplot(grid[:, 2])
    for (name, curves), color, drop in zip(
        data["curves"].items(), (BLUE, ORANGE, RED), (0.07, -0.22, -0.09), strict=True
    ):
        draw_accuracy(learning, curves, color)
        place = len(curves[0].steps) // 3
        write(learning, curves[0].steps[place], np.mean([c.accuracy[place] for c in curves]) + drop, name, color)
    learning.set_ylim(0, 1)
    plain(learning, "Three tanh layers", "steps", "test accuracy")
    noises, finals = list(data["finals"]), np.transpose(list(data["finals"].values()))
    draw_band(sizes, noises, finals, BLACK, marker="o")
    sizes.axhline(data["best"].mean(), color=GREY, linestyle="--", linewidth=1)
    write(sizes, noises[0], data["best"].mean() + 0.03, "1/sqrt(n)", GREY)
    write(sizes, 0.03, 0.05, "0.03", ORANGE, ha="center")
    sizes.axvline(0.03, ymin=0.1, color=ORANGE, linestyle="--", linewidth=1)
    sizes.set(xscale="log", ylim=(0, 1))
    plain(sizes, "How much noise?", "a, of a N(0, 1)", "test accuracy at the end")


def _final(curves):
    return np.array([curve.accuracy[-5:].mean() for curve in curves])


def _largest_difference(model):
    """Between the incoming weights of two units of a layer, over the hidden layers."""
    kernels = [layer.kernel.numpy() for layer in model.layers if layer.name.startswith("sum")]
    return max(float(np.ptp(kernel, axis=1).max()) for kernel in kernels)


def _error_of_formula(images, seed):
    """dL/dw_ij = dL/ds_j s_j (1 - s_j) s_i of two sigmoid layers, against automatic differentiation, on one image."""
    model = mlp("sigmoid", seed, depth=2, width=8)
    found = signals(model, images.x_train[:1], images.y_train[:1])
    (below,), (above,) = (np.asarray(output, "float64") for output in found.outputs)
    exponentials = np.exp(model(images.x_train[:1]).numpy()[0].astype("float64"))
    by_logits = exponentials / exponentials.sum() - np.eye(10)[images.y_train[0]]
    by_output = model.get_layer("logits").kernel.numpy() @ by_logits  # dL/ds of the upper layer
    formula = below[:, None] * (by_output * above * (1 - above))[None, :]
    return float(np.abs(found.kernel_gradients[1] - formula).max() / np.abs(formula).max())


if __name__ == "__main__":
    main(sys.modules[__name__])
