"""RandAugment (Cubuk et al., 2019) and TrivialAugment (Müller and Hutter, 2021): operations drawn for each image.

Their geometric operations join the one warp; the others follow it, on grey levels.
"""

import dataclasses
import math

import tensorflow as tf

from nntricks_keras.data.geometry import rotation
from nntricks_keras.data.photometry import PHOTOMETRIC
from nntricks_keras.data.randomness import uniform

# The geometric ones first; what comes after them is PHOTOMETRIC, in its order. "identity" changes nothing.
_GEOMETRIC = ("identity", "rotate", "shear_x", "shear_y", "translate_x", "translate_y")
NAMES = (*_GEOMETRIC, *PHOTOMETRIC)


@dataclasses.dataclass(frozen=True)
class Reach:
    """The strongest change of each kind."""

    rotation: float
    """degrees"""
    shear: float
    """slope"""
    translation: float
    """share of the side"""
    enhancement: float
    """the factor is 1 - e to 1 + e"""
    posterized_bits: float
    """how many of the 8 bits are taken away"""


# The papers' ranges; TrivialAugment's are its "wide" space.
RAND_AUGMENT = Reach(rotation=30.0, shear=0.3, translation=0.45, enhancement=0.9, posterized_bits=4)
TRIVIAL_AUGMENT = Reach(rotation=135.0, shear=0.99, translation=1 / 7, enhancement=0.99, posterized_bits=6)


def sample_operations(keys, augmentation):
    """(which (batch, n) int32 indices into NAMES, strength (batch, n) from -1 to 1), or (None, None) when there are
    none."""
    number = 1 if augmentation.trivial_augment else augmentation.rand_augment
    if not number:
        return None, None
    draws = uniform(keys, 3 * number, "operations")
    which = tf.cast(draws[:, :number] * len(NAMES), tf.int32)
    if augmentation.trivial_augment:
        # 31 levels, the lowest being no change.
        strength = tf.floor(draws[:, number : 2 * number] * 31) / 30
    else:
        strength = tf.fill(tf.shape(which), augmentation.rand_augment_magnitude / 10)
    return which, tf.where(draws[:, 2 * number :] < 0.5, -strength, strength)


def reach_of(augmentation):
    """How far the operations go."""
    return TRIVIAL_AUGMENT if augmentation.trivial_augment else RAND_AUGMENT


def geometric_maps(which, strength, reach, image_size):
    """The drawn operations as affine maps for `sample_affine`; what is not geometric maps each place to itself."""
    for n in range(which.shape[1]):
        amount = [tf.where(which[:, n] == k, strength[:, n], 0.0) for k in range(len(_GEOMETRIC))]
        turn = rotation(amount[1] * (reach.rotation * math.pi / 180))
        one = tf.ones_like(turn[:, 0, 0])
        slant = tf.stack(
            [tf.stack([one, amount[3] * reach.shear], -1), tf.stack([amount[2] * reach.shear, one], -1)], -2
        )
        shift = tf.stack([amount[5] * image_size[0], amount[4] * image_size[1]], -1) * reach.translation
        yield tf.matmul(turn, slant), shift


def apply_photometric(image, which, strength, reach):
    """Applies the operations drawn for one image (h, w, c) of float32 grey levels, in their order."""
    for n in range(which.shape[0]):
        number = tf.maximum(which[n] - len(_GEOMETRIC) + 1, 0)
        branches = [lambda image=image: image]
        branches += [
            lambda image=image, run=run, amount=strength[n]: run(image, amount, reach) for run in PHOTOMETRIC.values()
        ]
        image = tf.ensure_shape(tf.switch_case(number, branches), image.shape)
    return image
