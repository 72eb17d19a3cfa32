"""ELU converges faster than ReLU, and its outputs are nearly centred.

Claim     slide 5: ELU, x for x > 0 and alpha (e^x - 1) below, is roughly centred and converges faster than ReLU.
Source    Clevert, Unterthiner and Hochreiter (2016), "Fast and accurate deep network learning by exponential linear
          units", section 4.1: eight hidden layers of 128 units, batches of 64, rate 0.01, MNIST.
Command   python -m examples.elu_converges_faster [--full]
Method    Their network on Fashion-MNIST, SGD; weights of He's deviation for both, as theirs. With momentum 0.9, each
          network at the best rate of its own; then at one rate for both, without momentum, as theirs: there neither
          reaches the target in these steps, so the accuracy averaged over the training is compared. Off centre: |mean|
          of a unit's outputs over their root mean square, averaged over the units of all layers, after training; the
          paper's figure 4 takes the median of the units' means instead, here over the layer's root mean square.
          "Roughly centred" is taken as at most half of ReLU's.
Note      The two measures differ because the units of a trained layer have means of both signs: the layer is centred, a
          single unit is not.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 115 s, 2026-11-24)
          undecided: ELU converges faster (steps to 82% accuracy at best rates, ReLU over ELU): 1.23 (0.961 .. 1.5), n =
            5
          confirmed: Also at the paper's rate for both, 0.01 without momentum (test accuracy averaged over the training,
            ELU less ReLU): 0.038 (0.0314 .. 0.0446), n = 5
          confirmed: Its training loss is lower in the last quarter, best rates (ELU less ReLU): -0.0334 (-0.0482 ..
            -0.0187), n = 5
          refuted: Its outputs are roughly centred: off centre by less than half as much (ELU over ReLU): 0.763 (0.711
            .. 0.814), n = 5
          confirmed: So they are by the paper's measure, the median of the units' means (ELU over ReLU): 0.218 (0.182 ..
            0.254), n = 5
"""

import sys

import numpy as np

from examples.measuring.claims import Check
from examples.measuring.drawing import BLUE, GREY, ORANGE, draw_accuracy, draw_band, plain, write
from examples.measuring.fitting import fashion, fit
from examples.measuring.networks import mlp, off_centre, rms, signals
from examples.measuring.racing import race
from examples.measuring.running import Result, main
from nntricks_keras import initializers, layers

NUMBER = 5
SIZES = {
    "tiny": {"steps": 20, "width": 16, "rates": (0.01, 0.03), "images": 640, "equal_rate": 0.01},
    "default": {"steps": 400, "width": 128, "rates": (0.001, 0.003, 0.01, 0.03), "images": None, "equal_rate": 0.01},
    "full": {"steps": 4000, "width": 128, "rates": (0.001, 0.003, 0.01, 0.03), "images": None, "equal_rate": 0.01},
}
TARGET, DEPTH = 0.82, 8
ACTIVATIONS = {"ReLU": ("relu", ORANGE), "ELU": (layers.ELU, BLUE)}


def measure(settings, seeds):
    images, steps = fashion().first(settings["images"]), settings["steps"]
    every = max(steps // 40, 1)
    tuned, equal, centre, median = {}, {}, {}, {}
    for name, (activation, _) in ACTIVATIONS.items():

        def network(seed, activation=activation):
            return mlp(activation, seed, depth=DEPTH, width=settings["width"], initializer=initializers.He)

        tuned[name] = race(network, images, settings["rates"], seeds, TARGET, num_steps=steps, every=every)
        equal[name] = [
            fit(
                network(seed),
                images,
                num_steps=steps,
                rate=settings["equal_rate"],
                momentum=0.0,
                seed=seed,
                every=every,
            )
            for seed in seeds
        ]
        outputs = [
            signals(model, images.x_test[:1000], images.y_test[:1000]).outputs for model in tuned[name].best_models
        ]
        centre[name] = np.array([[off_centre(output) for output in of_seed] for of_seed in outputs])
        median[name] = np.array([[_median_of_means(output) for output in of_seed] for of_seed in outputs])
    averaged = {name: np.array([curve.accuracy.mean() for curve in curves]) for name, curves in equal.items()}
    end_loss = {name: np.array([curve.loss[-steps // 4 :].mean() for curve in of.best]) for name, of in tuned.items()}
    checks = (
        Check(f"ELU converges faster (steps to {TARGET:.0%} accuracy at best rates, ReLU over ELU)",
              tuple(tuned["ReLU"].steps / tuned["ELU"].steps), 1.0),
        Check(f"Also at the paper's rate for both, {settings['equal_rate']:g} without momentum "
              "(test accuracy averaged over the training, ELU less ReLU)",
              tuple(averaged["ELU"] - averaged["ReLU"]), 0.0),
        Check("Its training loss is lower in the last quarter, best rates (ELU less ReLU)",
              tuple(end_loss["ELU"] - end_loss["ReLU"]), 0.0, above=False),
        Check("Its outputs are roughly centred: off centre by less than half as much (ELU over ReLU)",
              tuple(centre["ELU"].mean(axis=1) / centre["ReLU"].mean(axis=1)), 0.5, above=False),
        Check("So they are by the paper's measure, the median of the units' means (ELU over ReLU)",
              tuple(median["ELU"].mean(axis=1) / median["ReLU"].mean(axis=1)), 0.5, above=False),
    )  # fmt: skip
    return Result(
        checks, {"tuned": tuned, "equal": equal, "centre": centre, "median": median, "rate": settings["equal_rate"]}
    )


def draw(figure, data):
    best, same, middle = figure.subplots(1, 3)
    for (name, (_, color)), drop in zip(ACTIVATIONS.items(), (0.45, 0.55), strict=True):
        runner, curves = data["tuned"][name], data["equal"][name]
        last = curves[0].steps[-1]
        draw_accuracy(best, runner.best, color)
        text = f"{name}: {runner.steps.mean():.0f} steps, rate {runner.best_rate:g}"
        write(best, last, drop, text, color, ha="right")
        draw_accuracy(same, curves, color)
        average = np.mean([curve.accuracy.mean() for curve in curves])
        write(same, last, drop - 0.25, f"{name}: {average:.3f} on average", color, ha="right")
        draw_band(middle, np.arange(1, DEPTH + 1), data["centre"][name], color, marker="o")
        middle.plot(np.arange(1, DEPTH + 1), data["median"][name].mean(axis=0), color=color, linestyle="--")
        write(middle, 4.4, data["centre"][name].mean() + (0.07 if name == "ReLU" else -0.08), name, color)
    write(middle, 1, 0.9, "solid: |mean| of each unit\ndashes: median of the units' means", GREY, fontweight="normal")
    for axes in (best, same, middle):
        axes.set_ylim(0, 1)
    best.axhline(TARGET, color=GREY, linestyle="--", linewidth=1)
    plain(best, f"Steps to {TARGET:.0%}, each at its best rate", "steps", "test accuracy")
    plain(same, f"Both at rate {data['rate']:g} without momentum", "steps", "test accuracy")
    plain(middle, "After training: off centre (0 is centred)", "layer", "relative to the root mean square")


def _median_of_means(outputs):
    """|median over the units of a unit's mean| over the root mean square of the layer's outputs."""
    return abs(np.median(outputs.mean(axis=0))) / rms(outputs)


if __name__ == "__main__":
    main(sys.modules[__name__])
