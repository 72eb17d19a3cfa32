"""`pipeline`: from raw images to the batches a network trains on."""

from typing import Literal

import numpy as np
import tensorflow as tf

from nntricks_keras.data.as_written import as_written, mapped
from nntricks_keras.data.augmentation import Augmentation
from nntricks_keras.data.augmenter import Augmenter
from nntricks_keras.data.evaluation_view import evaluation_view
from nntricks_keras.data.mixing import mix
from nntricks_keras.data.order import EpochOrder, smallest_batch
from nntricks_keras.data.randomness import image_keys
from nntricks_keras.data.stores import PixelStore, hold, store_of
from nntricks_keras.errors import InputError, check_name
from nntricks_keras.hardware import usable_cores


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
    balanced=False,
    repeats=None,
    cache: Literal["auto", "memory", "none"] = "auto",
    shard=(0, 1),
):
    """Batches for `fit` and `evaluate`.

    Args:
        dataset: a split of `data.load`, or any finite dataset of (uint8 image, integer label).
        preprocessing: `Preprocessing`; its evaluation path is what images go through when nothing is random.
        batch_size: images a step, over all devices and workers.
        num_classes: length of the one-hot labels.
        augmentation: `Augmentation`, for training only.
        training: shuffle and augment. Otherwise the images come in order, unchanged by chance.
        seed: of the order and of everything random. Image i of epoch e is the same for the same seed, whatever the
            batch size, the number of workers, or a restart; with `repeats`, for the same of these.
        repeat: go on for ever, epochs 0, 1, 2, ... Otherwise an iteration is one epoch, and each next iteration of a
            training pipeline is shuffled and augmented anew.
        start_step: the step to begin at, counted from the start of epoch 0; what comes before it is not read.
        drop_remainder: leave out the last, smaller batch of an epoch.
        balanced: training draws every class equally often.
        repeats: for training: how many times each image lies in the urn from which an epoch draws, a vector of whole
            numbers from 1. An epoch draws as many images as without; one that comes twice is augmented in two ways.
        cache: whether encoded files are held in memory: "auto" holds them up to 512 MB in all, "none" reads them
            each time.
        shard: (worker, number of workers): yield only this worker's part of every batch. With (0, 1), tf.distribute
            deals whole batches out itself.

    Returns:
        `tf.data.Dataset` of (float32 images (batch, height, width, channels), float32 one-hot labels (batch,
        num_classes)).

    Raises:
        InputError: labels out of range, a setting for training without training, an odd batch to mix, fewer than two
            images a step for each of several workers, an empty dataset, or one of which drop_remainder leaves nothing.
    """
    augmentation = augmentation or Augmentation()
    _check_settings(augmentation, training, balanced, repeats, batch_size, shard, start_step)
    check_name("cache", cache, ("auto", "memory", "none"))
    store = store_of(dataset) or hold(dataset)
    _check_labels(store.labels, num_classes)
    if repeats is not None:
        repeats = _checked_repeats(repeats, len(store.labels))
    order = EpochOrder(
        store.labels,
        batch_size,
        shuffle=training,
        seed=seed,
        drop_remainder=drop_remainder,
        balanced=balanced,
        repeats=repeats,
        shard=shard,
    )
    steps = order.steps(repeat, start_step)
    with tf.device("CPU"):
        labels = tf.convert_to_tensor(store.labels)

    def finish(epoch, draws, images):
        targets = tf.one_hot(tf.gather(labels, order.images(draws)), num_classes)
        if augmentation.mixup or augmentation.cutmix:
            return mix(images, targets, image_keys(seed, epoch, draws), augmentation)
        return images, targets

    if augmentation == Augmentation():
        make = None
    else:
        make = Augmenter(augmentation, preprocessing, store.image_shape[-1], seed)
    if isinstance(store, PixelStore) and not (make and _needs_single_images(make, store, preprocessing)):
        batches = _by_batch(store, steps, order, preprocessing, make, finish)
    else:
        batches = _by_image(store.cached(cache), steps, order, preprocessing, make, finish)
    options = tf.data.Options()
    options.deterministic = True
    # Workers take turns at batches: every example exactly once an epoch. Sharding by files would not know the order.
    policy = tf.data.experimental.AutoShardPolicy.DATA if shard[1] == 1 else tf.data.experimental.AutoShardPolicy.OFF
    options.experimental_distribute.auto_shard_policy = policy
    return batches.prefetch(tf.data.AUTOTUNE).with_options(options)


