"""What `data.load` returns."""

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class ImageData:
    """A labelled image set in three parts, each a `tf.data.Dataset` of (raw uint8 image, int64 label)."""

    train: tf.data.Dataset
    validation: tf.data.Dataset
    test: tf.data.Dataset
    class_names: tuple[str, ...]
    image_shape: tuple[int | None, int | None, int]
    """(height, width, channels); None where images differ."""
    counts: dict[str, int]
    """Images in "train", "validation" and "test"."""
    left_out: tuple[tuple[str, str], ...] = ()
    """(file, reason) of what `skip_bad_images` left out."""

    @property
    def num_classes(self):
        """How many classes there are."""
        return len(self.class_names)
