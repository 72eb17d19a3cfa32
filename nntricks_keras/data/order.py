"""In which order a run sees the images: steps of epochs, each epoch a permutation that is computed, never stored."""

import math

import numpy as np
import tensorflow as tf

from nntricks_keras.errors import InputError


def smallest_batch(num_workers):
    """Images a step at least: of several workers each takes an even number, two or more."""
    return 1 if num_workers == 1 else 2 * num_workers


class EpochOrder:
    """The images of each step, as a function of (epoch, step): to start anywhere costs nothing.

    Args:
        labels: of all images, a NumPy vector.
        batch_size: images a step, over all workers.
        shuffle: whether each epoch is permuted in its own way; otherwise 0, 1, 2, ...
        seed: of the permutations.
        drop_remainder: leave out the last, smaller batch of an epoch.
        balanced: draw equally many images of every class; images of small classes come several times an epoch.
        repeats: how many times each image lies in the urn from which an epoch draws, a vector of whole numbers from 1;
            an epoch draws as many images as there are, whatever the sum. None: each lies there once.
        shard: (worker, number of workers): this worker's part of every batch.

    Raises InputError when drop_remainder leaves no batch.
    """

    def __init__(
        self, labels, batch_size, *, shuffle, seed, drop_remainder, balanced=False, repeats=None, shard=(0, 1)
    ):
        self.num_images = len(labels)
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed % 2**31
        self.shard = shard
        whole, left = divmod(self.num_images, batch_size)
        if drop_remainder and not whole:
            raise InputError(f"drop_remainder leaves no batch of {batch_size} of the {self.num_images} images")
        self.steps_per_epoch = whole if drop_remainder else math.ceil(self.num_images / batch_size)
        self._last = 0 if drop_remainder else left  # images of a last batch that is smaller
        self._members = np.argsort(labels, kind="stable") if balanced else None
        self._class_sizes = np.bincount(labels)[np.unique(labels)] if balanced else None
        self._urn = None if repeats is None else self._filled_urn(repeats)

    @property
    def local_batch_size(self):
        """Images of this worker in a step at most: bounds are even, so that its part of a smaller batch may be larger
        than that of a full one."""
        worker = self.shard[0]
        return max(self._bound(n, worker + 1) - self._bound(n, worker) for n in (self.batch_size, self._last))

    def steps(self, repeat, start_step):
        """Dataset of (epoch, step within it), int64.

        With `repeat` it has no end and begins at the global step `start_step`. Without, an iteration is one epoch from
        `start_step` on; when shuffled, each iteration is an epoch of its own, numbered by a random draw.
        """
        per_epoch = self.steps_per_epoch
        if repeat:
            numbers = tf.data.Dataset.range(start_step, 2**62)
            steps = numbers.map(lambda number: (number // per_epoch, number % per_epoch))
            return steps.apply(tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY))
        numbers = tf.data.Dataset.range(start_step, per_epoch)
        if not self.shuffle:
            return numbers.map(lambda step: (tf.zeros([], tf.int64), step))
        epochs = tf.data.Dataset.random(seed=self.seed, rerandomize_each_iteration=True).take(1)
        steps = epochs.flat_map(lambda epoch: numbers.map(lambda step: (epoch, step)))
        return steps.apply(tf.data.experimental.assert_cardinality(max(per_epoch - start_step, 0)))

    def draws(self, epoch, step):
        """What this worker draws in one step, int64; fewer in the last one of an epoch.

        A draw is image + number of images * t, t from 0, with another t each time that an epoch draws the image, which
        is then augmented in another way; `images` gives the image.
        """
        first = step * self.batch_size
        number = tf.minimum(self.num_images - first, self.batch_size)
        worker = self.shard[0]
        positions = first + tf.range(self._bound(number, worker), self._bound(number, worker + 1))
        if not self._last:
            positions.set_shape([self.local_batch_size])
        if not self.shuffle:
            return positions
        if self._urn is not None:
            return tf.gather(tf.constant(self._urn), self._permute(positions, len(self._urn), epoch, 0))
        shuffled = self._permute(positions, self.num_images, epoch, 0)
        return shuffled if self._members is None else self._balance(shuffled, epoch)

    def images(self, draws):
        """The indices of the images that these draws are of."""
        return draws % self.num_images

    def _filled_urn(self, repeats):
        """All draws that an epoch may make: an image that lies there twice is itself and itself + num_images."""
        return np.concatenate(
            [np.flatnonzero(repeats > times) + self.num_images * times for times in range(np.max(repeats))]
        )

    def _bound(self, number, worker):
        """Where the part of a worker begins in a batch of `number`: even, so that pairs to be mixed stay together."""
        bound = number * worker // self.shard[1]
        return number if worker == self.shard[1] else bound - bound % 2

    def _permute(self, positions, size, epoch, salt):
        """Positions below `size` (a number, or one for each) through a permutation of epoch and salt."""
        if isinstance(size, int) and size == 1:
            return positions
        size, salt, epoch = (tf.broadcast_to(tf.cast(n, tf.int64), tf.shape(positions)) for n in (size, salt, epoch))
        seeds = tf.stack([tf.fill(tf.shape(positions), tf.constant(self.seed, tf.int64)), epoch, salt], -1)
        moved = tf.raw_ops.RandomIndexShuffle(index=positions, seed=seeds, max_index=tf.maximum(size - 1, 1), rounds=4)
        return tf.where(size > 1, moved, 0)

    def _balance(self, shuffled, epoch):
        """Deals positions to the classes in turn, and within a class to its members, each in a permuted order."""
        sizes = tf.constant(self._class_sizes, tf.int64)
        num_classes = len(self._class_sizes)
        class_place, turn = shuffled % num_classes, shuffled // num_classes
        size = tf.gather(sizes, class_place)
        # A class that is used up starts again in another order.
        times = turn // size
        member = self._permute(turn % size, size, epoch, 1 + class_place + num_classes * times)
        place = tf.gather(tf.cumsum(sizes, exclusive=True), class_place) + member
        return tf.gather(tf.constant(self._members), place) + self.num_images * times
