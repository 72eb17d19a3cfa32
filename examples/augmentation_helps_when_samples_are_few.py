"""Augmentation helps when samples are few.

Claim     slide 12: millions of parameters, few samples: make new ones by flips, rotations, colour changes, scaling.
Source    Krizhevsky, Sutskever and Hinton (2012), section 4.1.
Command   python -m examples.augmentation_helps_when_samples_are_few [--full]
Method    Fashion-MNIST, another choice of images each seed, the same number of steps with and without, each variant at
          its own best rate, which falls by a half cosine to 0. Colours of grey images are brightness and contrast.
Note      With many images the changes make the task harder than so few steps can learn.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 125 s, 2026-11-24)
          confirmed: with 500 images all four together raise the test accuracy (difference): 0.0146 (0.0058 .. 0.0234),
            n = 5
          undecided: flips alone: it is higher than without (difference): 0.0045 (-0.0152 .. 0.0242), n = 5
          undecided: rotations alone: it is higher than without (difference): 0.0005 (-0.00747 .. 0.00847), n = 5
          confirmed: colours alone: it is higher than without (difference): 0.0087 (0.00368 .. 0.0137), n = 5
          undecided: scaling alone: it is higher than without (difference): 0.0021 (-0.0101 .. 0.0143), n = 5
          confirmed: all four raise it more with 500 images than with 5000 (difference of the gains): 0.0445 (0.0324 ..
            0.0566), n = 5
"""

import itertools
import sys

import numpy as np
import tensorflow as tf

from examples.measuring.claims import Check
from examples.measuring.dots import draw_dots
from examples.measuring.drawing import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED
from examples.measuring.fitting import Images, fashion, fit, halve
from examples.measuring.rates import best_rate
from examples.measuring.running import Result, main
from examples.measuring.small import conv_net, cooling
from nntricks_keras import data

NUMBER = 14
TRICKS = {
    "none": {},
    "flips": {"horizontal_flip": True},
    "rotations": {"rotation": 10.0},
    "colours": {"brightness": 0.3, "contrast": 0.3},
    "scaling": {"zoom": (0.85, 1.15)},
}
TRICKS["all four"] = {key: value for trick in TRICKS.values() for key, value in trick.items()}
CHUNK = 100  # images augmented at a time: one size, so that each trick is compiled once
COLORS = (BLACK, ORANGE, GREEN, PURPLE, RED, BLUE)
SIZES = {
    "tiny": {"few": 100, "many": 200, "pool": 400, "num_steps": 20, "rates": (0.03,)},
    "default": {"few": 500, "many": 5000, "pool": 20000, "num_steps": 800, "rates": (0.01, 0.03)},
    "full": {"few": 500, "many": 9000, "pool": 90000, "num_steps": 8000, "rates": (0.003, 0.01, 0.03, 0.1)},
}


def measure(settings, seeds):
    few, many = settings["few"], settings["many"]
    accuracy = {name: runs(settings, seeds, name, few) for name in TRICKS}
    gain = {name: accuracy[name] - accuracy["none"] for name in TRICKS}
    gain_of_many = runs(settings, seeds, "all four", many) - runs(settings, seeds, "none", many)
    alone = list(TRICKS)[1:-1]
    checks = (
        Check(f"with {few} images all four together raise the test accuracy (difference)", gain["all four"], 0.0),
        *(Check(f"{name} alone: it is higher than without (difference)", gain[name], 0.0) for name in alone),
        Check(
            f"all four raise it more with {few} images than with {many} (difference of the gains)",
            gain["all four"] - gain_of_many,
            0.0,
        ),
    )
    return Result(checks, {"accuracy": accuracy, "few": few})


def runs(settings, seeds, name, num_images):
    """Test accuracy of each seed at the best rate."""
    num_steps = settings["num_steps"]
    num_versions = -(-settings["pool"] // num_images)

    def train(rate, seed):
        images, model = augmented(name, num_images, num_versions, seed), conv_net((14, 14, 1), seed)
        optimizer = cooling(rate, num_steps)
        return fit(model, images, num_steps=num_steps, rate=rate, seed=seed, every=num_steps, optimizer=optimizer)

    rate, _ = best_rate(train, settings["rates"], lambda curve: -curve.accuracy[-1])
    return np.array([train(rate, seed).accuracy[-1] for seed in seeds])


def augmented(name, num_images, num_versions, seed):
    """Images of which the training part is a choice of `num_images`, each in `num_versions` versions; 14 x 14."""
    everything = fashion()
    chosen = np.random.default_rng(seed).choice(len(everything.x_train), num_images, replace=False)
    x, y = everything.x_train[chosen], everything.y_train[chosen]
    if name != "none":
        x, y = versions(x, y, name, num_versions)
    return Images(halve(x), y, halve(everything.x_test), everything.y_test)


def versions(x, y, name, num_versions):
    """Versions of standardized images by data.pipeline, which starts from grey levels, 0 to 255."""
    least, most = fashion().x_train.min(), fashion().x_train.max()
    std = float(255 / (most - least))
    levels = np.round((x - least) * std).astype("uint8")
    passes = data.pipeline(
        tf.data.Dataset.from_tensor_slices((levels, y.astype("int64"))),
        data.Preprocessing(x.shape[1], mean=float(-least * std), std=std, channels="grey"),
        batch_size=CHUNK,
        num_classes=10,
        augmentation=data.Augmentation(**TRICKS[name], fill="constant"),
        training=True,
        repeat=True,
    )
    x, y = zip(*itertools.islice(passes.as_numpy_iterator(), num_versions * len(x) // CHUNK), strict=True)
    return np.concatenate(x), np.concatenate(y).argmax(axis=1).astype("int32")


def draw(figure, data):
    left, right = figure.subfigures(1, 2, width_ratios=[1.1, 1])
    images = fashion().first(200)
    shown = [int(np.flatnonzero(images.y_train == label)[0]) for label in (0, 7, 9)]
    x, y = (np.repeat(part[shown], CHUNK // 2, axis=0) for part in (images.x_train, images.y_train))
    for row, name in enumerate(TRICKS):
        changed, labels = (x, y) if name == "none" else versions(x, y, name, 1)
        for column, label in enumerate(np.repeat((0, 7, 9), 2)):
            panel = left.add_subplot(len(TRICKS), 6, 6 * row + column + 1)
            panel.imshow(changed[labels == label][column % 2, ..., 0], cmap="gray", vmin=x.min(), vmax=x.max())
            panel.set(xticks=[], yticks=[])
            if column == 0:
                panel.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    panel = right.subplots()
    draw_dots(panel, data["accuracy"], COLORS, f"test accuracy after training on {data['few']} images, %")


if __name__ == "__main__":
    main(sys.modules[__name__])
