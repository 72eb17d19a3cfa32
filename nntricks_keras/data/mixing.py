"""MixUp (Zhang et al., 2017) and CutMix (Yun et al., 2019): each image with its neighbour in the epoch's shuffled
order."""

import numpy as np
import tensorflow as tf

from nntricks_keras.data.erasing import rectangle_side
from nntricks_keras.data.randomness import uniform

_TABLE_SIZE = 4096


def mix(images, labels, keys, augmentation):
    """Mixes images (batch, h, w, c) and one-hot labels of the places 2k and 2k + 1; a last one without a partner stays.

    With an even batch size the partner is the same whatever the batch size: it is the neighbour in the epoch's order.
    """
    place = tf.range(tf.shape(images)[0])
    partner = tf.bitwise.bitwise_xor(place, 1)
    partner = tf.where(partner < tf.shape(images)[0], partner, place)
    # One choice a pair, so that both of its images are mixed in one way.
    both = uniform(tf.gather(keys, tf.minimum(place, partner)), 1, "mixup or cutmix")[:, 0]
    cut_share = 1.0 if not augmentation.mixup else 0.5 if augmentation.cutmix else 0.0
    kept = _cut_mask(images.shape[1:3], keys, augmentation) if augmentation.cutmix else None
    if augmentation.mixup:
        share = _beta(uniform(keys, 1, "mixup")[:, 0], augmentation.mixup)[:, None, None]
        kept = (
            tf.broadcast_to(share, [tf.shape(share)[0], *images.shape[1:3]])
            if kept is None
            else tf.where((both < cut_share)[:, None, None], kept, share)
        )
    share = tf.reduce_mean(kept, axis=(1, 2))[:, None]
    mixed = tf.gather(images, partner)
    mixed_labels = tf.gather(labels, partner)
    return mixed + kept[..., None] * (images - mixed), mixed_labels + share * (labels - mixed_labels)


def _cut_mask(size, keys, augmentation):
    """(batch, h, w): 1 where the image stays, 0 in the rectangle that its partner fills."""
    draws = uniform(keys, 3, "cutmix")
    side = tf.sqrt(1 - _beta(draws[:, 0], augmentation.cutmix))
    rows = rectangle_side(size[0], side * size[0], draws[:, 1])
    columns = rectangle_side(size[1], side * size[1], draws[:, 2])
    return 1.0 - tf.cast(rows[:, :, None] & columns[:, None, :], tf.float32)


def _beta(draws, alpha):
    """Uniform draws -> Beta(alpha, alpha), by a table of the inverse of its distribution function."""
    place = draws * _TABLE_SIZE
    before = tf.cast(place, tf.int32)
    table = tf.constant(_beta_quantiles(alpha), tf.float32)
    low, high = tf.gather(table, before), tf.gather(table, tf.minimum(before + 1, _TABLE_SIZE))
    return low + (high - low) * (place - tf.floor(place))


def _beta_quantiles(alpha):
    """Quantiles of Beta(alpha, alpha) at 0, 1 / n, ..., 1."""
    with tf.init_scope():
        # A grid that is fine near 0 and 1, where small alphas put their mass.
        grid = 1 / (1 + np.exp(-np.linspace(-40, 40, 8001)))
        below = tf.math.betainc(tf.constant(alpha, tf.float64), tf.constant(alpha, tf.float64), grid).numpy()
    return np.interp(
        np.linspace(0, 1, _TABLE_SIZE + 1), np.concatenate([[0], below, [1]]), np.concatenate([[0], grid, [1]])
    )
