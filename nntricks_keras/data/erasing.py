"""Random erasing (Zhong et al., 2017): a rectangle of each image, now and then, becomes the mean colour."""

import math

import tensorflow as tf

from nntricks_keras.data.randomness import uniform

# Height / width of the rectangle, uniform in its logarithm; the paper's r1 = 0.3.
_ASPECT = (0.3, 1 / 0.3)


def erase(images, keys, augmentation):
    """(batch, h, w, c) standardized images, whose mean colour is 0."""
    height, width = images.shape[1:3]
    draws = uniform(keys, 5, "erasing")
    low, high = augmentation.erasing_area
    area = (low + draws[:, 1] * (high - low)) * height * width
    log_low, log_high = map(math.log, _ASPECT)
    aspect = tf.exp(log_low + draws[:, 2] * (log_high - log_low))
    rows = rectangle_side(height, tf.sqrt(area * aspect), draws[:, 3])
    columns = rectangle_side(width, tf.sqrt(area / aspect), draws[:, 4])
    hit = (draws[:, 0] < augmentation.erasing)[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return tf.where(hit[..., None], 0.0, images)


def rectangle_side(size, length, place):
    """(batch, size) whether each row (or column) belongs to a rectangle of `length`, at a uniform `place` inside."""
    length = tf.clip_by_value(tf.round(length), 0, size)
    first = tf.floor(place * (size - length + 1))
    at = tf.range(size, dtype=tf.float32)[None]
    return (at >= first[:, None]) & (at < (first + length)[:, None])
