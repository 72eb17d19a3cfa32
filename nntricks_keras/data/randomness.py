"""Random numbers that depend on (seed, epoch, image) and nothing else: not on batch size, order, workers or restarts.

TensorFlow's stateless draws take one seed for a whole tensor, so a batch cannot hold numbers keyed by image. Here
each number is a hash of a counter (the finalizer of SplitMix64; Steele, Lea and Flood, 2014), equal for one image or
for a batch of them.
"""

import numpy as np
import tensorflow as tf

_GOLDEN = 0x9E3779B97F4A7C15


def _shift_xor(z, bits):
    return tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, tf.constant(bits, tf.uint64)))


def _mix(z):
    z = _shift_xor(z, 30) * tf.constant(0xBF58476D1CE4E5B9, tf.uint64)
    z = _shift_xor(z, 27) * tf.constant(0x94D049BB133111EB, tf.uint64)
    return _shift_xor(z, 31)


def seed_tensor(seed):
    """A Python integer as the uint64 that a compiled function takes, so that one serves every seed."""
    return tf.constant(seed % 2**64, tf.uint64)


def image_keys(seed, epoch, index):
    """uint64 keys, shaped as `index`: one for each image of an epoch. `seed`: a Python integer, or of `seed_tensor`."""
    key = _mix((seed if tf.is_tensor(seed) else seed_tensor(seed)) + tf.constant(_GOLDEN, tf.uint64))
    key = _mix(key + tf.cast(epoch, tf.uint64) + tf.constant(_GOLDEN, tf.uint64))
    return _mix(key + tf.cast(index, tf.uint64) + tf.constant(_GOLDEN, tf.uint64))


def uniform(keys, num, stream):
    """(..., num) float32 in [0, 1); a trick that draws under its own `stream` name leaves the others' numbers alone."""
    salt = int.from_bytes(stream.encode().ljust(8, b"_")[:8], "little")
    counters = np.array([(_GOLDEN * (k + 1) + salt) % 2**64 for k in range(num)], np.uint64)
    bits = _mix(keys[..., None] + counters)
    # The upper 24 bits fill a float32's mantissa.
    top = tf.cast(tf.bitwise.right_shift(bits, tf.constant(40, tf.uint64)), tf.int64)
    return tf.cast(top, tf.float32) * 2.0**-24
