"""Name what is on images: the likeliest classes and their probabilities."""

from pathlib import Path
from typing import Annotated

import tyro

from zoo.commands import load_keras_quietly
from zoo.names import UsageError


def predict(
    model_or_run: tyro.conf.Positional[str],
    images: tyro.conf.Positional[tuple[str, ...]],
    /,
    csv: str | None = None,
    top: Annotated[int, tyro.conf.arg(help="classes to name for each image")] = 5,
    batch_size: Annotated[int, tyro.conf.arg(help="images at a time")] = 32,
) -> int:
    """Name what is on images: the likeliest classes and their probabilities, one centred view an image.

    Args:
        model_or_run: a run folder, or a model with public weights (`python -m zoo list`)
        images: image files, or folders of them
        csv: a file for the same as a table: image, rank, class, probability
    """
    from zoo.chosen import check_choice

    check_choice(model_or_run)
    if top < 1 or batch_size < 1:
        raise UsageError(f"--top and --batch-size are counts from 1 on, received {top} and {batch_size}")
    if not images:
        raise UsageError("no image named: give image files or folders")
    for path in images:
        if not Path(path).exists():
            raise UsageError(f"{path}: no such image file or folder")
    load_keras_quietly()

    from zoo.prediction import predict_files, write_csv

    predictions, unreadable = predict_files(model_or_run, images, top=top, batch_size=batch_size)
    for path, ranked in predictions:
        print(path)
        for name, probability in ranked:
            print(f"  {probability:7.2%}  {name}")
    if csv:
        write_csv(csv, predictions)
        print(f"written to {csv}")
    for path, reason in unreadable:
        print(f"left out {path}: {reason}")
    return 1 if unreadable else 0


def main(argv: list[str]) -> int:
    return tyro.cli(predict, args=argv, prog="python -m zoo predict")
