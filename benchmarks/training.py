"""What our training loop costs beside a bare `model.fit` on the same model, data, loss and optimizer.

    python -m benchmarks.training [--rounds 3] [--epochs 3]

Both train vgg_mini on the bundled images with the recipe `quick`, in turn, each in a run of its own; the seconds of an
epoch are those after the first one, which traces. Ours keeps a checkpoint, the best model, the history, TensorBoard
events and the curves; the bare one validates too and keeps nothing.
"""

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import zoo
from benchmarks.intervals import median_interval
from nntricks_keras import data, training
from nntricks_keras.data import Preprocessing
from nntricks_keras.training.losses import CrossEntropy
from nntricks_keras.training.optimizers import make_optimizer
from nntricks_keras.training.schedules import make_schedule


class Clock(keras.callbacks.Callback):
    """Seconds of each epoch, its validation included."""

    def __init__(self):
        super().__init__()
        self.ends = []

    def on_epoch_end(self, epoch, logs=None):
        self.ends.append(time.perf_counter())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    images, preprocessing, recipe = quick_setting(options.epochs)
    ratios = []
    for number in range(options.rounds):
        bare, ours = bare_seconds(images, preprocessing, recipe), our_seconds(images, preprocessing, recipe)
        ratios.extend(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
        print(f"round {number + 1}: bare {np.mean(bare):.2f} s an epoch, ours {np.mean(ours):.2f} s")
    low, high = median_interval(ratios)
    print(f"ours / bare: {np.median(ratios):.3f} ({low:.3f} .. {high:.3f}), {len(ratios)} pairs of epochs")


def quick_setting(epochs):
    """What `make train` trains on and how: the bundled images, their Preprocessing, the recipe `quick`."""
    images = data.load("fashion_mnist_mini")
    mean, std = data.channel_statistics(images.train)
    preprocessing = Preprocessing((28, 28), mean=mean, std=std, channels="grey")
    return images, preprocessing, dataclasses.replace(zoo.recipe("quick"), epochs=epochs)


def bare_seconds(images, preprocessing, recipe):
    """Seconds of each epoch but the first under model.fit."""
    settings = {"batch_size": recipe.batch_size, "num_classes": images.num_classes}
    steps = -(-images.counts["train"] // recipe.batch_size)
    model = zoo.vgg_mini()
    model.compile(
        optimizer=make_optimizer(recipe, make_schedule(recipe, steps), model),
        loss=CrossEntropy(),
        metrics=[
            keras.metrics.CategoricalAccuracy(name="top1"),
            keras.metrics.TopKCategoricalAccuracy(k=5, name="top5"),
        ],
    )
    train = data.pipeline(
        images.train, preprocessing, training=True, augmentation=recipe.augmentation, repeat=True, **settings
    )
    clock = Clock()
    model.fit(
        train,
        validation_data=data.pipeline(images.validation, preprocessing, **settings),
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        shuffle=False,
        callbacks=[clock],
        verbose=0,
    )
    return np.diff(clock.ends)


def our_seconds(images, preprocessing, recipe):
    """The same under training.train: from the end of one epoch, all that is written included, to that of the next."""
    with tempfile.TemporaryDirectory() as folder:
        run = training.train(zoo.vgg_mini, images, preprocessing, recipe, Path(folder) / "run")
        events = EventAccumulator(str(run.folder / "tensorboard"))  # written last, at the end of each epoch
        events.Reload()
        return np.diff([event.wall_time for event in events.Tensors("loss/training")])


if __name__ == "__main__":
    main()
