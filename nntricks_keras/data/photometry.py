"""The operations of RandAugment that change levels, on float32 images (h, w, c) of grey levels from 0 to 255.

Each takes (image, strength from -1 to 1, reach) and means what Pillow's ImageOps and ImageEnhance mean by its name.
"""

import tensorflow as tf

from nntricks_keras.data.channels import CHANNELS


def _autocontrast(image, strength, reach):
    low, high = tf.reduce_min(image, (0, 1)), tf.reduce_max(image, (0, 1))
    return tf.where(high > low, (image - low) * 255 / tf.maximum(high - low, 1e-6), image)


def _equalize(image, strength, reach):
    levels = tf.cast(tf.round(image), tf.int32)
    channels = [_equalize_channel(levels[..., k]) for k in range(image.shape[-1])]
    return tf.cast(tf.stack(channels, -1), tf.float32)


def _equalize_channel(levels):
    counts = tf.math.bincount(tf.reshape(levels, [-1]), minlength=256, maxlength=256)
    # Pillow's: steps of the mean count of the levels in use, the brightest left out.
    brightest = tf.gather(counts, tf.reduce_max(levels))
    step = (tf.size(levels) - brightest) // 255
    table = (tf.cumsum(counts, exclusive=True) + step // 2) // tf.maximum(step, 1)
    return tf.where(step > 0, tf.gather(tf.minimum(table, 255), levels), levels)


def _solarize(image, strength, reach):
    return tf.where(image >= 256 * (1 - tf.abs(strength)), 255 - image, image)


def _posterize(image, strength, reach):
    step = 2.0 ** tf.round(tf.abs(strength) * reach.posterized_bits)
    return tf.floor(tf.round(image) / step) * step


def _color(image, strength, reach):
    return _blend(_grey(image), image, strength, reach)


def _contrast(image, strength, reach):
    return _blend(tf.reduce_mean(_grey(image)), image, strength, reach)


def _brightness(image, strength, reach):
    return _blend(0.0, image, strength, reach)


def _sharpness(image, strength, reach):
    # Pillow's SMOOTH filter; the outermost pixels stay.
    kernel = tf.constant([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    kernel = tf.tile(kernel[:, :, None, None], [1, 1, image.shape[-1], 1])
    if min(image.shape[:2]) < 3:
        return image
    smooth = tf.nn.depthwise_conv2d(image[None], kernel, [1, 1, 1, 1], "VALID")[0]
    change = tf.pad(smooth - image[1:-1, 1:-1], [[1, 1], [1, 1], [0, 0]])
    return _blend(image + change, image, strength, reach)


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
