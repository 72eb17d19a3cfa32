"""The names of the classes that public weights were trained on."""

from pathlib import Path


def class_names(source):
    """Names by class number of the data that weights from `source` were trained on."""
    data = "fashion_mnist" if source == "fashion_mnist" else "imagenet"
    text = (Path(__file__).parent / f"{data}_classes.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if not line.startswith("#")]
