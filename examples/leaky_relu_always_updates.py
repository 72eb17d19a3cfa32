"""Leaky ReLU always updates and is roughly centred; its slope must not be 1.

Claim     slide 4: Leaky ReLU, max(a x, x), always updates and is roughly centred; a must not be 1.
Source    Maas, Hannun and Ng (2013), "Rectifier nonlinearities improve neural network acoustic models", section 2.
Command   python -m examples.leaky_relu_always_updates [--full]
Method    Updates: one hidden layer of 128, SGD with momentum 0.9 at rates up to some ten times the best; a unit gets no
          update when the gradient of its weights is exactly 0 over all training images. Then the ReLU network of the
          highest rate goes on at a good rate, as it is and with Leaky ReLU in the place of ReLU. Slopes: three hidden
          layers, each slope at the best rate of its own. Off centre: |mean| of a unit's outputs over their root mean
          square, averaged; "roughly centred" is taken as at most half of ReLU's.
Note      For sums z ~ N(0, 1) the mean over the root mean square is (1 - a)/sqrt(1 + a^2) of ReLU's: to halve it, the
          slope has to be 0.45, and 0.01 does next to nothing. A unit that is negative on all images need not come back
          to be of use: it goes on as a linear unit of slope a.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 116 s, 2026-11-24)
          confirmed: After rate 0.3 fewer of its units get no update than with ReLU (difference of shares): -0.531
            (-0.739 .. -0.324), n = 5
          confirmed: It always updates: the share of its units without an update is below one unit: 0 (0 .. 0), n = 5
          undecided: It revives: put into the damaged network, it leaves fewer units negative on all images
            (difference): 0 (-0.0299 .. 0.0299), n = 5
          confirmed: And the damaged network becomes more accurate with it (difference): 0.357 (0.215 .. 0.5), n = 5
          refuted: With slope 0.01 it is roughly centred: off centre by less than half as much as ReLU (ratio): 1 (0.994
            .. 1.01), n = 5
          confirmed: The slope must not be 1: slope 0.01 is more accurate (difference): 0.00818 (0.00282 .. 0.0135), n =
            5
"""

import functools
import sys

import numpy as np

from examples.measuring.claims import Check
from examples.measuring.drawing import BLUE, GREEN, GREY, RED, draw_accuracy, draw_band, plain, write
from examples.measuring.fitting import fashion, fit
from examples.measuring.networks import dead_units, mlp, off_centre, signals
from examples.measuring.racing import race
from examples.measuring.running import Result, main
from nntricks_keras import initializers, layers

NUMBER = 4
SIZES = {
    "tiny": {"steps": 10, "images": 640, "killing": (0.1, 0.3), "slopes": (0.0, 0.01, 1.0), "rates": (0.03,)},
    "default": {"steps": 300, "images": None, "killing": (0.03, 0.1, 0.3), "slopes": (0.0, 0.01, 0.1, 0.3, 0.5, 1.0),
                "rates": (0.01, 0.03, 0.1)},
    "full": {"steps": 3000, "images": None, "killing": (0.03, 0.1, 0.3), "slopes": (0.0, 0.01, 0.1, 0.3, 0.5, 1.0),
             "rates": (0.003, 0.01, 0.03, 0.1)},
}  # fmt: skip
TARGET, SLOPE, GOOD_RATE = 0.82, 0.01, 0.03
ACTIVATIONS = {"ReLU": "relu", "Leaky ReLU": functools.partial(layers.LeakyReLU, SLOPE)}


