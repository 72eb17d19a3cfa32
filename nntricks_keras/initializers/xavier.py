"""The lecture's Xavier initialization: n Var(w) = 1."""

import math

import keras

from nntricks_keras.initializers.fan_scaled import FanScaled


@keras.saving.register_keras_serializable(package="nntricks_keras")
class Xavier(FanScaled):
    """Standard deviation 1 / sqrt(n_in): a sum of n_in products keeps the variance of its inputs.

    The lecture's name; elsewhere this is LeCun's initialization (`keras.initializers.LecunNormal`), and "Xavier" is
    Glorot's (here `Glorot`).

    Args:
        distribution: "normal" (not truncated), "truncated_normal" (at two deviations), "uniform" or "orthogonal", each
            with the stated deviation.
        groups: of the convolution the kernel is for (the kernel's shape does not tell): n_in and n_out are counted
            inside a group.
        seed: integer, `keras.random.SeedGenerator`, or None: every call then draws anew.

    Raises:
        ValueError: an unknown distribution, groups that do not divide the kernel's outputs.

    LeCun, Bottou, Orr and Müller, "Efficient BackProp" (1998), equation 16.
    """

    def stddev_of(self, fan_in, fan_out):
        return 1 / math.sqrt(fan_in)
