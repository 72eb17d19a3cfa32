"""What our training loop costs beside a bare `model.fit` on the same model, data, loss and optimizer.

    python -m benchmarks.training [--rounds 3] [--epochs 3] [--write]

Both train vgg_mini on the bundled images with the recipe `standard`, in an order that alternates, each in a run of its
own; the seconds of an epoch are those after the first one, which traces. An epoch of each goes before and is not
counted. Ours keeps a checkpoint, the best model, the history, TensorBoard events and the curves; the bare one validates
too and keeps nothing.
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
from benchmarks.pages import results_file, write_rows, write_table
from nntricks_keras import data, training
from nntricks_keras.data import Preprocessing

PAGE = Path(__file__).with_name("training.md")


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
    parser.add_argument("--write", action="store_true", help="keep the result: the CSV and the page's table")
    options = parser.parse_args()
    if options.epochs < 2:
        parser.error("the first epoch does not count: give at least --epochs 2")
    images, preprocessing, recipe = standard_setting(options.epochs)
    loops = {"bare": bare_seconds, "ours": our_seconds}
    times = {name: [] for name in loops}
    for number, names in alternating(loops, options.rounds):
        of_round = recipe if number else dataclasses.replace(recipe, epochs=1)
        for name in names:
            times[name].extend(loops[name](images, preprocessing, of_round))
        if number:
            told = ", ".join(f"{name} {np.mean(times[name][1 - options.epochs :]):.2f} s an epoch" for name in loops)
            print(f"round {number}: {told}", flush=True)
    ratios = np.divide(times["ours"], times["bare"])
    low, high = median_interval(ratios)
    row = {
        "rounds": options.rounds,
        "epochs, each but the first": len(ratios),
        **{f"{name}, s an epoch": round(float(np.median(times[name])), 3) for name in loops},
        "ours / bare": round(float(np.median(ratios)), 3),
        "95 % interval": f"{low:.3f} .. {high:.3f}",
    }
    print("  ".join(f"{name} {value}" for name, value in row.items()))
    if options.write:
        write_rows(results_file("training", "tensorflow"), [row])
        write_table(PAGE, "training", list(row), [list(row.values())], ["tensorflow", "keras"])


def alternating(names, rounds):
    """(round, names in an order that alternates), from round 0, which is to warm up."""
    for number in range(rounds + 1):
        yield number, list(names) if number % 2 else list(names)[::-1]


def standard_setting(epochs):
    """What `make train` trains on and how: the bundled images, their Preprocessing, the recipe `standard`."""
    images = data.load("fashion_mnist_mini")
    mean, std = data.channel_statistics(images.train)
    preprocessing = Preprocessing((28, 28), mean=mean, std=std, channels="grey")
    return images, preprocessing, dataclasses.replace(zoo.recipe("standard"), epochs=epochs)


def bare_seconds(images, preprocessing, recipe):
    """Seconds of each epoch but the first under model.fit."""
    settings = {"batch_size": recipe.batch_size, "num_classes": images.num_classes}
    steps = -(-images.counts["train"] // recipe.batch_size)
    model = zoo.vgg_mini()
    training.compile_model(model, recipe, steps)
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
