"""ReLU converges faster than tanh, its gradients do not vanish, and its units can die.

Claim     slide 3: ReLU is cheap, its gradients do not vanish for x > 0, in practice it speeds convergence up; but units
          can die: no activation, no update.
Source    Krizhevsky, Sutskever and Hinton (2012), "ImageNet classification with deep convolutional neural networks",
          figure 1.
Command   python -m examples.relu_converges_faster [--full]
Method    As in that figure a network of four layers (three convolutions, pooling after two, then logits) until 25 % are
          wrong, here of the test images; SGD with momentum 0.9, each activation at the best rate of its own, weights as
          derived for it (He's for ReLU, gain 1.593 for tanh); Fashion-MNIST at 14 x 14. Gradients: He's weights for
          ReLU, 1/sqrt(n) for tanh. Dead units: one hidden layer of 128, at rates up to some thirty times the best; a
          unit is dead when it is 0 on every training image.
Note      With weights of the right size for each, tanh is not slower here. This is a small network on small grey images
          in its first hundreds of steps; the paper's figure shows CIFAR-10 over tens of epochs. What ReLU keeps and
          tanh does not is the gradient's size through many layers, and four are not many.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 121 s, 2026-11-24)
          refuted: ReLU converges faster (steps to 75% accuracy, tanh over ReLU): 0.637 (0.559 .. 0.715), n = 5
          undecided: Its training loss is lower in the last quarter of the training (ReLU less tanh): 0.0195 (-0.00877
            .. 0.0478), n = 5
          confirmed: Its gradients keep their size through 20 layers (factor a layer is off 1 by): 0.00951 (0.0044 ..
            0.0146), n = 5
          confirmed: Units die at rate 1 (share of dead units, after less before): 0.708 (0.646 .. 0.769), n = 5
          confirmed: A dead unit gets no update: its weights do not move in as many more steps (largest change): 0 (0 ..
            0), n = 5
"""

import sys

import keras
import numpy as np

from examples.measuring.claims import Check
from examples.measuring.drawing import BLUE, GREEN, GREY, ORANGE, draw_accuracy, draw_band, plain, write
from examples.measuring.fitting import fashion, fit, halved
from examples.measuring.networks import activation_layer, dead_units, factor_a_layer, mlp, rms, signals
from examples.measuring.racing import race
from examples.measuring.running import Result, main
from nntricks_keras import initializers

NUMBER = 3
RATES = (0.01, 0.03, 0.1)
SIZES = {
    "tiny": {"steps": 10, "filters": (4, 4, 4), "rates": (0.03, 0.1), "images": 640, "killing": (0.1, 1.0)},
    "default": {"steps": 500, "filters": (8, 16, 32), "rates": RATES, "images": None, "killing": (0.03, 0.1, 0.3, 1.0)},
    "full": {"steps": 3000, "filters": (32, 32, 64), "rates": RATES, "images": None, "killing": (0.03, 0.1, 0.3, 1.0)},
}
TARGET, DEPTH_OF_GRADIENTS = 0.75, 20


def convolutional(activation, seed, filters):
    """Three convolutions with their activations, the first two with 2 x 2 pooling, then logits."""
    inputs = x = keras.Input((14, 14, 1))
    for layer, count in enumerate(filters):
        if layer:
            x = keras.layers.MaxPooling2D()(x)
        kernel = initializers.for_activation(activation, seed=1000 * seed + layer)
        x = keras.layers.Conv2D(count, 3, padding="same", kernel_initializer=kernel)(x)
        x = activation_layer(activation)(x)
    kernel = initializers.for_activation(activation, seed=1000 * seed + len(filters))
    return keras.Model(inputs, keras.layers.Dense(10, kernel_initializer=kernel)(keras.layers.Flatten()(x)))


