"""Seconds of training until the validation images are that well told apart: our recipes beside the textbook network.

    python -m benchmarks.time_to_accuracy [NETWORK ...] [--data NAME] [--data-dir DIR] [--seeds 0 1 2] [--write]

NETWORK is one of NETWORKS; without one, all. The textbook's is the convolutional network of Keras's introductory
example (two convolutions with max pooling, dropout, Adam, batches of 128, 15 epochs, pixels divided by 255), trained by
a bare `model.fit` on arrays in memory. Ours is `vgg_mini` by the recipe of that name, as `python -m zoo train` does it.
All see the same training and validation images, loaded beforehand. The clock is the same for all, from before the
network is built to the end of the first epoch that reaches the mark: tracing and validation are in it, and of ours the
look before the training, checkpoints and curves.
"""

import argparse
import dataclasses
import functools
import statistics
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

import zoo
from benchmarks.pages import RESULTS, machine, versions, write_rows, write_table
from zoo.experiment import load_data

PAGE = Path(__file__).with_name("accuracy.md")
MARKS = (0.88, 0.90, 0.91, 0.92, 0.93)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", choices=[*NETWORKS, []], metavar="NETWORK")
    parser.add_argument("--data", default="fashion_mnist")
    parser.add_argument("--data-dir")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--write", action="store_true", help="write the table into accuracy.md and results/")
    options = parser.parse_args()
    networks = options.networks or list(NETWORKS)  # as a default they would have to be one of the choices
    experiment = zoo.Experiment(data=options.data, data_dir=options.data_dir)
    images = load_data(experiment)
    rows = []
    for number, seed in enumerate(options.seeds):
        for name in networks if number % 2 else reversed(networks):
            history = NETWORKS[name](experiment, images, seed)
            best = max(accuracy for _, accuracy in history)
            reached = {f"seconds_to_{mark}": first(history, mark) for mark in MARKS}
            rows.append({"network": name, "seed": seed, "seconds": round(history[-1][0], 1), "best": best, **reached})
            print(rows[-1], flush=True)
    if options.write:
        write(rows, options.data)


def first(history, mark):
    """Seconds until the mark was reached; None where it never was."""
    return next((round(seconds, 1) for seconds, accuracy in history if accuracy >= mark), None)


class Clock:
    """Seconds since it was made, and the validation accuracy, at the end of each epoch.

    Args:
        accuracy: what the training calls it.
    """

    def __init__(self, accuracy):
        self.history = []
        began = time.perf_counter()
        self.callback = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: self.history.append((time.perf_counter() - began, logs[accuracy]))
        )


def textbook(experiment, images, seed):
    """(seconds since the start, validation top-1) at the end of each epoch."""
    keras.utils.set_random_seed(seed)
    (x, y), validation = as_arrays(images.train), as_arrays(images.validation)
    clock = Clock("val_accuracy")
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:]),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(64, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(images.num_classes, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, 128, 15, validation_data=validation, callbacks=[clock.callback], verbose=0)
    return clock.history


def as_arrays(dataset):
    pairs = [(image.numpy(), label.numpy()) for image, label in dataset]
    return np.stack([image for image, _ in pairs]).astype("float32") / 255, np.array([label for _, label in pairs])


def ours(name, experiment, images, seed):
    """The same of `vgg_mini` by the recipe of that name."""
    experiment = dataclasses.replace(experiment, recipe=dataclasses.replace(zoo.recipe(name), seed=seed))
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock("val_top1")
        zoo.train(experiment, Path(folder) / "run", image_data=images, callbacks=[clock.callback])
        return clock.history


NETWORKS = {"textbook": textbook, **{name: functools.partial(ours, name) for name in ("standard", "quick")}}


def write(rows, source):
    """The rows in place of those of the same images, networks, seeds and machine; then the page's table."""
    about = {"machine": machine(), "versions": ", ".join(versions(["tensorflow", "keras"]))}
    rows = [{"data": source, **row, **about} for row in rows]
    groups = {}
    for row in write_rows(RESULTS / "time_to_accuracy.csv", rows, keys=("data", "network", "seed", "machine")):
        if row["data"] == source:
            groups.setdefault((row["network"], row["machine"]), []).append(row)
    header = ["network", *(f"to {mark:.2f}" for mark in MARKS), "best", "in all", "seeds", "machine", "versions"]
    write_table(PAGE, "time to accuracy", header, [line(group) for group in groups.values()])


def line(rows):
    """A line of the table: means over the seeds of a network on one machine."""
    times = [[row[f"seconds_to_{mark}"] or None for row in rows] for mark in MARKS]
    cells = ["never" if None in column else f"{statistics.mean(map(float, column)):.0f} s" for column in times]
    best, seconds = (statistics.mean(float(row[name]) for row in rows) for name in ("best", "seconds"))
    told = "; ".join(dict.fromkeys(row["versions"] for row in rows))
    return [rows[0]["network"], *cells, f"{best:.4f}", f"{seconds:.0f} s", len(rows), rows[0]["machine"], told]


if __name__ == "__main__":
    main()
