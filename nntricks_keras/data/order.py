"""In which order a run sees the images: steps of epochs, each epoch a permutation that is computed, never stored."""

import math

import tensorflow as tf


class EpochOrder:
    """The images of each step, as a function of (epoch, step): to start anywhere costs nothing.

    Args:
        num_images: how many there are.
        batch_size: images a step.
        shuffle: whether each epoch is permuted in its own way; otherwise 0, 1, 2, ...
        seed: of the permutations.
        drop_remainder: leave out the last, smaller batch of an epoch.
    """

    def __init__(self, num_images, batch_size, *, shuffle, seed, drop_remainder):
        self.num_images = num_images
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.steps_per_epoch = num_images // batch_size if drop_remainder else math.ceil(num_images / batch_size)

    def steps(self, repeat, start_step):
        """Dataset of (epoch, step within it), int64.

        With `repeat` it has no end and begins at the global step `start_step`. Without, an iteration is one epoch from `start_step` on; when
        shuffled, each iteration is an epoch of its own, numbered by a random draw.
        """
        per_epoch = self.steps_per_epoch
        if repeat:
            numbers = tf.data.Dataset.range(start_step, 2**62)
            return numbers.map(lambda number: (number // per_epoch, number % per_epoch))
        numbers = tf.data.Dataset.range(start_step, per_epoch)
        if not self.shuffle:
            return numbers.map(lambda step: (tf.zeros([], tf.int64), step))
        epochs = tf.data.Dataset.random(seed=self.seed, rerandomize_each_iteration=True).take(1)
        steps = epochs.flat_map(lambda epoch: numbers.map(lambda step: (epoch, step)))
        return steps.apply(tf.data.experimental.assert_cardinality(max(per_epoch - start_step, 0)))

    def indices(self, epoch, step):
        """int64 indices of the images of one step; fewer in the last one of an epoch."""
        first = step * self.batch_size
        positions = tf.range(first, tf.minimum(first + self.batch_size, self.num_images))
        if self.num_images % self.batch_size == 0 or self.steps_per_epoch * self.batch_size <= self.num_images:
            positions.set_shape([self.batch_size])
        if not self.shuffle or self.num_images == 1:
            return positions
        seed = tf.stack([tf.constant(self.seed % 2**31, tf.int64), epoch])
        return tf.random.experimental.index_shuffle(positions, seed, tf.constant(self.num_images - 1, tf.int64))
