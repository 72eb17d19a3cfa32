"""The pixels of augmented images: one bilinear warp, one colour matrix, one rectangle erased, standardized, in one
pass.

The functions are compiled by XLA, also inside tf.data: TensorFlow's own warp takes several times as long for the
geometry alone. XLA compiles for each shape; hence pictures come as flat buffers of a few lengths. It fuses all it is
given at once, and would find the place of each pixel anew for every channel and neighbour: hence two functions.
"""

import tensorflow as tf


def find_places(window, picture_size, linear, offset, image_size, fill, separable):
    """Which pixels of its window each pixel of the output lies between.

    Args:
        window: (batch, 4) int32, top, left, height and width of what was decoded of the pictures.
        picture_size: (batch, 2) float32, of the (reduced) pictures.
        linear, offset: from a place of the output to one of the picture: (batch, 2, 2), (batch, 2).
        image_size: height and width of the output.
        fill: what lies outside the picture: "reflect", "constant" (black) or "nearest".
        separable: whether no map turns or slants, so that rows and columns can be treated apart.

    Returns:
        (row before, row after, weight of the row after), the same for columns, and what is inside (None unless fill is
        "constant"): each (batch, height, width), or with 1 for the width of the rows' and the height of the columns'
        where separable.
    """
    rows = (tf.range(image_size[0], dtype=tf.float32) + 0.5)[None, :, None]
    columns = (tf.range(image_size[1], dtype=tf.float32) + 0.5)[None, None, :]
    found, inside = [], True
    for axis in (0, 1):
        step = linear[:, axis, :, None, None]
        # In units where the centre of the picture's first pixel is 0.
        place = (offset[:, axis] - 0.5)[:, None, None]
        if not (separable and axis == 1):
            place = place + step[:, 0] * rows
        if not (separable and axis == 0):
            place = place + step[:, 1] * columns
        last = (tf.math.ceil(picture_size[:, axis]) - 1)[:, None, None]
        inside = inside & (place >= -0.5) & (place <= last + 0.5)
        if fill == "reflect":
            place = tf.abs(place)
            place = last - tf.abs(last - place)
        place = place - tf.cast(window[:, axis], tf.float32)[:, None, None]
        final = tf.cast(window[:, 2 + axis] - 1, tf.float32)[:, None, None]
        place = tf.clip_by_value(place, 0.0, final)
        before = tf.floor(place)
        found.append((tf.cast(before, tf.int32), tf.cast(tf.minimum(before + 1, final), tf.int32), place - before))
    return *found, inside if fill == "constant" else None


def interpolate(pixels, first, stride, rows, columns, inside):
    """Warped images, float32 (batch, height, width, channels).

    Args:
        pixels: (any number, channels): the windows of all images, one after the other, row by row.
        first: (batch,) int32, where in `pixels` each image's window begins.
        stride: (batch,) int32, width of the windows.
        rows, columns, inside: from `find_places`.
    """
    (top, bottom, down), (left, right, across) = rows, columns
    stride, first = stride[:, None, None], first[:, None, None]
    a, b, c, d = (
        tf.cast(tf.gather(pixels, first + y * stride + x), tf.float32)
        for y, x in ((top, left), (top, right), (bottom, left), (bottom, right))
    )
    upper = a + (b - a) * across[..., None]
    lower = c + (d - c) * across[..., None]
    images = upper + (lower - upper) * down[..., None]
    return images if inside is None else tf.where(inside[..., None], images, 0.0)


def recolor(images, matrix, pivot, offset):
    """matrix raw + pivot . mean + offset, in grey levels cut to 0 to 255: (batch, h, w, raw) -> (batch, h, w, out)."""
    level = tf.reduce_sum(tf.reduce_mean(images, axis=(1, 2)) * pivot, axis=-1, keepdims=True) + offset
    mixed = level[:, None, None]
    # Not a matrix product, which XLA computes in twice the time.
    for k in range(images.shape[-1]):
        mixed = mixed + images[..., k : k + 1] * matrix[:, None, None, :, k]
    return tf.clip_by_value(mixed, 0.0, 255.0)
