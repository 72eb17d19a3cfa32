"""Where the images of one split lie, addressed by index: pixels of equal size in memory, or encoded files.

A dataset made by a store is an ordinary `tf.data.Dataset` of (raw image, label). `store_of` finds the store behind
it, so that the pipeline can go straight to the encoded bytes, shuffle by index, and start in the middle without reading
what it skips.
"""

import os
import weakref

import numpy as np
import tensorflow as tf

from nntricks_keras.data.as_written import mapped, untuned
from nntricks_keras.data.decoding import decode
from nntricks_keras.errors import InputError

# Encoded files are held in memory up to this many bytes in all.
_HOLD_LIMIT = 512 * 2**20
_STORE_BEHIND = weakref.WeakKeyDictionary()


def store_of(dataset):
    """The store that `dataset` was made from, or None for a dataset from elsewhere."""
    return _STORE_BEHIND.get(dataset)


def hold(dataset):
    """A dataset from elsewhere, read once: pixels if its images have one size, else each encoded without loss.

    Raises:
        InputError: it is empty, or its elements are not (uint8 image, integer label).
    """
    images, labels = [], []
    for element in untuned(dataset).as_numpy_iterator():
        if not _is_labelled_image(element):
            raise InputError(
                "a dataset has to yield (uint8 image (height, width, channels), integer label), received "
                f"{dataset.element_spec}"
            )
        images.append(element[0])
        labels.append(element[1])
    if not images:
        raise InputError("the dataset has no image")
    if len({image.shape for image in images}) == 1:
        return PixelStore(np.stack(images), labels)
    contents = [tf.io.encode_png(image, compression=1).numpy() for image in images]
    return EncodedStore([f"image {i}" for i in range(len(images))], labels, contents, images[0].shape[-1])


def _is_labelled_image(element):
    if not isinstance(element, tuple) or len(element) != 2:
        return False
    image, label = map(np.asarray, element)
    is_image = image.dtype == np.uint8 and image.ndim == 3
    return is_image and label.ndim == 0 and np.issubdtype(label.dtype, np.integer)


class _Store:
    """What both kinds share; `labels` is a NumPy int64 vector."""

    def __init__(self, labels):
        self.labels = np.asarray(labels, np.int64)

    def __len__(self):
        return len(self.labels)

    def dataset(self):
        """(raw image, label) of every image, in order."""
        with tf.device("CPU"):
            labels = tf.convert_to_tensor(self.labels)
        indices = tf.data.Dataset.range(len(self))
        dataset = mapped(indices, lambda index: (self.image(index), tf.gather(labels, index)))
        _STORE_BEHIND[dataset] = self
        return dataset


class PixelStore(_Store):
    """Images of one size as one uint8 tensor (number, height, width, channels)."""

    def __init__(self, images, labels):
        super().__init__(labels)
        # Captured by graphs as a tensor of the CPU: a constant could not pass 2 GB, and would be copied.
        with tf.device("CPU"):
            self.images = tf.convert_to_tensor(images)

    @property
    def image_shape(self):
        """(height, width, channels)."""
        return tuple(self.images.shape[1:])

    def subset(self, indices):
        """The store of these images, in this order."""
        with tf.device("CPU"):
            return PixelStore(tf.gather(self.images, indices), self.labels[indices])

    def cached(self, cache):
        """Itself: it is in memory."""
        return self

    def encoded(self, index):
        """None: there are no encoded bytes."""
        return

    def image(self, index):
        """Pixels of one image, or of a vector of indices."""
        return tf.gather(self.images, index)


class EncodedStore(_Store):
    """Encoded images: read from the files `names`, or from `contents`, a string tensor, when that is given."""

    def __init__(self, names, labels, contents=None, num_channels=3):
        super().__init__(labels)
        with tf.device("CPU"):
            self.names = tf.convert_to_tensor(names, tf.string)
            self.contents = None if contents is None else tf.convert_to_tensor(contents, tf.string)
        self.num_channels = num_channels
        self._held = None

    @property
    def image_shape(self):
        """(None, None, channels): the images differ in size."""
        return (None, None, self.num_channels)

    def subset(self, indices):
        """The store of these images, in this order."""
        with tf.device("CPU"):
            contents = None if self.contents is None else tf.gather(self.contents, indices)
            return EncodedStore(tf.gather(self.names, indices), self.labels[indices], contents, self.num_channels)

    def cached(self, cache):
        """A store that holds the encoded bytes in memory, where `cache` ("auto", "memory", "none") wants it."""
        if cache == "none" or self.contents is not None:
            return self
        if self._held is not None:
            return self._held
        names = [name.decode() for name in self.names.numpy()]
        if cache == "auto" and sum(map(os.path.getsize, names)) > _HOLD_LIMIT:
            return self
        contents = tf.data.Dataset.from_tensor_slices(self.names).map(tf.io.read_file, num_parallel_calls=8)
        contents = list(untuned(contents).as_numpy_iterator())
        self._held = EncodedStore(self.names, self.labels, contents, self.num_channels)
        return self._held

    def encoded(self, index):
        """Bytes of one image."""
        if self.contents is not None:
            return tf.gather(self.contents, index)
        return tf.io.read_file(tf.gather(self.names, index))

    def image(self, index):
        """Pixels of one image."""
        return decode(self.encoded(index), tf.gather(self.names, index), self.num_channels)
