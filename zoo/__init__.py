"""AlexNet and VGG exactly as published, and with every trick. Nothing heavy is loaded until it is used."""

import importlib

from zoo import variants
from zoo.variants import list_models

# Public name -> the module that holds it, imported at the first use.
_PLACES = {
    "create": "zoo.catalog",
    "card": "zoo.cards",
    "preprocessing": "zoo.cards",
    "load_weights": "zoo.weights",
    "export_weights": "zoo.weights",
    "to_conv_head": "zoo.surgery",
    "feature_extractor": "zoo.surgery",
    "freeze": "zoo.surgery",
    "Experiment": "zoo.experiment",
    "train": "zoo.experiment",
    "recipe": "zoo.recipes",
    **{name: f"zoo.{variant.family}s" for name, variant in variants.VARIANTS.items()},
}
__all__ = ["list_models", *_PLACES]


def __getattr__(name):
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'zoo' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_PLACES])
