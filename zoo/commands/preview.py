"""Draw a grid of images beside their augmented versions to a PNG."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from zoo.commands import load_keras_quietly


@dataclass(frozen=True)
class Preview:
    """Draw a grid: each row an image, then what training sees of it."""

    data: str = "fashion_mnist_mini"
    """A TFDS name or a folder of class folders."""
    data_dir: Path | None = None
    """Where TensorFlow Datasets keeps prepared sets."""
    preset: str = "flip"
    """Name of the augmentation; flip is that of the default recipe."""
    changes: tuple[str, ...] = ()
    """Settings on top of the preset, as JSON, for example rotation=15 "zoom=[0.9, 1.1]"."""
    image_size: tuple[int, int] | None = None
    """Height and width, pixels; by default the first image's."""
    out: Path = Path("preview.png")
    """The PNG to write."""
    num_images: int = 6
    """Rows."""
    num_variants: int = 6
    """Augmented columns."""
    seed: int = 0
    """Of the augmentation."""


def main(argv: list[str]) -> int:
    settings = tyro.cli(Preview, args=argv, prog="python -m zoo preview")
    load_keras_quietly()

    from nntricks_keras import data

    augmentation = _augmentation(settings)
    images = data.load(settings.data, data_dir=settings.data_dir).train
    data.preview(
        images,
        augmentation,
        settings.out,
        image_size=settings.image_size,
        num_images=settings.num_images,
        num_variants=settings.num_variants,
        seed=settings.seed,
    )
    print(f"wrote {settings.out}")
    return 0


def _augmentation(settings):
    import json

    from nntricks_keras.data import Augmentation
    from nntricks_keras.errors import InputError
    from nntricks_keras.serialization import from_dict, to_dict

    values = to_dict(Augmentation.preset(settings.preset))
    for change in settings.changes:
        name, _, value = change.partition("=")
        try:
            values[name] = json.loads(value)
        except json.JSONDecodeError:
            raise InputError(f"changes are NAME=VALUE with a JSON value, received {change!r}") from None
    return from_dict(Augmentation, values)
