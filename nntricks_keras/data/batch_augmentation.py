"""The random changes of a batch of equal-sized images, without a loop over them."""

import tensorflow as tf

from nntricks_keras.data.randomness import uniform


def augment_batch(images, augmentation, keys):
    """(batch, h, w, c) -> the same shape, each image changed by numbers that depend on its key only."""
    return _move_whole_pixels(images, augmentation, keys)


def _move_whole_pixels(images, augmentation, keys):
    """Flips and whole-pixel shifts are one choice of rows and one of columns: nothing is interpolated."""
    flips = (augmentation.vertical_flip, augmentation.horizontal_flip)
    if not any(flips) and not augmentation.padding_crop:
        return images
    draws = uniform(keys, 4, "flip and shift")
    for axis in (1, 2):
        if flips[axis - 1] or augmentation.padding_crop:
            places = _places(
                images.shape[axis],
                flip=draws[:, axis - 1] < 0.5 if flips[axis - 1] else None,
                shift=draws[:, axis + 1],
                reach=augmentation.padding_crop,
                fill=augmentation.fill,
            )
            images = tf.gather(images, places, axis=axis, batch_dims=1)
    return images


def _places(size, flip, shift, reach, fill):
    """(batch, size) which row or column of the image each place of the result shows."""
    places = tf.range(size)[None, :]
    if reach:
        places = places + tf.cast(tf.floor(shift * (2 * reach + 1)), tf.int32)[:, None] - reach
        # Beyond the edge: the picture mirrored about its outermost pixel, or that pixel.
        if fill == "reflect" and size > 1:
            places = tf.abs(places)
            places = (size - 1) - tf.abs((size - 1) - places)
        places = tf.clip_by_value(places, 0, size - 1)
    if flip is not None:
        places = tf.where(flip[:, None], size - 1 - places, places)
    return places
