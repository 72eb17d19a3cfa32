"""Encoded bytes to upright uint8 pixels. TensorFlow decodes the usual JPEG and PNG; Pillow takes whatever it cannot."""

import io

import numpy as np
import tensorflow as tf


def decode(contents, name, num_channels=3):
    """Scalar string -> uint8 (height, width, num_channels). `name` is what an error calls the image."""
    image = tf.cond(
        is_jpeg(contents),
        lambda: tf.io.decode_jpeg(contents, channels=num_channels, dct_method="INTEGER_ACCURATE"),
        lambda: _decode_with_pillow(contents, name, num_channels),
    )
    image.set_shape([None, None, num_channels])
    return image


def is_jpeg(contents):
    """Whether the bytes begin as a JPEG does."""
    return tf.strings.substr(contents, 0, 3) == b"\xff\xd8\xff"


def _decode_with_pillow(contents, name, num_channels):
    def run(contents, name):
        return decode_with_pillow(contents, name.decode(), num_channels)

    return tf.numpy_function(run, [contents, name], tf.uint8, stateful=False)


def decode_with_pillow(contents, name, num_channels=3):
    """Bytes -> uint8 array (height, width, num_channels), upright.

    Raises:
        InputError: naming the image and what is wrong with it.
    """
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(contents)) as image:
        image = ImageOps.exif_transpose(image)
        pixels = np.asarray(image.convert("RGB" if num_channels == 3 else "L"))
    return pixels.reshape(*pixels.shape[:2], num_channels)
