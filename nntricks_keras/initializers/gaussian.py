"""Noise of a fixed size: the lecture's question, "0.03 N(0, 1)?"."""

import math

import keras

from nntricks_keras.errors import InputError
from nntricks_keras.initializers.fan_scaled import FanScaled


@keras.saving.register_keras_serializable(package="nntricks_keras")
class Gaussian(FanScaled):
    """N(0, stddev^2), whatever the size of the layer: breaks the symmetry of equal units, but not at the right scale.

    0.03 is right for tanh with 1111 inputs to a unit and for ReLU with 2222, and for nothing else.

    Args:
        stddev: standard deviation of the weights, positive.
        distribution: "normal", or "truncated_normal" (at two deviations), "uniform" or "orthogonal" of equal deviation.
        groups: groups of the convolution the kernel is for; matters to "orthogonal" only.
        seed: integer, `keras.random.SeedGenerator`, or None: every call then draws anew.

    Raises:
        ValueError: `stddev` not positive, an unknown distribution, groups that do not divide the kernel's outputs.
    """

    def __init__(self, stddev=0.03, distribution="normal", groups=1, seed=None):
        super().__init__(distribution, groups, seed)
        if not 0 < stddev < math.inf:
            raise InputError(f"Gaussian: stddev has to be positive and finite, received {stddev!r}")
        self.stddev = stddev

    def stddev_of(self, fan_in, fan_out):
        return self.stddev

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}
