"""Image files in, ranked class names out."""

import csv
import os
from pathlib import Path

import keras
import numpy as np

from nntricks_keras.data.decoding import decode_with_pillow
from nntricks_keras.data.folder_source import image_files
from nntricks_keras.errors import InputError
from zoo.chosen import choose


def predict_files(model_or_run, paths, *, top=5, batch_size=32):
    """The likeliest classes of each image.

    Args:
        model_or_run: a run folder, or the name of a model with public weights.
        paths: image files, and folders whose images are taken at any depth.
        top: classes to name.
        batch_size: images at a time.

    Returns:
        (predictions, unreadable): a list of (path, [(class name, probability), ...]) and one of (path, reason).

    Raises:
        InputError: no image is found, or none can be read.
    """
    files = [file for path in paths for file in (image_files(path) if os.path.isdir(path) else [path])]
    if not files:
        raise InputError(f"no image files in {', '.join(map(str, paths))}")
    chosen = choose(model_or_run)
    predictions, unreadable = [], []
    for start in range(0, len(files), batch_size):
        read, images = [], []
        for file in files[start : start + batch_size]:
            try:
                images.append(chosen.preprocessing.apply(_pixels(file, chosen.preprocessing.num_channels)))
                read.append(file)
            except (OSError, ValueError) as error:
                unreadable.append((file, str(error).splitlines()[0]))
        if images:
            logits = chosen.model.predict_on_batch(np.stack(images))
            predictions += zip(read, rank(logits, chosen.class_names, top), strict=True)
    if not predictions:
        raise InputError(f"none of the {len(files)} images can be read; {unreadable[0][0]}: {unreadable[0][1]}")
    return predictions, unreadable


def _pixels(file, num_channels):
    return decode_with_pillow(Path(file).read_bytes(), file, num_channels)


def rank(logits, class_names, top):
    """[(class name, probability), ...] of the `top` likeliest classes, for each row of logits (batch, classes)."""
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(keras.ops.cast(logits, "float32"), axis=-1))
    order = np.argsort(-probabilities, axis=-1, kind="stable")[:, :top]
    return [
        [(class_names[number], float(row[number])) for number in numbers]
        for row, numbers in zip(probabilities, order, strict=True)
    ]


def write_csv(path, predictions):
    """A row for each image and rank: image, rank, class, probability."""
    try:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["image", "rank", "class", "probability"])
            for image, ranked in predictions:
                writer.writerows([image, number, *one] for number, one in enumerate(ranked, start=1))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
