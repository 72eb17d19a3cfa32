"""The evaluation path of one image or a batch of equal size: antialiased resize, centre crop, standardization."""

import tensorflow as tf

from nntricks_keras.data.channels import channel_matrix


def evaluation_view(images, preprocessing):
    """Raw uint8 (..., h, w, 1 or 3) -> float32 (..., height, width, channels), with nothing random."""
    images = tf.convert_to_tensor(images)
    return standardize(resize_and_crop(images, preprocessing.image_size, preprocessing.resize), preprocessing)


def resize_and_crop(images, image_size, resize=None):
    """Bilinear, antialiased resize of the short side to `resize`, then the centre crop; float32 grey levels.

    Only the part that the crop keeps is computed. Rounds as torchvision does: the long side down, the crop's corner
    to even.
    """
    single = images.shape.rank == 3
    batch = images[None] if single else images
    in_size = tf.shape(batch)[1:3]
    out_size = resized_size(in_size, image_size, resize)
    if batch.shape[1:3] == tuple(image_size) and resize in (None, min(image_size)):
        crop = tf.cast(batch, tf.float32)
    else:
        corner = tf.round(tf.cast(out_size - tf.constant(image_size), tf.float32) / 2)
        crop = tf.raw_ops.ScaleAndTranslate(
            images=batch,
            size=image_size,
            scale=tf.cast(out_size, tf.float32) / tf.cast(in_size, tf.float32),
            translation=-corner,
            kernel_type="triangle",
            antialias=True,
        )
    crop.set_shape([batch.shape[0], *image_size, batch.shape[-1]])
    return crop[0] if single else crop


def resized_size(in_size, image_size, resize):
    """(height, width) after the resize: the short side is `resize`, and nothing is smaller than the crop."""
    in_size = tf.cast(in_size, tf.float64)
    target = tf.constant(image_size, tf.float64)
    scale = tf.reduce_max(target / in_size)
    if resize is not None:
        scale = tf.maximum(scale, resize / tf.reduce_min(in_size))
    # The small addend keeps 256.0 from becoming 255 by a rounding error.
    return tf.maximum(tf.cast(in_size * scale + 1e-6, tf.int32), tf.constant(image_size))


def standardize(images, preprocessing):
    """Grey levels (..., 1 or 3) -> (value - mean) / std in the order of `preprocessing.channels`."""
    num_raw = images.shape[-1]
    if num_raw not in (1, 3):
        raise ValueError(f"a raw image has 1 or 3 channels, received shape {images.shape}")
    images = tf.cast(images, tf.float32)
    if preprocessing.channels == "bgr" and num_raw == 3:
        images = images[..., ::-1]
    elif not (preprocessing.channels == "rgb" and num_raw == 3):
        matrix = channel_matrix(num_raw, preprocessing.channels)
        images = tf.linalg.matmul(images, tf.constant(matrix.T, tf.float32)) if matrix.shape != (1, 1) else images
    return (images - tf.constant(preprocessing.mean)) / tf.constant(preprocessing.std)
