"""Images in: sources, preprocessing, augmentation, and the pipeline that feeds training.

The settings (`Preprocessing`, `Augmentation`) load without TensorFlow; the rest is loaded when first used.
"""

import importlib

from nntricks_keras.data.augmentation import Augmentation
from nntricks_keras.data.preprocessing import Preprocessing

# Public name -> the file that defines it; these import TensorFlow.
_LAZY = {
    "ImageData": "image_data",
    "channel_statistics": "statistics",
    "check_folder": "image_checks",
    "class_weights": "statistics",
    "load": "sources",
    "naming_bad_images": "bad_images",
    "pipeline": "pipelines",
    "preview": "previews",
    "principal_colors": "statistics",
}
__all__ = ["Augmentation", "Preprocessing", *_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return getattr(importlib.import_module(f"nntricks_keras.data.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'nntricks_keras.data' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY])