def measure(settings, seeds):
    images, steps = fashion().first(settings["images"]), settings["steps"]
    stuck, mended = {name: {} for name in ACTIVATIONS}, {name: [] for name in ACTIVATIONS}
    dead = {name: [] for name in ACTIVATIONS}
    for rate in settings["killing"]:
        trained = {name: [_small(activation, seed) for seed in seeds] for name, activation in ACTIVATIONS.items()}
        for name, models in trained.items():
            for model, seed in zip(models, seeds, strict=True):
                fit(model, images, num_steps=steps, rate=rate, seed=seed, every=steps)
            stuck[name][rate] = np.array([_without_update(model, images) for model in models])
    for damaged, seed in zip(trained["ReLU"], seeds, strict=True):  # of the highest rate
        for name, activation in ACTIVATIONS.items():
            model = _small(activation, seed)
            model.set_weights(damaged.get_weights())
            again = fit(model, images, num_steps=steps, rate=GOOD_RATE, seed=seed + 1000, every=max(steps // 20, 1))
            mended[name].append(again)
            dead[name].append(np.mean(_never_positive(model, images)))
    slopes = {slope: _raced(slope, images, settings, seeds) for slope in settings["slopes"]}
    centre = {slope: np.array([_centre(model, images) for model in of.best_models]) for slope, of in slopes.items()}
    highest = settings["killing"][-1]
    final = {name: np.array([curve.accuracy[-5:].mean() for curve in curves]) for name, curves in mended.items()}
    checks = (
        Check(f"After rate {highest:g} fewer of its units get no update than with ReLU (difference of shares)",
              tuple(stuck["Leaky ReLU"][highest] - stuck["ReLU"][highest]), 0.0, above=False),
        Check("It always updates: the share of its units without an update is below one unit",
              tuple(stuck["Leaky ReLU"][highest]), 1 / 128, above=False, exact=True),
        Check("It revives: put into the damaged network, it leaves fewer units negative on all images (difference)",
              tuple(np.subtract(dead["Leaky ReLU"], dead["ReLU"])), 0.0, above=False),
        Check("And the damaged network becomes more accurate with it (difference)",
              tuple(final["Leaky ReLU"] - final["ReLU"]), 0.0),
        Check(f"With slope {SLOPE} it is roughly centred: off centre by less than half as much as ReLU (ratio)",
              tuple(centre[SLOPE] / centre[0.0]), 0.5, above=False),
        Check(f"The slope must not be 1: slope {SLOPE} is more accurate (difference)",
              tuple(slopes[SLOPE].final_accuracy - slopes[1.0].final_accuracy), 0.0),
    )  # fmt: skip
    accuracy = {slope: runner.final_accuracy for slope, runner in slopes.items()}
    return Result(checks, {"stuck": stuck, "mended": mended, "accuracy": accuracy, "centre": centre})


def draw(figure, data):
    updates, repair, slopes = figure.subplots(1, 3)
    for name, color, height in (("ReLU", RED, 0.45), ("Leaky ReLU", BLUE, 0.55)):
        rates = list(data["stuck"][name])
        draw_band(updates, rates, np.transpose(list(data["stuck"][name].values())), color, marker="o")
        place = data["stuck"][name][rates[-1]].mean()
        write(updates, rates[-1] * 0.85, place + 0.025, name, color, ha="right")
        draw_accuracy(repair, data["mended"][name], color)
        write(repair, data["mended"][name][0].steps[-1], height, name, color, ha="right")
    updates.set(xscale="log", ylim=(-0.02, 1))
    updates.set_xticks(rates, [f"{rate:g}" for rate in rates])
    updates.minorticks_off()
    plain(updates, "Units without an update, trained", "learning rate", "share of units")
    repair.set_ylim(0, 1)
    plain(repair, f"The ReLU network of rate {rates[-1]:g} goes on", "steps at a good rate", "test accuracy")
    places = np.arange(len(data["accuracy"]))
    for what, color, text in (("accuracy", GREEN, "test accuracy"), ("centre", GREY, "off centre (0 is centred)")):
        values = np.transpose(list(data[what].values()))
        draw_band(slopes, places, values, color, marker="o")
        write(slopes, 0.2, values[:, 0].mean() + 0.06, text, color)
    slopes.set_xticks(places, [f"{slope:g}" for slope in data["accuracy"]])
    slopes.set_ylim(0, 1)
    plain(slopes, "Slopes: 0 is ReLU, 1 is linear", "slope a", "")


def _small(activation, seed):
    return mlp(activation, seed, depth=1, width=128, initializer=initializers.He)


def _raced(slope, images, settings, seeds):
    activation = "linear" if slope == 1 else functools.partial(layers.LeakyReLU, slope)
    initializer = functools.partial(initializers.He, negative_slope=slope)
    every = max(settings["steps"] // 30, 1)
    return race(
        lambda seed: mlp(activation, seed, depth=3, width=100, initializer=initializer),
        images, settings["rates"], seeds, TARGET, num_steps=settings["steps"], every=every,
    )  # fmt: skip


def _centre(model, images):
    outputs = signals(model, images.x_test[:1000], images.y_test[:1000]).outputs
    return np.mean([off_centre(output) for output in outputs])


def _without_update(model, images):
    (gradient,) = signals(model, images.x_train, images.y_train).kernel_gradients
    return np.mean(np.all(gradient == 0, axis=0))


def _never_positive(model, images):
    """Which units of the hidden layer have no positive sum on any training image."""
    as_relu = _small("relu", 0)
    as_relu.set_weights(model.get_weights())
    return dead_units(as_relu, images.x_train)


if __name__ == "__main__":
    main(sys.modules[__name__])
