"""Where each pixel of an augmented image comes from: all geometric tricks of one image as one affine map.

Everything here is vectorized over a batch of images, and holds for a batch of one. Coordinates are continuous and in
(y, x) order: pixel k covers [k, k + 1), so the centre of the first one lies at 0.5.
"""

import math

import tensorflow as tf

from nntricks_keras.data.randomness import uniform

# As in torchvision: so many random resized crops are tried before the largest central one is taken.
_CROP_TRIES = 10


def sample_affine(keys, picture_size, image_size, resize, augmentation, operations=None):
    """The map from the output to the picture, for each image.

    Args:
        keys: (batch,) from `image_keys`.
        picture_size: (batch, 2) float32 height and width of the pictures.
        image_size: height and width of the output.
        resize: short side that `Preprocessing` resizes to, where the augmentation does not say how to crop.
        augmentation: `Augmentation`.
        operations: further affine maps in pixels about the output's centre, each (linear (batch, 2, 2), offset
            (batch, 2)), applied to the result of the others in this order (RandAugment's); inverse, from where to
            whence.

    Returns:
        linear (batch, 2, 2) and offset (batch, 2): output place p is seen at picture place linear p + offset.
    """
    size = tf.constant(image_size, tf.float32)
    centre, extent = _crop_box(keys, picture_size, size, resize, augmentation)
    linear, shift = _about_the_centre(keys, size, augmentation)
    for further_linear, further_shift in operations or ():
        shift = shift + tf.linalg.matvec(linear, further_shift)
        linear = tf.matmul(linear, further_linear)
    pixels = extent / size  # of the picture, in one of the output
    linear = pixels[:, :, None] * linear
    return linear, centre + pixels * shift - tf.linalg.matvec(linear, tf.broadcast_to(size / 2, tf.shape(centre)))


def _crop_box(keys, picture, size, resize, augmentation):
    """Centre and extent (batch, 2) of the part of the picture that fills the output, in its pixels."""
    covering = tf.reduce_max(size / picture, axis=-1)
    short = tf.reduce_min(picture, axis=-1)
    if augmentation.crop_area:
        extent = _random_resized_extent(keys, picture, augmentation)
    elif augmentation.short_side:
        low, high = augmentation.short_side
        chosen = tf.floor(low + uniform(keys, 1, "short side")[:, 0] * (high - low + 1))
        extent = size / tf.maximum(covering, chosen / short)[:, None]
    elif resize:
        extent = size / tf.maximum(covering, resize / short)[:, None]
    else:
        extent = size / covering[:, None]
    if augmentation.crop_area or augmentation.short_side:
        return extent / 2 + uniform(keys, 2, "crop place") * (picture - extent), extent
    return picture / 2, extent


def _random_resized_extent(keys, picture, augmentation):
    draws = uniform(keys, 2 * _CROP_TRIES, "random resized crop")
    low, high = augmentation.crop_area
    area = (low + draws[:, :_CROP_TRIES] * (high - low)) * tf.reduce_prod(picture, axis=-1)[:, None]
    aspect = tf.exp(_between(draws[:, _CROP_TRIES:], *map(math.log, augmentation.crop_aspect)))
    tries = tf.sqrt(tf.stack([area / aspect, area * aspect], -1))
    fits = tf.reduce_all(tries <= picture[:, None], axis=-1)
    # The largest central crop of an aspect that is allowed.
    narrowest, widest = augmentation.crop_aspect
    fallback = tf.minimum(picture, picture[:, ::-1] * tf.constant([1 / narrowest, widest]))
    chosen = tf.gather(tries, tf.argmax(fits, axis=-1), batch_dims=1)
    return tf.where(tf.reduce_any(fits, axis=-1)[:, None], chosen, fallback)


