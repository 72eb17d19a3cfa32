"""Dropout regularizes, and at test time resembles the ensemble of the networks it samples.

Claim     slide 11: keep a unit with probability p, otherwise put 0: each step trains a sampled network, which
          regularizes; at test time all units are on, times p; this remotely resembles an ensemble of smaller networks.
Source    Srivastava et al., "Dropout" (2014), sections 4, 6.1 and 7.5.
Command   python -m examples.dropout_regularizes [--full]
Method    Few training images, two wide hidden layers, p = 1/2, each variant at its own best rate (by the test accuracy
          of a seed that is not measured), which falls by a half cosine to 0. Inverted dropout divides by p in training
          and not at test time: with each kernel after a Dropout times p it is the same function, and with those
          kernels' rates times p^2 it goes the same way, here to the last bit since p is a power of two.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 49 s, 2026-11-24)
          undecided: with dropout the test accuracy is higher (difference): 0.0056 (-0.000361 .. 0.0116), n = 5
          confirmed: with dropout the gap from training to test accuracy is smaller (difference of the gaps): 0.008
            (0.00179 .. 0.0142), n = 5
          confirmed: inverted dropout is the same function (largest difference of a logit): 0 (0 .. 0), n = 5
          confirmed: and goes the same way in training with its rate over p^2 (largest difference of a logit after): 0
            (0 .. 0), n = 5
          confirmed: all units times p are right as often as the average of 100 sampled networks, to 1 % (distance of
            the accuracies): 0.0016 (-0.00119 .. 0.00439), n = 5
          confirmed: and more often than one sampled network (difference): 0.0149 (0.0122 .. 0.0177), n = 5
"""

import sys

import keras
import numpy as np

from examples.measuring.claims import Check
from examples.measuring.dots import draw_dots
from examples.measuring.drawing import BLACK, BLUE, GREEN, ORANGE, draw_band, plain
from examples.measuring.fitting import evaluate, fit
from examples.measuring.rates import best_rate
from examples.measuring.running import Result, main
from examples.measuring.small import LocalRates, cooling, perceptron, small_fashion
from nntricks_keras import layers

NUMBER = 13
KEEP = 0.5
RATES = (0.01, 0.03, 0.1)
SIZES = {
    "tiny": {"num_images": 200, "num_steps": 30, "units": 16, "networks": 5},
    "default": {"num_images": 1000, "num_steps": 3000, "units": 256, "networks": 100},
    "full": {"num_images": 5000, "num_steps": 10000, "units": 1024, "networks": 1000},
}


def measure(settings, seeds):
    plain_runs, dropout_runs = (runs(settings, seeds, keep_prob) for keep_prob in (1.0, KEEP))
    test = {name: np.array([run["test"] for run in of]) for name, of in (("no", plain_runs), ("yes", dropout_runs))}
    gap = {
        name: np.array([run["train"] - run["test"] for run in of])
        for name, of in (("no", plain_runs), ("yes", dropout_runs))
    }
    sampled = [sample(settings, run["model"]) for run in dropout_runs]
    average, single = (np.array([row[column] for row in sampled]) for column in (0, 1))
    function, path = zip(*(against_inverted(settings, seed) for seed in seeds), strict=True)
    checks = (
        Check("with dropout the test accuracy is higher (difference)", test["yes"] - test["no"], 0.0),
        Check(
            "with dropout the gap from training to test accuracy is smaller (difference of the gaps)",
            gap["no"] - gap["yes"],
            0.0,
        ),
        Check(
            "inverted dropout is the same function (largest difference of a logit)",
            function,
            1e-5,
            above=False,
            exact=True,
        ),
        Check(
            "and goes the same way in training with its rate over p^2 (largest difference of a logit after)",
            path,
            1e-5,
            above=False,
            exact=True,
        ),
        Check(
            f"all units times p are right as often as the average of {settings['networks']} sampled networks, to 1 % "
            "(distance of the accuracies)",
            np.abs(test["yes"] - average),
            0.01,
            above=False,
        ),
        Check("and more often than one sampled network (difference)", test["yes"] - single, 0.0),
    )
    shown = {
        "without dropout": test["no"],
        "one sampled network": single,
        f"average of {settings['networks']}": average,
        "all units, times p": test["yes"],
    }
    return Result(checks, {"plain": plain_runs, "dropout": dropout_runs, "shown": shown})


