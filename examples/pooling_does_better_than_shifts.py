"""Shifts need not be added to the training images: pooling does better.

Claim     slide 12: should shifts be added to the augmentation? No: better to add pooling.
Source    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition" (1998), section
          2; against it Azulay and Weiss, "Why do deep convolutional networks generalize so poorly to small image
          transformations?" (2019).
Command   python -m examples.pooling_does_better_than_shifts [--full]
Method    Two networks of equal parameters: convolutions followed by 2 x 2 maximum pooling, or with strides of 2. Each
          is trained with and without shifts of the images, at its own best rate, which falls by a half cosine to 0, and
          tested on the test images as they are and shifted. Shifts are whole pixels, up to a seventh of the side each
          way, filled with background.
Note      Pooling forgives a pixel or so of its own map; training on shifts teaches all of them, at the cost of images
          that are centred as the training images were.
Measured  depends (2 cores of Intel(R) Xeon(R) Processor, 39 s, 2026-11-24)
          refuted: on shifted test images pooling without shifts in training is better than strides with them
            (difference of accuracies): -0.253 (-0.261 .. -0.245), n = 5
          confirmed: so it is on the test images as they are: 0.0553 (0.0451 .. 0.0655), n = 5
          confirmed: pooling in place of strides is better on shifted test images, without shifts in training: 0.103
            (0.0902 .. 0.116), n = 5
          refuted: with pooling, shifts in training do not help on shifted test images (difference of accuracies): 0.277
            (0.261 .. 0.294), n = 5
          confirmed: nor on the test images as they are: -0.0354 (-0.0511 .. -0.0197), n = 5
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from examples.measuring.claims import Check
from examples.measuring.dots import draw_dots
from examples.measuring.drawing import BLUE, ORANGE
from examples.measuring.fitting import evaluate, fashion, fit
from examples.measuring.rates import best_rate
from examples.measuring.running import Result, main
from examples.measuring.small import conv_net, cooling, small_fashion

NUMBER = 15
SIZES = {
    "tiny": {"side": 14, "filters": (4, 4), "num_images": 200, "num_steps": 20, "rates": (0.03,)},
    "default": {"side": 14, "filters": (8, 16), "num_images": 3000, "num_steps": 1000, "rates": (0.02, 0.05)},
    "full": {"side": 28, "filters": (16, 32, 64), "num_images": 9990, "num_steps": 8000, "rates": (0.01, 0.03, 0.1)},
}
PLAIN, SHIFTS = "no shifts in training", "shifts in training"


def measure(settings, seeds):
    accuracy = {  # (downsampling, training): (seeds, [test images as they are, shifted])
        (downsampling, training): runs(settings, seeds, downsampling, training == SHIFTS)
        for downsampling in ("pooling", "strides")
        for training in (PLAIN, SHIFTS)
    }
    pooling, strides_and_shifts = accuracy["pooling", PLAIN], accuracy["strides", SHIFTS]
    gain_of_shifts = accuracy["pooling", SHIFTS] - pooling
    gain_of_pooling = pooling - accuracy["strides", PLAIN]
    checks = (
        Check(
            "on shifted test images pooling without shifts in training is better than strides with them (difference of "
            "accuracies)",
            (pooling - strides_and_shifts)[:, 1],
            0.0,
        ),
        Check("so it is on the test images as they are", (pooling - strides_and_shifts)[:, 0], 0.0),
        Check(
            "pooling in place of strides is better on shifted test images, without shifts in training",
            gain_of_pooling[:, 1],
            0.0,
        ),
        Check(
            "with pooling, shifts in training do not help on shifted test images (difference of accuracies)",
            gain_of_shifts[:, 1],
            0.0,
            above=False,
        ),
        Check("nor on the test images as they are", gain_of_shifts[:, 0], 0.0, above=False),
    )
    return Result(checks, accuracy)


def runs(settings, seeds, downsampling, with_shifts):
    """Test accuracies on the images as they are and shifted, (seeds, 2)."""
    images = (small_fashion() if settings["side"] == 14 else fashion()).first(settings["num_images"])
    largest, background = settings["side"] // 7, float(images.x_train.min())

    def change(x):
        return shifted(x, largest, background)

    def train(rate, seed, tested=None):
        model = conv_net(images.x_train.shape[1:], seed, filters=settings["filters"], downsampling=downsampling)
        num_steps = settings["num_steps"]
        optimizer = cooling(rate, num_steps)
        augmentation = change if with_shifts else None
        settled = {"num_steps": num_steps, "every": num_steps, "optimizer": optimizer, "change": augmentation}
        curve = fit(model, images, rate=rate, seed=seed, **settled)
        if tested is not None:
            keras.utils.set_random_seed(seed)  # of the shifts, the same for every variant
            moved = change(tf.constant(images.x_test)).numpy()
            tested.append((curve.accuracy[-1], evaluate(model, moved, images.y_test)[0]))
        return curve

    rate, _ = best_rate(train, settings["rates"], lambda curve: -curve.accuracy[-1])
    tested = []
    for seed in seeds:
        train(rate, seed, tested)
    return np.array(tested)


def shifted(images, largest, background):
    """Each image moved by a whole number of pixels, up to `largest` each way."""
    number, side = tf.shape(images)[0], images.shape[1]
    offsets = tf.random.uniform([2, number, 1], 0, 2 * largest + 1, tf.int32) + tf.range(side)
    edge = [largest, largest]
    padded = tf.pad(images, [[0, 0], edge, edge, [0, 0]], constant_values=background)
    return tf.gather(tf.gather(padded, offsets[0], axis=1, batch_dims=1), offsets[1], axis=2, batch_dims=1)


def draw(figure, data):
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for place, (panel, title) in enumerate(
        zip(panels, ("test images as they are", "shifted test images"), strict=True)
    ):
        rows = {f"{name}, {training}": values[:, place] for (name, training), values in data.items()}
        draw_dots(panel, rows, (BLUE, BLUE, ORANGE, ORANGE), f"test accuracy, %: {title}")


if __name__ == "__main__":
    main(sys.modules[__name__])