def _by_batch(store, steps, order, preprocessing, make, finish):
    """Whole batches at a time."""

    def load(epoch, step):
        draws = order.draws(epoch, step)
        images = store.image(order.images(draws))
        images = make.batch(epoch, draws, images) if make else evaluation_view(images, preprocessing)
        return finish(epoch, draws, images)

    return mapped(steps, load)


def _by_image(store, steps, order, preprocessing, make, finish):
    """One image at a time up to the batch, in parallel."""
    full = order.local_batch_size
    shape = preprocessing.input_shape

    def spread(epoch, step):
        draws = order.draws(epoch, step)
        # A smaller last batch is filled up with -1, so that batches never straddle two epochs.
        padding = tf.fill([full - tf.size(draws)], tf.constant(-1, tf.int64))
        return tf.data.Dataset.from_tensor_slices((tf.fill([full], epoch), tf.concat([draws, padding], 0)))

    def view(epoch, draw):
        index = order.images(draw)
        if make is None:
            return evaluation_view(store.image(index), preprocessing)
        return make.one(epoch, draw, store.encoded(index), lambda: store.image(index))

    def load(epoch, draw):
        image = tf.cond(draw < 0, lambda: tf.zeros(shape), lambda: view(epoch, draw))
        return epoch, draw, tf.ensure_shape(image, shape)

    def trim(epochs, draws, images):
        number = tf.reduce_sum(tf.cast(draws >= 0, tf.int32))
        return finish(epochs[0], draws[:number], images[:number])

    images = mapped(steps.flat_map(as_written(spread)), load)
    batches = images.batch(full, drop_remainder=True, num_parallel_calls=usable_cores())
    return batches.map(as_written(trim)).apply(tf.data.experimental.assert_cardinality(steps.cardinality()))


def _needs_single_images(make, store, preprocessing):
    """Operations take one image at a time; so do pictures that shrink by more than 2, each by its own factor."""
    shrink = min(have / want for have, want in zip(store.image_shape, preprocessing.image_size, strict=False))
    return make.has_operations or shrink >= 2


def _check_settings(augmentation, training, balanced, repeats, batch_size, shard, start_step):
    if not training and (augmentation != Augmentation() or balanced or repeats is not None):
        raise InputError("augmentation, balanced and repeats are for training; training=False has nothing random")
    if balanced and repeats is not None:
        raise InputError("balanced and repeats both say how often an image comes; give one of them")
    worker, num_workers = shard
    if not 0 <= worker < num_workers:
        raise InputError(f"shard has to be (worker, number of workers) with worker from 0 on, received {shard!r}")
    least = smallest_batch(num_workers)
    if batch_size < least:
        why = "" if num_workers == 1 else f" (2 for each of {num_workers} workers)"
        raise InputError(f"batch_size has to be at least {least}{why}, received {batch_size!r}")
    if start_step < 0:
        raise InputError(f"start_step has to be 0 or more, received {start_step!r}")
    if (augmentation.mixup or augmentation.cutmix) and batch_size % 2:
        raise InputError(f"MixUp and CutMix mix pairs, so batch_size has to be even; received {batch_size}")


def _check_labels(labels, num_classes):
    if labels.min() < 0 or labels.max() >= num_classes:
        bad = np.flatnonzero((labels < 0) | (labels >= num_classes))
        raise InputError(
            f"{len(bad)} labels lie outside 0 to {num_classes - 1}; "
            f"the first is image {bad[0]} with label {labels[bad[0]]}"
        )


def _checked_repeats(repeats, num_images):
    repeats = np.asarray(repeats)
    if repeats.shape != (num_images,) or repeats.dtype.kind not in "iu" or repeats.min() < 1:
        raise InputError(
            f"repeats has to be a vector of {num_images} whole numbers from 1, one an image; received {repeats!r}"
        )
    return repeats
