"""Seconds of training until the validation images are that well told apart: `quick` beside the textbook network.

    python -m benchmarks.time_to_accuracy [--data fashion_mnist] [--data-dir DIR] [--seeds 0 1 2] [--write]

The textbook's is the convolutional network of Keras's introductory example (two convolutions with max pooling, dropout,
Adam, batches of 128, 15 epochs, pixels divided by 255), trained by a bare `model.fit` on arrays in memory. Ours is
`vgg_mini` by the recipe `quick`, as `python -m zoo train` does it. Both see the same training and validation images;
the time is that of the epochs, tracing and validation included, up to the end of the first one that reaches the mark.
"""

import argparse
import dataclasses
import statistics
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

import zoo
from benchmarks.pages import RESULTS, machine, write_rows, write_table
from nntricks_keras import data

PAGE = Path(__file__).with_name("accuracy.md")
MARKS = (0.88, 0.90, 0.91, 0.92, 0.93)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default="fashion_mnist")
    parser.add_argument("--data-dir")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--write", action="store_true", help="write the table into accuracy.md and results/")
    options = parser.parse_args()
    rows = []
    for seed in options.seeds:
        for name, train in (("textbook", textbook), ("quick", quick)):
            history = train(options.data, options.data_dir, seed)
            best = max(accuracy for _, accuracy in history)
            reached = {f"seconds_to_{mark}": first(history, mark) for mark in MARKS}
            rows.append({"network": name, "seed": seed, "seconds": round(history[-1][0], 1), "best": best, **reached})
            print(rows[-1], flush=True)
    if options.write:
        write(rows, options.data)


def first(history, mark):
    """Seconds until the mark was reached; None where it never was."""
    return next((round(seconds, 1) for seconds, accuracy in history if accuracy >= mark), None)


def textbook(source, data_dir, seed):
    """(seconds since the start, validation top-1) at the end of each epoch."""
    keras.utils.set_random_seed(seed)
    images = data.load(source, data_dir=data_dir)
    (x, y), validation = as_arrays(images.train), as_arrays(images.validation)
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
    ends = []
    began = time.perf_counter()
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter() - began))
    fitted = model.fit(x, y, 128, 15, validation_data=validation, callbacks=[clock], verbose=0)
    return list(zip(ends, fitted.history["val_accuracy"], strict=True))


def as_arrays(dataset):
    pairs = [(image.numpy(), label.numpy()) for image, label in dataset]
    return np.stack([image for image, _ in pairs]).astype("float32") / 255, np.array([label for _, label in pairs])


def quick(source, data_dir, seed):
    """The same of `vgg_mini` by the recipe `quick`."""
    recipe = dataclasses.replace(zoo.recipe("quick"), seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        run = zoo.train(zoo.Experiment(data=source, data_dir=data_dir, recipe=recipe), Path(folder) / "run")
        history = run.history
    return [(sum(row["seconds"] for row in history[: k + 1]), row["val_top1"]) for k, row in enumerate(history)]


def write(rows, source):
    rows = [{"data": source, **row, "machine": machine()} for row in rows]
    write_rows(RESULTS / "time_to_accuracy.csv", rows)
    table = []
    for name in ("textbook", "quick"):
        of_this = [row for row in rows if row["network"] == name]
        times = [[row[f"seconds_to_{mark}"] for row in of_this] for mark in MARKS]
        cells = ["never" if None in column else f"{statistics.mean(column):.0f} s" for column in times]
        best = statistics.mean(row["best"] for row in of_this)
        table.append([name, *cells, f"{best:.4f}", f"{statistics.mean(row['seconds'] for row in of_this):.0f} s"])
    header = ["network", *(f"to {mark:.2f}" for mark in MARKS), "best", "in all"]
    write_table(PAGE, "time to accuracy", header, table, ["tensorflow", "keras"])


if __name__ == "__main__":
    main()
