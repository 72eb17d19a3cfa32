"""Show a model layer by layer: output shape, parameters, multiply-adds, receptive field."""

from dataclasses import dataclass
from typing import Literal

import tyro

from zoo import variants
from zoo.commands import load_keras_quietly


@dataclass(frozen=True)
class Summary:
    """Show a model layer by layer: output shape, parameters, multiply-adds per image, receptive field in pixels."""

    model: tyro.conf.Positional[str]
    """Name of a model (`python -m zoo list`)."""
    input_shape: tuple[int, int, int] | None = None
    """Height, width and channels of the images; by default the published ones."""
    num_classes: int | None = None
    """Number of logits; by default the published number."""
    head: Literal["dense", "conv", "pool"] | None = None
    """Dense as published, the same as convolutions, or global average pooling."""
    norm: Literal["auto", "none", "batch", "lrn"] = "auto"
    """On the convolutions; auto is the variant's own."""
    activation: str = "relu"
    """Name of the activation."""
    width: float = 1.0
    """Multiplies the channels."""


def main(argv: list[str]) -> int:
    settings = tyro.cli(Summary, args=argv, prog="python -m zoo summary")
    variants.find(settings.model)
    load_keras_quietly()

    import zoo
    from zoo.accounting import layer_table

    chosen = {name: getattr(settings, name) for name in ("input_shape", "num_classes", "head")}
    model = zoo.create(
        settings.model,
        **{name: value for name, value in chosen.items() if value is not None},
        norm=None if settings.norm == "none" else settings.norm,
        activation=settings.activation,
        width=settings.width,
        initializer="zeros",  # nothing is computed with it, and zeros are made at once
    )
    print(layer_table(model))
    return 0