def measure(settings, seeds):
    images = fashion().first(settings["images"])
    small, steps, batch = halved(images), settings["steps"], (images.x_test[:500], images.y_test[:500])
    runners = {
        name: race(
            lambda seed, name=name: convolutional(name, seed, settings["filters"]),
            small, settings["rates"], seeds, TARGET, num_steps=steps, every=max(steps // 40, 1),
        )
        for name in ("relu", "tanh")
    }  # fmt: skip
    gradients = {
        name: np.array([_gradient_sizes(name, initializer, seed, batch) for seed in seeds])
        for name, initializer in (("relu", initializers.He), ("tanh", initializers.Xavier))
    }
    end_loss = {name: np.array([curve.loss[-steps // 4 :].mean() for curve in of.best]) for name, of in runners.items()}
    factors = np.array([factor_a_layer(sizes[::-1]) for sizes in gradients["relu"]])
    dead = {rate: [_kill(images, rate, seed, steps) for seed in seeds] for rate in settings["killing"]}
    highest = dead[settings["killing"][-1]]
    checks = (
        Check(f"ReLU converges faster (steps to {TARGET:.0%} accuracy, tanh over ReLU)",
              tuple(runners["tanh"].steps / runners["relu"].steps), 1.0),
        Check("Its training loss is lower in the last quarter of the training (ReLU less tanh)",
              tuple(end_loss["relu"] - end_loss["tanh"]), 0.0, above=False),
        Check(f"Its gradients keep their size through {DEPTH_OF_GRADIENTS} layers (factor a layer is off 1 by)",
              tuple(np.abs(np.log(factors))), np.log(1.05), above=False),
        Check(f"Units die at rate {settings['killing'][-1]:g} (share of dead units, after less before)",
              tuple(one["after"] - one["before"] for one in highest), 0.0),
        Check("A dead unit gets no update: its weights do not move in as many more steps (largest change)",
              tuple(one["moved"] for one in highest), float(np.finfo("float32").tiny), above=False,
              exact=True),
    )  # fmt: skip
    return Result(checks, {"runners": runners, "gradients": gradients, "dead": dead})


def draw(figure, data):
    race_axes, backward, dying = figure.subplots(1, 3)
    for name, shown, color, height in (("relu", "ReLU", GREEN, 0.55), ("tanh", "tanh", BLUE, 0.45)):
        runner = data["runners"][name]
        draw_accuracy(race_axes, runner.best, color)
        text = f"{shown}: {runner.steps.mean():.0f} steps, rate {runner.best_rate:g}"
        write(race_axes, runner.best[0].steps[-1], height, text, color, ha="right")
        relative = data["gradients"][name] / data["gradients"][name][:, -1:]
        draw_band(backward, np.arange(1, DEPTH_OF_GRADIENTS + 1), relative, color, marker="o", markersize=3.5)
        write(backward, 4, relative.mean(axis=0)[3] * (1.7 if name == "relu" else 0.6), shown, color)
    race_axes.axhline(TARGET, color=GREY, linestyle="--", linewidth=1)
    race_axes.set_ylim(0, 1)
    plain(race_axes, f"Steps to {TARGET:.0%}, each at its best rate", "steps", "test accuracy")
    backward.set(yscale="log", ylim=(0.1, 5))
    backward.set_yticks((0.1, 0.2, 0.5, 1, 2, 5), ("0.1", "0.2", "0.5", "1", "2", "5"))
    backward.minorticks_off()
    plain(backward, "Gradient by the sums, before training", f"layer ({DEPTH_OF_GRADIENTS} is next to the loss)",
          f"relative to layer {DEPTH_OF_GRADIENTS}")  # fmt: skip
    rates = list(data["dead"])
    for what, color, place in (("before", GREY, (rates[-1], 0.04)), ("after", ORANGE, (rates[-2], 0.45))):
        shares = np.transpose([[one[what] for one in of_rate] for of_rate in data["dead"].values()])
        draw_band(dying, rates, shares, color, marker="o")
        write(dying, *place, f"{what} training", color, ha="right")
    dying.set(xscale="log", ylim=(-0.02, 1))
    dying.set_xticks(rates, [f"{rate:g}" for rate in rates])
    dying.minorticks_off()
    plain(dying, "Units that are 0 on every image", "learning rate", "share of units")


def _gradient_sizes(activation, initializer, seed, batch):
    model = mlp(activation, seed, depth=DEPTH_OF_GRADIENTS, width=128, initializer=initializer)
    return [rms(gradient) for gradient in signals(model, *batch).gradients]


def _kill(images, rate, seed, steps):
    """Shares of dead units before and after training at a rate, and how far the dead ones' weights then move."""
    model = mlp("relu", seed, depth=1, width=128, initializer=initializers.He)
    before = dead_units(model, images.x_train)
    fit(model, images, num_steps=steps, rate=rate, seed=seed, every=steps)
    after, kernel = dead_units(model, images.x_train), model.get_layer("sum1").kernel.numpy()
    fit(model, images, num_steps=steps, rate=rate, seed=seed + 1000, every=steps)
    moved = np.abs(model.get_layer("sum1").kernel.numpy() - kernel).max(axis=0)[after[0]]
    # Where no unit died nothing is shown: 1 is no confirmation.
    return {"before": before.mean(), "after": after.mean(), "moved": moved.max() if len(moved) else 1.0}


if __name__ == "__main__":
    main(sys.modules[__name__])
