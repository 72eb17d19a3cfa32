"""Measured over a data set: what standardizes it, the principal axes of its colours, and weights for uneven classes."""

import numpy as np
import tensorflow as tf

from nntricks_keras.data.as_written import mapped
from nntricks_keras.data.bad_images import naming_bad_images
from nntricks_keras.data.stores import store_of
from nntricks_keras.errors import InputError


def channel_statistics(dataset):
    """(mean, std) of each channel over all pixels of a dataset of (raw image, label), in grey levels: tuples of floats.

    Every pixel of every image counts once; `std` is the biased standard deviation of the pixels.
    """
    mean, covariance = _color_moments(dataset)
    return tuple(mean.tolist()), tuple(np.sqrt(np.diag(covariance)).tolist())


def principal_colors(dataset):
    """The axes along which a dataset's colours vary, for `Augmentation.principal_colors`: three rows (red, green,
    blue).

    Row i is the i-th eigenvector of the covariance of the pixels' colours (on the scale 0 to 1), times its
    eigenvalue, times 255: AlexNet's lighting adds it times a normal draw (Krizhevsky et al., 2012, section 4.1).

    Raises:
        InputError: the images are grey.
    """
    _, covariance = _color_moments(dataset)
    if len(covariance) != 3:
        raise InputError(f"principal colours need images of 3 channels; these have {len(covariance)}")
    values, vectors = np.linalg.eigh(covariance / 255**2)
    # An eigenvector's sign is free: make its sum positive, so that the result is the same on every machine.
    vectors = vectors * np.where(vectors.sum(0) < 0, -1, 1)
    return tuple(tuple((255 * values[i] * vectors[:, i]).tolist()) for i in np.argsort(-values))


def class_weights(dataset):
    """{class: weight} for `fit(class_weight=...)`: every class weighs the same in the sum, and the mean weight of an
    image is 1."""
    store = store_of(dataset)
    labels = store.labels if store else np.array([label for _, label in dataset.as_numpy_iterator()])
    counts = np.bincount(labels)
    return {int(label): len(labels) / (np.count_nonzero(counts) * counts[label]) for label in np.flatnonzero(counts)}


def _color_moments(dataset):
    """Mean (channels,) and covariance (channels, channels) of all pixels, float64."""
    images = dataset
    if dataset.element_spec[0].shape.is_fully_defined():
        dataset = dataset.batch(256)  # whole numbers: they add up to the same bits in any order
    sums = mapped(dataset, lambda image, label: _sums(image))
    count, total, products = 0.0, 0.0, 0.0
    with naming_bad_images(images):
        for number, first, second in sums.as_numpy_iterator():
            count, total, products = count + number, total + first, products + second
    if not count:
        raise InputError("the dataset has no image")
    mean = total / count
    return mean, products / count - np.outer(mean, mean)


def _sums(image):
    # float64, as a data set sums up to 1e13 and more.
    pixels = tf.reshape(tf.cast(image, tf.float64), [-1, image.shape[-1]])
    return (
        tf.cast(tf.shape(pixels)[0], tf.float64),
        tf.reduce_sum(pixels, 0),
        tf.matmul(pixels, pixels, transpose_a=True),
    )
