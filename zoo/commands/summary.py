"""Show a model layer by layer: output shape, parameters, multiply-adds, receptive field."""

from dataclasses import dataclass, field

import tyro

from zoo import variants
from zoo.arguments import Arguments
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
    arguments: Arguments = field(default_factory=dict)
    """Given to the model's builder."""


def main(argv: list[str]) -> int:
    settings = tyro.cli(Summary, args=argv, prog="python -m zoo summary", config=(tyro.conf.OmitArgPrefixes,))
    variants.find(settings.model)
    load_keras_quietly()

    import zoo
    from zoo.accounting import layer_table

    shape = {name: getattr(settings, name) for name in ("input_shape", "num_classes")}
    shape = {name: value for name, value in shape.items() if value is not None}
    # Nothing is computed with the weights, and zeros are made at once.
    model = zoo.create(settings.model, **{**settings.arguments, **shape, "initializer": "zeros"})
    print(layer_table(model))
    return 0
