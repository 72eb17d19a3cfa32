"""The several views of one image that the papers average over when they test."""

import tensorflow as tf

from nntricks_keras.data.evaluation_view import evaluation_view, resize_and_crop, resized_size, standardize

GRID = 5  # crops along each side of the image at one scale


def center_view(image, preprocessing):
    """The one view of `Preprocessing`: (1, height, width, channels)."""
    return evaluation_view(image, preprocessing)[None]


def ten_crop_views(image, preprocessing):
    """Four corners and the centre of the central square, and their mirror images: (10, height, width, channels).

    Its side is `preprocessing.resize`: 256 for AlexNet's crops of 224 (Krizhevsky et al. 2012, section 4.1).
    """
    side = preprocessing.resize
    height, width = preprocessing.image_size
    square = resize_and_crop(image, (side, side), side)
    bottom, right = side - height, side - width
    corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    crops = tf.stack([square[y : y + height, x : x + width] for y, x in corners])
    return standardize(tf.concat([crops, crops[:, :, ::-1]], 0), preprocessing)


def multi_crop_views(image, preprocessing, scales):
    """At each scale a regular grid of crops over the whole image, and their mirror images.

    (50 * len(scales), height, width, channels): 150 views for three scales. Simonyan and Zisserman (2015), section 3.2.
    """
    height, width = preprocessing.image_size
    crops = []
    for scale in scales:
        whole = resize_short_side(image, scale)
        room = tf.cast(tf.shape(whole)[:2] - [height, width], tf.float32)
        for row in range(GRID):
            for column in range(GRID):
                corner = tf.cast(tf.round(room * [row / (GRID - 1), column / (GRID - 1)]), tf.int32)
                crops.append(tf.slice(whole, [*tf.unstack(corner), 0], [height, width, -1]))
    crops = tf.ensure_shape(tf.stack(crops), [GRID * GRID * len(scales), height, width, image.shape[-1]])
    return standardize(tf.concat([crops, crops[:, :, ::-1]], 0), preprocessing)


def whole_views(image, preprocessing, scale):
    """The whole image with its short side `scale`, and its mirror image: (2, any height, any width, channels)."""
    whole = resize_short_side(image, scale)
    return standardize(tf.stack([whole, whole[:, ::-1]]), preprocessing)


def resize_short_side(image, side):
    """Bilinear, antialiased, proportions kept (the long side rounded down); float32 grey levels."""
    out_size = resized_size(tf.shape(image)[:2], (1, 1), side)
    resized = tf.image.resize(image, out_size, antialias=True)
    resized.set_shape([None, None, image.shape[-1]])
    return resized
