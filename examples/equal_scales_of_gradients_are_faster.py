"""Gradients of one scale make gradient descent faster, and a larger rate does not make up for it.

Claim     slide 9: with a fixed learning rate and number of steps, gradient methods converge faster when the gradients
          have one scale; raising the rate does not help much: faster along x, steps too large along y.
Source    LeCun, Bottou, Orr and Müller, "Efficient BackProp" (1998), section 5.
Command   python -m examples.equal_scales_of_gradients_are_faster [--full]
Method    Images: softmax regression from weights near zero, each variant at its own best rate: on the 50 largest
          principal components as they are (descent does not care that they are turned) and with each divided by its
          deviation, by descent on all images and by batches of 64; and on the pixels as they are and with a random half
          of them ten times larger. The bowl: (x^2 + kappa y^2) / 2 from a random point of the unit circle; with L =
          kappa, its largest curvature, rates below 2 / L converge, 2 / (1 + kappa) the fastest.
Note      The claim is about the gradient of the whole loss. A batch's gradient has noise too, and dividing by the
          deviation makes the many small components' noise as large as the signal of the few large ones.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 57 s, 2026-11-24)
          confirmed: images: after the same steps of descent on all images the training loss is higher on principal
            components of their own scales than of one scale (ratio): 1.04 (1.04 .. 1.04), n = 5
          refuted: so it is by batches of 64 (ratio): 0.954 (0.932 .. 0.976), n = 5
          confirmed: by batches of 64 it is higher with half of the pixels ten times larger than with all as they are
            (ratio): 1.03 (1.01 .. 1.05), n = 5
          confirmed: a bowl of curvatures 1 and 50: after 20 steps at the best rate more of the loss is left than in a
            round bowl (difference of the shares): 0.202 (0.202 .. 0.202), n = 5
          confirmed: there, the best rate is less than twice as fast as the cautious 1 / L (ratio): 1.63 (1.32 .. 1.95),
            n = 5
          confirmed: there, a rate of 2.1 / L diverges (decimal logarithm of the loss's growth): 8.26 (8.25 .. 8.28), n
            = 5
"""

import sys

import keras
import numpy as np

from examples.measuring import fitting
from examples.measuring.bowl import descend, share_left, start_of, steps_to_hundredth
from examples.measuring.claims import Check
from examples.measuring.drawing import BLUE, ORANGE, RED, draw_band, plain
from examples.measuring.rates import best_rate, mean_loss
from examples.measuring.running import Result, main
from nntricks_keras import initializers

NUMBER = 10
KAPPA = 50.0
SIZES = {
    "tiny": {"num_images": 500, "num_steps": 20, "rates": (0.001, 0.01)},
    "default": {"num_images": 10000, "num_steps": 300, "rates": tuple(0.0003 * 2**k for k in range(17))},
    "full": {"num_images": 10000, "num_steps": 3000, "rates": tuple(0.0003 * 2**k for k in range(17))},
}


def measure(settings, seeds):
    x = inputs(settings["num_images"])
    scales = {
        "own scales": on_images(settings, seeds, x["own scales"], len(x["pixels"])),
        "one scale": on_images(settings, seeds, x["one scale"], len(x["pixels"])),
        "own scales, batches": on_images(settings, seeds, x["own scales"], 64),
        "one scale, batches": on_images(settings, seeds, x["one scale"], 64),
        "pixels": on_images(settings, seeds, x["pixels"], 64),
        "half times ten": on_images(settings, seeds, x["half times ten"], 64),
    }
    starts = [start_of(seed) for seed in seeds]
    best = 2 / (1 + KAPPA)
    left = [share_left(start, KAPPA, best, 20) for start in starts]
    left_round = [share_left(start, 1.0, 1.0, 20) for start in starts]
    too_far = [share_left(start, KAPPA, 2.1 / KAPPA, 100) for start in starts]
    speed_up = [steps_to_hundredth(s, KAPPA, 1 / KAPPA) / steps_to_hundredth(s, KAPPA, best) for s in starts]
    final = {name: [curve.loss[-20:].mean() for curve in curves] for name, (curves, _) in scales.items()}
    checks = (
        Check(
            "images: after the same steps of descent on all images the training loss is higher on principal components "
            "of their own scales than of one scale (ratio)",
            np.divide(final["own scales"], final["one scale"]),
            1.0,
            exact=True,  # from zero weights by all images: nothing is drawn
        ),
        Check(
            "so it is by batches of 64 (ratio)",
            np.divide(final["own scales, batches"], final["one scale, batches"]),
            1.0,
        ),
        Check(
            "by batches of 64 it is higher with half of the pixels ten times larger than with all as they are (ratio)",
            np.divide(final["half times ten"], final["pixels"]),
            1.0,
        ),
        Check(
            f"a bowl of curvatures 1 and {KAPPA:.0f}: after 20 steps at the best rate more of the loss is left than in "
            "a round bowl (difference of the shares)",
            np.subtract(left, left_round),
            0.0,
            exact=True,  # at the best rate both directions shrink alike, wherever it starts
        ),
        Check("there, the best rate is less than twice as fast as the cautious 1 / L (ratio)", speed_up, 2.0, False),
        Check("there, a rate of 2.1 / L diverges (decimal logarithm of the loss's growth)", np.log10(too_far), 0.0),
    )
    return Result(checks, scales)