def runs(settings, seeds, keep_prob):
    images = small_fashion().first(settings["num_images"])

    def train(rate, seed, models=None):
        model = perceptron((14, 14, 1), (settings["units"],) * 2, seed, keep_prob=keep_prob)
        if models is not None:
            models.append(model)
        num_steps = settings["num_steps"]
        optimizer = cooling(rate, num_steps)
        return fit(model, images, num_steps=num_steps, rate=rate, seed=seed, every=100, optimizer=optimizer)

    rate, _ = best_rate(train, RATES, lambda curve: -curve.accuracy[-1])
    done = []
    for seed in seeds:
        models = []
        curve = train(rate, seed, models)
        accuracy, _ = evaluate(models[0], images.x_train, images.y_train)
        done.append({"curve": curve, "model": models[0], "test": curve.accuracy[-1], "train": accuracy})
    return done


def sample(settings, model):
    """Test accuracies: of the mean of sampled networks' probabilities, and of one sampled network (their mean)."""
    images = small_fashion()
    total, single = 0.0, []
    for _ in range(settings["networks"]):
        probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(model(images.x_test, training=True)))
        total = total + probabilities
        single.append((probabilities.argmax(axis=1) == images.y_test).mean())
    return (total.argmax(axis=1) == images.y_test).mean(), np.mean(single)


def against_inverted(settings, seed):
    """Largest differences of a logit between ours and inverted dropout: (at the start, after training)."""
    images = small_fashion().first(settings["num_images"], 500)
    ours = perceptron((14, 14, 1), (settings["units"],) * 2, seed, keep_prob=KEEP)
    inverted = keras.models.clone_model(ours, call_function=divide_after_dropout)
    after_dropout = [layer.kernel for layer in ours.layers if isinstance(layer, keras.layers.Dense)][1:]
    factors = [KEEP**2 if any(v is k for k in after_dropout) else 1.0 for v in ours.trainable_variables]
    inverted.set_weights(ours.get_weights())
    for variable, factor in zip(inverted.trainable_variables, factors, strict=True):
        variable.assign(variable * factor**0.5)
    differences = [difference(ours, inverted, images.x_test)]
    for model, own in ((ours, [1.0] * len(factors)), (inverted, factors)):
        fit(model, images, num_steps=100, rate=0, seed=seed, every=100, optimizer=LocalRates(0.01, own))
    return *differences, difference(ours, inverted, images.x_test)


def divide_after_dropout(layer, *arguments, **keywords):
    outputs = layer(*arguments, **keywords)
    return keras.layers.Rescaling(1 / KEEP)(outputs) if isinstance(layer, layers.Dropout) else outputs


def difference(one, other, x):
    return np.abs(np.asarray(one(x, training=False)) - np.asarray(other(x, training=False))).max()


def draw(figure, data):
    left, right = figure.subplots(1, 2)
    for name, color, text in (("plain", BLACK, "without dropout"), ("dropout", BLUE, "with dropout")):
        curves = [run["curve"] for run in data[name]]
        draw_band(left, curves[0].steps[1:], [curve.test_loss[1:] for curve in curves], color, label=text)
    left.set_ylim(0, None)
    left.legend(loc="lower right")
    plain(left, "learning few images by heart", "step", "test loss (cross-entropy)")
    draw_dots(right, data["shown"], (BLACK, ORANGE, GREEN, BLUE), "test accuracy, %")


if __name__ == "__main__":
    main(sys.modules[__name__])
