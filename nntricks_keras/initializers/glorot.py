"""Glorot's compromise between the forward and the backward signal."""

import math

import keras

from nntricks_keras.initializers.fan_scaled import FanScaled


@keras.saving.register_keras_serializable(package="nntricks_keras")
class Glorot(FanScaled):
    """Standard deviation sqrt(2) / sqrt(n_in + n_out): between keeping the variance of activations and of gradients.

    `keras.initializers.GlorotNormal` is `Glorot("truncated_normal")`; its fans ignore the groups of a convolution.

    Args:
        distribution: "normal" (not truncated), "truncated_normal" (at two deviations), "uniform" or "orthogonal", each
            with the stated deviation.
        groups: of the convolution the kernel is for (the kernel's shape does not tell): n_in and n_out are counted
            inside a group.
        seed: integer, `keras.random.SeedGenerator`, or None: every call then draws anew.

    Raises:
        ValueError: an unknown distribution, groups that do not divide the kernel's outputs.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (AISTATS 2010),
    equation 12.
    """

    def stddev_of(self, fan_in, fan_out):
        return math.sqrt(2 / (fan_in + fan_out))
