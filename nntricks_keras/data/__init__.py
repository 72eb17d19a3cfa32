"""Images in: sources, preprocessing, augmentation, and the pipeline that feeds training.

The settings (`Preprocessing`, `Augmentation`) load without TensorFlow; the rest is loaded when first used.
"""

import contextlib
import importlib
import sys

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
        _leave_gpus_to_the_backend()
        return getattr(importlib.import_module(f"nntricks_keras.data.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'nntricks_keras.data' has no attribute {name!r}")


def _leave_gpus_to_the_backend():
    """Under JAX and PyTorch TensorFlow only prepares images, on the CPU; it would take nearly all of a GPU's memory."""
    keras = sys.modules.get("keras")  # not loaded for this alone
    if keras and keras.backend.backend() != "tensorflow":
        import tensorflow as tf

        with contextlib.suppress(RuntimeError):  # TensorFlow has started already: its user decides
            tf.config.set_visible_devices([], "GPU")


def __dir__():
    return sorted([*globals(), *_LAZY])
