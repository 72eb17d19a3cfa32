"""Measured over a data set: what `Preprocessing` standardizes with."""

import tensorflow as tf


def channel_statistics(dataset):
    """(mean, std) of each channel over all pixels of a dataset of (raw image, label), in grey levels, as tuples of floats.

    Images weigh by their number of pixels. `std` is the biased standard deviation of the pixels.
    """
    count, total, squares = 0.0, 0.0, 0.0
    sums = dataset.map(lambda image, label: _sums(image), num_parallel_calls=tf.data.AUTOTUNE)
    for number, first, second in sums.batch(256):
        count += float(tf.reduce_sum(number))
        total = total + tf.reduce_sum(first, 0)
        squares = squares + tf.reduce_sum(second, 0)
    mean = total / count
    std = tf.sqrt(squares / count - mean**2)
    return tuple(mean.numpy().tolist()), tuple(std.numpy().tolist())


def _sums(image):
    levels = tf.cast(image, tf.float64)
    number = tf.cast(tf.size(levels[..., 0]), tf.float64)
    return number, tf.reduce_sum(levels, [0, 1]), tf.reduce_sum(levels**2, [0, 1])