def _about_the_centre(keys, size, augmentation):
    """Flips, rotation, shear, zoom and shifts in pixels of the output, inverse: (batch, 2, 2) and (batch, 2)."""
    batch = tf.shape(keys)[0]
    draws = uniform(keys, 10, "geometry")
    one = tf.ones([batch])
    linear = tf.eye(2, batch_shape=[batch])
    shift = tf.zeros([batch, 2])
    if augmentation.vertical_flip or augmentation.horizontal_flip:
        flips = tf.constant([augmentation.vertical_flip, augmentation.horizontal_flip])
        linear = tf.linalg.diag(tf.where((draws[:, :2] < 0.5) & flips, -1.0, 1.0))
    if augmentation.rotation:
        linear = tf.matmul(linear, rotation(_angle(draws[:, 2], augmentation.rotation)))
    if augmentation.shear:
        slant = tf.tan(_angle(draws[:, 3:5], augmentation.shear))
        linear = tf.matmul(linear, _matrix(one, slant[:, 0], slant[:, 1], one))
    if augmentation.zoom != (1.0, 1.0):
        magnified = tf.exp(_between(draws[:, 5], *map(math.log, augmentation.zoom)))
        linear = linear / magnified[:, None, None]
    if augmentation.shift:
        shift += _between(draws[:, 6:8], -augmentation.shift, augmentation.shift) * size
    if augmentation.padding_crop:
        reach = augmentation.padding_crop
        shift += tf.floor(draws[:, 8:10] * (2 * reach + 1)) - reach
    return linear, tf.linalg.matvec(linear, shift)


def rotation(angle):
    """(batch,) radians -> (batch, 2, 2) in (y, x) order."""
    return _matrix(tf.cos(angle), -tf.sin(angle), tf.sin(angle), tf.cos(angle))


def _matrix(a, b, c, d):
    return tf.stack([tf.stack([a, b], -1), tf.stack([c, d], -1)], -2)


def _angle(draws, degrees):
    return _between(draws, -degrees, degrees) * (math.pi / 180)


def _between(draws, low, high):
    return low + draws * (high - low)


def visible_window(linear, offset, picture_size, image_size, fill):
    """Which part of the pictures an affine map shows, and how much smaller they may be decoded without losing detail.

    Returns:
        ratio: (batch,) int32, 1, 2, 4 or 8: pictures may be reduced so many times, and still shrink by less than 2
            after it.
        window: (batch, 4) int32: top, left, height, width, in pixels of the reduced picture.
    """
    # Pixels of the picture that one step down, or one to the right, of the output passes over.
    shrink = tf.reduce_min(tf.norm(linear, axis=-2), axis=-1)
    ratio = tf.where(shrink >= 8, 8, tf.where(shrink >= 4, 4, tf.where(shrink >= 2, 2, 1)))
    per_pixel = tf.cast(ratio, tf.float32)[:, None]
    corners = tf.constant([[y, x] for y in (0.5, image_size[0] - 0.5) for x in (0.5, image_size[1] - 0.5)])
    seen = (tf.einsum("bij,cj->bci", linear, corners) + offset[:, None]) / per_pixel[:, None]
    last = tf.math.ceil(picture_size / per_pixel) - 1
    low, high = tf.floor(tf.reduce_min(seen, 1) - 0.5), tf.floor(tf.reduce_max(seen, 1) + 0.5)
    if fill == "reflect":
        low, high = tf.minimum(low, 2 * last - high), tf.maximum(high, -low)
    # At least one pixel: what lies wholly outside shows the edge.
    low = tf.clip_by_value(low, 0.0, last)
    high = tf.clip_by_value(high, low, last)
    return ratio, tf.cast(tf.concat([low, high - low + 1], -1), tf.int32)


def whole_pixel_crop(linear, offset, picture_size, image_size):
    """Which maps do no more than crop, resize and mirror, and the crop rounded to whole pixels, as torchvision does it.

    Such a crop is resampled by TensorFlow's own resize, in half the time of a warp.

    Returns:
        is_crop: (batch,) bool: nothing turns or slants, and nothing outside the picture is seen.
        window: (batch, 4) int32: top, left, height, width; of use where is_crop.
        mirrored: (batch, 2) bool: top and bottom, left and right.
    """
    scale = tf.linalg.diag_part(linear)
    upright = tf.reduce_all(tf.abs(linear - tf.linalg.diag(scale)) < 1e-6, axis=(1, 2))
    ends = offset + scale * tf.constant(image_size, tf.float32)
    low, high = tf.minimum(offset, ends), tf.maximum(offset, ends)
    inside = tf.reduce_all((low > -0.01) & (high < picture_size + 0.01), axis=-1)
    limit = tf.math.ceil(picture_size)
    first = tf.clip_by_value(tf.round(low), 0.0, limit - 1)
    last = tf.clip_by_value(tf.round(high), first + 1, limit)
    return upright & inside, tf.cast(tf.concat([first, last - first], -1), tf.int32), scale < 0
