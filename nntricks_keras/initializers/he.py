"""He's initialization, for rectifiers."""

import math

import keras

from nntricks_keras.errors import InputError
from nntricks_keras.initializers.fan_scaled import FanScaled


@keras.saving.register_keras_serializable(package="nntricks_keras")
class He(FanScaled):
    """Standard deviation sqrt(2 / (1 + a^2)) / sqrt(n_in): makes up for a rectifier with slope a below zero.

    Such a rectifier passes on (1 + a^2) / 2 of the mean square.

    `keras.initializers.HeNormal` is `He("truncated_normal")`; its fans ignore the groups of a convolution.

    Args:
        distribution: "normal" (not truncated), "truncated_normal" (at two deviations), "uniform" or "orthogonal", each
            with the stated deviation.
        negative_slope: a, the slope below zero of the activation that follows the kernel's layer.
        groups: of the convolution the kernel is for (the kernel's shape does not tell): n_in and n_out are counted
            inside a group.
        seed: integer, `keras.random.SeedGenerator`, or None: every call then draws anew.

    Raises:
        ValueError: `negative_slope` outside [0, 1], an unknown distribution, groups that do not divide the outputs.

    He, Zhang, Ren and Sun, "Delving deep into rectifiers" (ICCV 2015), equations 10 and 15.
    """

    def __init__(self, distribution="normal", negative_slope=0.0, groups=1, seed=None):
        super().__init__(distribution, groups, seed)
        if not 0 <= negative_slope <= 1:
            raise InputError(f"He: negative_slope has to be in [0, 1], received {negative_slope!r}")
        self.negative_slope = negative_slope

    def stddev_of(self, fan_in, fan_out):
        return math.sqrt(2 / ((1 + self.negative_slope**2) * fan_in))

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}
