"""The operations of RandAugment that change levels, on float32 images (h, w, c) of grey levels from 0 to 255.

Each takes (image, strength from -1 to 1, reach) and means what Pillow's ImageOps and ImageEnhance mean by its name.
Compiled, since TensorFlow's own kernels take several times as long, most of all where one number a channel meets an
image.
"""

import tensorflow as tf

from nntricks_keras.data.as_written import compiled
from nntricks_keras.data.channels import CHANNELS


@compiled
def _autocontrast(image, strength, reach):
    low, high = _over_pixels(tf.reduce_min, image), _over_pixels(tf.reduce_max, image)
    return tf.where(high > low, (image - low) * 255 / tf.maximum(high - low, 1e-6), image)


def _equalize(image, strength, reach):
    """Not compiled: XLA counts levels slowly."""
    levels = _numbered_levels(image)
    channels = image.shape[-1]
    counts = tf.raw_ops.DenseBincount(
        input=tf.reshape(levels, [-1]), size=256 * channels, weights=tf.constant([], tf.int32)
    )
    return tf.gather(_equalizing_table(tf.reshape(counts, [channels, 256])), levels)


@compiled
def _numbered_levels(image):
    """Whole levels, those of channel k moved by 256 k, so that one count and one table serve all channels."""
    return tf.cast(tf.round(image), tf.int32) + 256 * tf.range(image.shape[-1])


def _equalizing_table(counts):
    """Pillow's: steps of the mean count of the levels in use, the brightest left out."""
    used = tf.cast(counts > 0, tf.int32) * tf.range(256)
    brightest = tf.gather(counts, tf.reduce_max(used, axis=1), batch_dims=1)
    step = ((tf.reduce_sum(counts, axis=1) - brightest) // 255)[:, None]
    table = (tf.cumsum(counts, axis=1, exclusive=True) + step // 2) // tf.maximum(step, 1)
    table = tf.where(step > 0, tf.minimum(table, 255), tf.range(256))
    return tf.cast(tf.reshape(table, [-1]), tf.float32)


@compiled
def _solarize(image, strength, reach):
    return tf.where(image >= 256 * (1 - tf.abs(strength)), 255 - image, image)


@compiled
def _posterize(image, strength, reach):
    step = 2.0 ** tf.round(tf.abs(strength) * reach.posterized_bits)
    return tf.floor(tf.round(image) / step) * step


@compiled
def _color(image, strength, reach):
    return _blend(_grey(image), image, strength, reach)


@compiled
def _contrast(image, strength, reach):
    return _blend(_grey(_over_pixels(tf.reduce_mean, image)), image, strength, reach)


@compiled
def _brightness(image, strength, reach):
    return _blend(0.0, image, strength, reach)


@compiled
def _sharpness(image, strength, reach):
    # Pillow's SMOOTH filter, 1 but for a 5 in the middle; the outermost pixels stay.
    height, width = image.shape[:2]
    if min(height, width) < 3:
        return image
    middle = image[1:-1, 1:-1]
    around = sum(image[y : y + height - 2, x : x + width - 2] for y in range(3) for x in range(3))
    change = tf.pad((around + 4 * middle) / 13 - middle, [[1, 1], [1, 1], [0, 0]])
    return _blend(image + change, image, strength, reach)


def _over_pixels(reduce, image):
    """(h, w, c) -> (c,); over rows first: XLA takes whole rows at once, but single pixels one by one."""
    height, width, channels = image.shape
    return reduce(tf.reshape(reduce(tf.reshape(image, [height, width * channels]), 0), [width, channels]), 0)


def _blend(other, image, strength, reach):
    return tf.clip_by_value(other + (1 + strength * reach.enhancement) * (image - other), 0.0, 255.0)


def _grey(image):
    luma = tf.constant(CHANNELS["grey"][0]) if image.shape[-1] == 3 else tf.ones([1])
    return tf.reduce_sum(image * luma, -1, keepdims=True)


PHOTOMETRIC = {
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "solarize": _solarize,
    "posterize": _posterize,
    "color": _color,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
}
