"""Where the images of one split lie, addressed by index: pixels of equal size in memory, or encoded files.

A dataset made by a store is an ordinary `tf.data.Dataset` of (raw image, label). `store_of` finds the store behind it, so that
the pipeline can go straight to the encoded bytes, shuffle by index, and start in the middle without reading what it skips.
"""

import weakref

import numpy as np
import tensorflow as tf

from nntricks_keras.data.decoding import decode

_STORE_BEHIND = weakref.WeakKeyDictionary()


def store_of(dataset):
    """The store that `dataset` was made from, or None for a dataset from elsewhere."""
    return _STORE_BEHIND.get(dataset)


class PixelStore:
    """Images of one size as one uint8 tensor (number, height, width, channels); `labels` is a NumPy int64 vector."""

    def __init__(self, images, labels):
        # Captured by graphs as a tensor of the CPU: a constant could not pass 2 GB, and would be copied.
        with tf.device("CPU"):
            self.images = tf.convert_to_tensor(images)
        self.labels = np.asarray(labels, np.int64)

    def __len__(self):
        return len(self.labels)

    @property
    def image_shape(self):
        """(height, width, channels)."""
        return tuple(self.images.shape[1:])

    def subset(self, indices):
        """The store of these images, in this order."""
        with tf.device("CPU"):
            return PixelStore(tf.gather(self.images, indices), self.labels[indices])

    def image(self, index):
        """Pixels of one image or of a vector of indices."""
        return tf.gather(self.images, index)

    def dataset(self):
        """(raw image, label) of every image, in order."""
        return _dataset(self, self.image)


class EncodedStore:
    """Encoded images: read from the files `names`, or from `contents`, a string tensor, when that is given."""

    def __init__(self, names, labels, contents=None, num_channels=3):
        with tf.device("CPU"):
            self.names = tf.convert_to_tensor(names, tf.string)
            self.contents = None if contents is None else tf.convert_to_tensor(contents, tf.string)
        self.labels = np.asarray(labels, np.int64)
        self.num_channels = num_channels

    def __len__(self):
        return len(self.labels)

    @property
    def image_shape(self):
        """(None, None, channels): the images differ in size."""
        return (None, None, self.num_channels)

    def subset(self, indices):
        """The store of these images, in this order."""
        with tf.device("CPU"):
            contents = None if self.contents is None else tf.gather(self.contents, indices)
            return EncodedStore(tf.gather(self.names, indices), self.labels[indices], contents, self.num_channels)

    def encoded(self, index):
        """Bytes of one image."""
        if self.contents is not None:
            return tf.gather(self.contents, index)
        return tf.io.read_file(tf.gather(self.names, index))

    def image(self, index):
        """Pixels of one image."""
        return decode(self.encoded(index), tf.gather(self.names, index), self.num_channels)

    def dataset(self):
        """(raw image, label) of every image, in order."""
        return _dataset(self, self.image)


def _dataset(store, image):
    with tf.device("CPU"):
        labels = tf.convert_to_tensor(store.labels)
    dataset = tf.data.Dataset.range(len(store)).map(
        lambda index: (image(index), tf.gather(labels, index)), num_parallel_calls=tf.data.AUTOTUNE
    )
    _STORE_BEHIND[dataset] = store
    return dataset
