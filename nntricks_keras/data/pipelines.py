"""`pipeline`: from raw images to the batches a network trains on."""

import numpy as np
import tensorflow as tf

from nntricks_keras.data.augmentation import Augmentation
from nntricks_keras.data.batch_augmentation import augment_batch
from nntricks_keras.data.evaluation_view import resize_and_crop, standardize
from nntricks_keras.data.order import EpochOrder
from nntricks_keras.data.randomness import image_keys
from nntricks_keras.data.stores import PixelStore, store_of
from nntricks_keras.errors import InputError

# Images of one size are kept decoded up to this many bytes.
_DECODED_LIMIT = 2**30


def pipeline(
    dataset,
    preprocessing,
    *,
    batch_size,
    num_classes,
    augmentation=None,
    training=False,
    seed=0,
    repeat=False,
    start_step=0,
    drop_remainder=False,
):
    """Batches for `fit` and `evaluate`.

    Args:
        dataset: a split of `data.load`, or any finite dataset of (uint8 image, integer label).
        preprocessing: `Preprocessing`; its evaluation path is what images go through when nothing is random.
        batch_size: images a step, over all devices.
        num_classes: length of the one-hot labels.
        augmentation: `Augmentation`, for training only.
        training: shuffle and augment. Otherwise the images come in order, unchanged by chance.
        seed: of the order and of everything random. Image i of epoch e is the same for the same seed, whatever the batch size.
        repeat: go on for ever, epochs 0, 1, 2, ... Otherwise an iteration is one epoch, and each next iteration of a
            training pipeline is shuffled and augmented anew.
        start_step: the step to begin at, counted from the start of epoch 0; what comes before it is not read.
        drop_remainder: leave out the last, smaller batch of an epoch.

    Returns:
        `tf.data.Dataset` of (float32 images (batch, height, width, channels), float32 one-hot labels (batch, num_classes)).

    Raises:
        InputError: labels out of range, an augmentation without training, an empty dataset.
    """
    if augmentation is not None and not training:
        raise InputError("an augmentation was given with training=False; evaluation has nothing random")
    if batch_size < 1:
        raise InputError(f"batch_size has to be 1 or more, received {batch_size!r}")
    store = store_of(dataset) or _hold(dataset)
    _check_labels(store.labels, num_classes)
    order = EpochOrder(len(store), batch_size, shuffle=training, seed=seed, drop_remainder=drop_remainder)
    steps = order.steps(repeat, start_step)
    augmentation = augmentation or Augmentation()
    with tf.device("CPU"):
        labels = tf.convert_to_tensor(store.labels)

    def finish(epoch, indices, images):
        images = augment_batch(images, augmentation, image_keys(seed, epoch, indices))
        return standardize(images, preprocessing), tf.one_hot(tf.gather(labels, indices), num_classes)

    if isinstance(store, PixelStore):
        batches = _from_pixels(store, steps, order, preprocessing, finish)
    else:
        batches = _from_files(store, steps, order, preprocessing, finish)
    options = tf.data.Options()
    options.deterministic = True
    # Workers take turns at the batches: every example exactly once an epoch. Sharding by files would not know of the order.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def _from_pixels(store, steps, order, preprocessing, finish):
    """Whole batches at a time: gathered, resized, augmented."""

    def load(epoch, step):
        indices = order.indices(epoch, step)
        images = resize_and_crop(store.image(indices), preprocessing.image_size, preprocessing.resize)
        return finish(epoch, indices, images)

    return steps.map(load, num_parallel_calls=tf.data.AUTOTUNE)


def _from_files(store, steps, order, preprocessing, finish):
    """One image at a time up to the batch, in parallel."""
    padded_size = order.batch_size

    def spread(epoch, step):
        indices = order.indices(epoch, step)
        # A smaller last batch is filled up with -1, so that batches never straddle two epochs.
        padding = tf.fill([padded_size - tf.size(indices)], tf.constant(-1, tf.int64))
        padded = tf.concat([indices, padding], 0)
        return tf.data.Dataset.from_tensor_slices((tf.fill([padded_size], epoch), padded))

    def load(epoch, index):
        shape = (*preprocessing.image_size, store.image_shape[-1])
        image = tf.cond(
            index < 0,
            lambda: tf.zeros(shape),
            lambda: resize_and_crop(store.image(index), preprocessing.image_size, preprocessing.resize),
        )
        image.set_shape(shape)
        return epoch, index, image

    def trim(epochs, indices, images):
        num_real = tf.reduce_sum(tf.cast(indices >= 0, tf.int32))
        return finish(epochs[0], indices[:num_real], images[:num_real])

    images = steps.flat_map(spread).map(load, num_parallel_calls=tf.data.AUTOTUNE)
    batches = images.batch(padded_size, drop_remainder=True).map(trim, num_parallel_calls=tf.data.AUTOTUNE)
    return batches.apply(tf.data.experimental.assert_cardinality(steps.cardinality()))


def _hold(dataset):
    """A dataset from elsewhere, read once and held."""
    images, labels = [], []
    for image, label in dataset.as_numpy_iterator():
        images.append(image)
        labels.append(label)
    if not images:
        raise InputError("the dataset has no image")
    return PixelStore(np.stack(images), np.array(labels))


def _check_labels(labels, num_classes):
    if labels.min() < 0 or labels.max() >= num_classes:
        bad = np.flatnonzero((labels < 0) | (labels >= num_classes))
        raise InputError(
            f"{len(bad)} labels lie outside 0 to {num_classes - 1}; the first is image {bad[0]} with label {labels[bad[0]]}"
        )
