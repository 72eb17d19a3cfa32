"""Moving averages free BatchNorm's predictions of the noise of the batch.

Claim     slide 10: mean and variance come from the current batch in training and from a moving average at test time:
          no noise in a prediction.
Source    Ioffe and Szegedy, "Batch normalization" (2015), algorithm 2.
Command   python -m examples.moving_averages_make_predictions_steady [--full]
Method    The same trained network predicts the same test images many times, each time among other test images. Noise is
          the standard deviation of a logit over these times, averaged over images and classes. A mean of n examples has
          an error of sigma / sqrt(n), so four times the batch should halve the noise.
Measured  confirmed (2 cores of Intel(R) Xeon(R) Processor, 48 s, 2026-11-24)
          confirmed: by batches of 16, other neighbours change the predicted class of some images (share): 0.173 (0.157
            .. 0.188), n = 5
          confirmed: by moving averages, other neighbours change no logit by more than rounding (largest change): 0 (0
            .. 0), n = 5
          confirmed: moving averages are right more often than batches of 16 (difference of accuracies): 0.0457 (0.04 ..
            0.0515), n = 5
          confirmed: the noise falls as 1 / sqrt(batch): from 16 to 64 by 2, within a quarter (distance of the ratio
            from 2): 0.0375 (0.0103 .. 0.0648), n = 5
"""

import functools
import sys

import numpy as np
import tensorflow as tf

from examples.measuring.claims import Check
from examples.measuring.drawing import BLUE, ORANGE, plain
from examples.measuring.fitting import fit
from examples.measuring.running import Result, main
from examples.measuring.small import perceptron, small_fashion

NUMBER = 12
SIZES = {
    "tiny": {"num_steps": 20, "num_images": 64, "times": 4, "batches": (16, 64)},
    "default": {"num_steps": 500, "num_images": 1024, "times": 20, "batches": (4, 8, 16, 32, 64, 128, 256)},
    "full": {"num_steps": 5000, "num_images": 1024, "times": 100, "batches": (4, 8, 16, 32, 64, 128, 256, 512)},
}


def measure(settings, seeds):
    rows = [one_network(settings, seed) for seed in seeds]
    at_16 = settings["batches"].index(16)
    at_64 = settings["batches"].index(64)
    noise = np.array([row["noise"] for row in rows])
    changed = np.array([row["changed"] for row in rows])
    accuracy = np.array([row["accuracy"] for row in rows])
    moving = np.array([row["moving_accuracy"] for row in rows])
    checks = (
        Check(
            "by batches of 16, other neighbours change the predicted class of some images (share)",
            changed[:, at_16],
            0.0,
        ),
        Check(
            "by moving averages, other neighbours change no logit by more than rounding (largest change)",
            [row["moving_change"] for row in rows],
            1e-4,
            above=False,
            exact=True,
        ),
        Check(
            "moving averages are right more often than batches of 16 (difference of accuracies)",
            moving - accuracy[:, at_16],
            0.0,
        ),
        Check(
            "the noise falls as 1 / sqrt(batch): from 16 to 64 by 2, within a quarter (distance of the ratio from 2)",
            np.abs(noise[:, at_16] / noise[:, at_64] - 2),
            0.5,
            above=False,
        ),
    )
    return Result(checks, {"batches": settings["batches"], "noise": noise, "accuracy": accuracy, "moving": moving})


def one_network(settings, seed):
    """Trains a network and predicts with it, by moving averages and by batches of each size."""
    images = small_fashion()
    model = perceptron((14, 14, 1), (64, 64, 64), seed, norm="before")
    fit(model, images.first(10000, 100), num_steps=settings["num_steps"], rate=0.03, seed=seed, every=10**6)
    x, y = images.x_test[: settings["num_images"]], images.y_test[: settings["num_images"]]
    rng = np.random.default_rng(seed)
    by_moving, by_batch = (tf.function(functools.partial(model, training=training)) for training in (False, True))
    # Prediction by batch statistics moves the averages, so that theirs comes first.
    moving = [predict(by_moving, x, rng, 16) for _ in range(2)]
    noise, accuracy, changed = [], [], []
    for batch in settings["batches"]:
        logits = np.stack([predict(by_batch, x, rng, batch) for _ in range(settings["times"])])
        classes = logits.argmax(axis=-1)  # (times, images)
        noise.append(logits.std(axis=0, ddof=1).mean())
        accuracy.append((classes == y).mean())
        changed.append((classes[0] != classes[1]).mean())
    return {
        "noise": noise,
        "accuracy": accuracy,
        "changed": changed,
        "moving_accuracy": (moving[0].argmax(axis=-1) == y).mean(),
        "moving_change": np.abs(moving[0] - moving[1]).max(),
    }


def predict(model, x, rng, batch):
    """Logits of the images in their order, each predicted among others drawn anew."""
    order = rng.permutation(len(x))
    parts = [model(x[order[start : start + batch]]) for start in range(0, len(x), batch)]
    logits = np.empty((len(x), 10))
    logits[order] = np.concatenate([np.asarray(part) for part in parts])
    return logits


def draw(figure, data):
    batches = np.array(data["batches"])
    left, right = figure.subplots(1, 2)
    mean = data["noise"].mean(axis=0)
    left.loglog(batches, data["noise"].T, color=ORANGE, alpha=0.35, linewidth=1)
    left.loglog(batches, mean, "o-", color=ORANGE, label="measured, batch statistics")
    law = mean[-1] * np.sqrt(batches[-1] / batches)
    left.loglog(batches, law, "--", color="0.4", label="1 / sqrt(batch)")
    left.set_yticks((0.25, 0.5, 1, 2), ("0.25", "0.5", "1", "2"))
    left.annotate("moving averages: none", (0.05, 0.06), xycoords="axes fraction", color=BLUE, fontsize=10)
    right.semilogx(batches, 100 * data["accuracy"].T, color=ORANGE, alpha=0.35, linewidth=1)
    right.semilogx(batches, 100 * data["accuracy"].mean(axis=0), "o-", color=ORANGE, label="batch statistics")
    right.axhline(100 * data["moving"].mean(), color=BLUE, label="moving averages")
    for panel in (left, right):
        panel.set_xticks(batches, batches)
        panel.minorticks_off()
        panel.legend()
    plain(left, "how far other neighbours move a logit", "images in the batch", "standard deviation of a logit")
    plain(right, "the same networks", "images in the batch", "test accuracy, %")


if __name__ == "__main__":
    main(sys.modules[__name__])
