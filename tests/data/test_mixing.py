"""MixUp and CutMix: shares, labels and partners."""

import numpy as np
import pytest
import tensorflow as tf

from nntricks_keras import data
from nntricks_keras.data.mixing import mix
from nntricks_keras.data.randomness import image_keys

EPOCH = tf.constant(3, tf.int64)


def pairs(augmentation, number=4000, size=8):
    """Images and labels that tell which image is where, mixed."""
    images = tf.broadcast_to(tf.range(number, dtype=tf.float32)[:, None, None, None], [number, size, size, 1])
    labels = tf.one_hot(tf.range(number) % 2, 2)
    keys = image_keys(0, EPOCH, tf.range(number, dtype=tf.int64))
    return (part.numpy() for part in mix(images, labels, keys, augmentation))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_mixup_shares_are_beta_and_labels_follow(alpha):
    images, labels = pairs(data.Augmentation(mixup=alpha))
    own = np.arange(4000) % 2
    share = labels[np.arange(4000), own]
    number = np.arange(4000)
    np.testing.assert_allclose(images[:, 0, 0, 0], share * number + (1 - share) * (number ^ 1), atol=1e-3)
    np.testing.assert_allclose(labels.sum(1), 1, atol=1e-6)
    assert abs(share.mean() - 0.5) < 0.03
    assert abs(share.var() - 1 / (4 * (2 * alpha + 1))) < 0.015


def test_cutmix_labels_are_the_areas():
    images, labels = pairs(data.Augmentation(cutmix=1.0))
    number = np.arange(4000)
    kept = (images[..., 0] == number[:, None, None]).mean((1, 2))
    np.testing.assert_allclose(kept, labels[number, number % 2], atol=1e-6)
    assert 0.4 < kept.mean() < 0.62
    assert set(np.unique(images[2])) <= {2.0, 3.0}


def test_an_odd_image_out_is_not_mixed():
    images, labels = pairs(data.Augmentation(mixup=1.0), number=5)
    np.testing.assert_array_equal(images[4], np.full((8, 8, 1), 4))
    np.testing.assert_array_equal(labels[4], [1, 0])


@pytest.mark.slow
def test_mixup_partners_do_not_depend_on_the_batch_size(rng):
    x = rng.integers(0, 256, (40, 12, 12, 3), np.uint8)
    split = data.load(((x, np.arange(40) % 4),) * 2).test
    settings = {
        "num_classes": 4, "training": True, "repeat": True, "augmentation": data.Augmentation(mixup=0.4, cutmix=1.0),
    }  # fmt: skip
    one, other = (
        [np.concatenate(part) for part in zip(*data.pipeline(
            split, data.Preprocessing(12), batch_size=size, **settings).take(40 // size).as_numpy_iterator(),
            strict=True)]
        for size in (4, 20)
    )  # fmt: skip
    np.testing.assert_allclose(one[0], other[0], atol=1e-5)
    np.testing.assert_allclose(one[1], other[1], atol=1e-6)
