"""The tricks that make deep networks train, as Keras layers, initializers and tools.

Importing this package loads Keras and registers the layers and initializers, so that a saved model that uses them
loads with no `custom_objects`. The rooms that need TensorFlow are loaded when first used.
"""

import importlib

from nntricks_keras import initializers, layers

__version__ = "0.1.0"
__all__ = ["data", "evaluation", "folding", "health", "initializers", "layers", "training"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"nntricks_keras.{name}")
    raise AttributeError(f"module 'nntricks_keras' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])