def inputs(num_images):
    """What softmax regression gets, {name: (images, inputs)}, each with a mean square of about 1."""
    x = fitting.fashion().x_train[:num_images]
    x = x.reshape(len(x), -1)
    centred = x - x.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / len(x))
    components = centred @ directions[:, -50:]
    half = np.random.default_rng(0).random(x.shape[1]) < 0.5
    return {
        "own scales": components / components.std(),
        "one scale": components / np.sqrt(variances[-50:]),
        "pixels": x,
        "half times ten": np.where(half, 10 * x, x),
    }


def on_images(settings, seeds, x, batch_size):
    """(Curves of the seeds at the best rate, that rate)."""
    x, y = x.astype("float32"), fitting.fashion().y_train[: len(x)]
    images = fitting.Images(x, y, x[:100], y[:100])  # what is measured is the training loss
    steps = {"num_steps": settings["num_steps"], "every": settings["num_steps"], "batch_size": batch_size}

    def train(rate, seed):
        keras.utils.set_random_seed(seed)
        # Descent on all images has nothing random but this: a start near zero instead of at it.
        start = initializers.Gaussian(0.001)
        model = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Dense(10, kernel_initializer=start)])
        return fitting.fit(model, images, rate=rate, momentum=0.0, seed=seed, **steps)

    rate, _ = best_rate(train, settings["rates"], mean_loss)
    return [train(rate, seed) for seed in seeds], rate


def draw(figure, data):
    axes = figure.subplots(1, 3)
    start, kappa = np.array([-1.0, 0.6]), 12.0
    for panel, bowl, runs, title in (
        (axes[0], 1.0, ((0.5, BLUE, "rate 0.5 / L"),), "x and y curved alike"),
        (
            axes[1],
            kappa,
            ((0.5 / kappa, BLUE, "rate 0.5 / L: slow along x"), (1.93 / kappa, RED, "rate 1.93 / L: jumps along y")),
            f"y curved {kappa:.0f} times as much",
        ),
    ):
        x, y = np.meshgrid(np.linspace(-1.2, 0.5, 80), np.linspace(-0.95, 0.95, 80))
        panel.contour(x, y, x**2 + bowl * y**2, levels=np.geomspace(0.02, 12, 12), colors="0.75", linewidths=0.8)
        for rate, color, label in runs:
            path = descend(start, bowl, rate, 8)
            panel.plot(*path.T, "o-", color=color, markersize=3.5, linewidth=1.4, label=label)
        panel.plot(0, 0, "k*", markersize=9)
        panel.set_aspect("equal")
        plain(panel, f"8 steps, {title}", "x", "y")
        panel.legend(loc="lower center", fontsize=8)
    for name, color in (("own scales", ORANGE), ("one scale", BLUE)):
        curves, rate = data[name]
        loss = [curve.loss for curve in curves]
        draw_band(axes[2], np.arange(len(loss[0])) + 1, loss, color, label=f"{name}, best rate {rate:.2g}")
    axes[2].set(xscale="log", ylim=(0.4, 1.6))
    axes[2].legend(fontsize=8, loc="upper right")
    plain(axes[2], "softmax regression on images", "step, on all images", "training loss")


if __name__ == "__main__":
    main(sys.modules[__name__])
