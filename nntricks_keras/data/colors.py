"""All linear colour tricks of one image as one matrix."""

import math

import numpy as np
import tensorflow as tf

from nntricks_keras.data.channels import CHANNELS, channel_matrix
from nntricks_keras.data.randomness import uniform

_LUMA = np.array(CHANNELS["grey"][0])
# Colours as luma and two chroma axes (YIQ, NTSC 1953): a turn of the chroma plane changes the hue and keeps the luma.
_TO_YIQ = np.array([_LUMA, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])


def is_active(augmentation):
    """Whether any linear colour trick is on."""
    return any(getattr(augmentation, name) > 0 for name in ("brightness", "contrast", "saturation", "hue", "lighting"))


def sample_colors(keys, augmentation, num_raw):
    """For each image: matrix (batch, raw, raw), pivot (batch, raw) and offset (batch, raw), such that

    new = matrix raw + (pivot . mean of raw over the image) + offset. The tricks come in the order brightness, contrast,
    saturation, hue, lighting. A grey image (raw = 1) stays grey.
    """
    draws = uniform(keys, 7, "colour")
    brightness = _about_one(draws[:, 0], augmentation.brightness)
    contrast = _about_one(draws[:, 1], augmentation.contrast)
    saturation = _about_one(draws[:, 2], augmentation.saturation)[:, None, None]
    to_rgb = np.ones((3, 1)) if num_raw == 1 else np.eye(3)
    out = tf.constant(channel_matrix(3, "grey" if num_raw == 1 else "rgb"), tf.float32)
    grey = tf.constant(np.tile(_LUMA, (3, 1)), tf.float32)
    matrix = grey + saturation * (tf.eye(3) - grey)
    if augmentation.hue:
        matrix = tf.matmul(_hue_matrix(_about_one(draws[:, 3], augmentation.hue) - 1), matrix)
    matrix = (contrast * brightness)[:, None, None] * matrix
    # Contrast's fixed point is the image's mean grey, which saturation and hue leave where it is.
    pivot = ((1 - contrast) * brightness)[:, None] * tf.constant(_LUMA @ to_rgb, tf.float32)
    offset = tf.zeros([tf.shape(keys)[0], 3])
    if augmentation.lighting:
        factors = augmentation.lighting * _normal(draws[:, 4:7])
        offset = tf.matmul(factors, tf.constant(augmentation.principal_colors, tf.float32))
    return out @ matrix @ tf.constant(to_rgb, tf.float32), pivot, tf.linalg.matvec(out, offset)


def _about_one(draws, reach):
    return 1 + (2 * draws - 1) * reach


def _normal(draws):
    """Standard normal by the inverse of its distribution function; a draw of 0 is moved off minus infinity."""
    return tf.math.ndtri(tf.maximum(draws, 2.0**-25))


def _hue_matrix(degrees):
    angle = degrees * (math.pi / 180)
    zero, one = tf.zeros_like(angle), tf.ones_like(angle)
    turn = tf.stack(
        [
            tf.stack([one, zero, zero], -1),
            tf.stack([zero, tf.cos(angle), -tf.sin(angle)], -1),
            tf.stack([zero, tf.sin(angle), tf.cos(angle)], -1),
        ],
        -2,
    )
    return tf.constant(np.linalg.inv(_TO_YIQ), tf.float32) @ turn @ tf.constant(_TO_YIQ, tf.float32)
