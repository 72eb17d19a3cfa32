"""A picture of what an augmentation does."""

import numpy as np
import tensorflow as tf

from nntricks_keras.data.as_written import mapped
from nntricks_keras.data.augmenter import Augmenter
from nntricks_keras.data.evaluation_view import evaluation_view
from nntricks_keras.data.mixing import mix
from nntricks_keras.data.preprocessing import Preprocessing
from nntricks_keras.data.randomness import image_keys
from nntricks_keras.data.stores import hold, store_of
from nntricks_keras.errors import InputError


def preview(dataset, augmentation, path="preview.png", *, image_size=None, num_images=6, num_variants=6, seed=0):
    """Draws a grid to a PNG: each row an image as evaluation sees it, then as training sees it in several epochs.

    Args:
        dataset: dataset of (raw image, label), as `data.load` gives.
        augmentation: `Augmentation`.
        path: of the PNG.
        image_size: (height, width) of the network's input, pixels; None: the size of the first image.
        num_images: rows; the images are spread evenly over the dataset.
        num_variants: augmented columns.
        seed: of the augmentation.

    Returns:
        The grid, uint8 (num_images * height, (1 + num_variants) * width, channels): fewer rows where the dataset has
        fewer images.

    Raises:
        InputError: an empty dataset or one of unknown length, or no row or column to draw.
    """
    length = int(dataset.cardinality())
    if length < 1:
        raise InputError(f"a preview needs a dataset of known length with an image at least; its length is {length}")
    if num_images < 1 or num_variants < 1:
        raise InputError(f"num_images and num_variants have to be at least 1, received {num_images} and {num_variants}")
    num_images = min(num_images, length)
    chosen = hold(dataset.shard(length // num_images, 0).take(num_images)).dataset()
    num_raw = chosen.element_spec[0].shape[-1]
    image_size = image_size or next(iter(chosen))[0].shape[:2]
    looks = Preprocessing(tuple(image_size), mean=0.0, std=1.0, channels="grey" if num_raw == 1 else "rgb")
    columns = [np.stack([evaluation_view(image, looks).numpy() for image, _ in chosen])]
    make = Augmenter(augmentation, looks, num_raw, seed)
    columns += [_augmented(store_of(chosen), make, tf.constant(epoch, tf.int64)) for epoch in range(num_variants)]
    grid = np.concatenate([np.concatenate(list(column), axis=0) for column in columns], axis=1)
    grid = np.round(np.clip(grid, 0, 255)).astype(np.uint8)
    _write(grid, path)
    return grid


def _augmented(store, make, epoch):
    indices = tf.range(len(store), dtype=tf.int64)
    shown = mapped(
        tf.data.Dataset.range(len(store)), lambda i: make.one(epoch, i, store.encoded(i), lambda: store.image(i))
    )
    images = tf.stack(list(shown))
    if make.augmentation.mixup or make.augmentation.cutmix:
        keys = image_keys(make.seed, epoch, indices)
        images, _ = mix(images, tf.zeros([len(store), 1]), keys, make.augmentation)
    return images.numpy()


def _write(grid, path):
    from PIL import Image

    Image.fromarray(grid[..., 0] if grid.shape[-1] == 1 else grid).save(path)
