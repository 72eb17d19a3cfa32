"""The randomized rectifier: the slope below zero is noise while training."""

import keras

from nntricks_keras import backend
from nntricks_keras.errors import InputError
from nntricks_keras.layers.seeded import Seeded


@keras.saving.register_keras_serializable(package="nntricks_keras")
class RReLU(Seeded):
    """Training: x for x > 0, a x below, each a drawn from U(lower, upper). Inference: the mean slope.

    Keras has no such layer; PyTorch's `torch.nn.RReLU` has the same defaults.

    Args:
        lower, upper: the range of the slopes, 0 <= lower <= upper <= 1.
        seed: integer, or None for a random one. The slopes of one seed repeat exactly on one backend.

    Call arguments:
        inputs: floating-point tensor of any shape.
        training: whether to draw the slopes.

    Output: the same shape, in the layer's compute dtype.

    Raises:
        ValueError: `lower` and `upper` not in that order within [0, 1].
        TypeError: integer inputs.

    Xu, Wang, Chen and Li, "Empirical evaluation of rectified activations in convolutional network" (2015), section 2.4.
    """

    def __init__(self, lower=1 / 8, upper=1 / 3, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        if not 0 <= lower <= upper <= 1:
            raise InputError(f"RReLU: it takes 0 <= lower <= upper <= 1, received lower={lower!r}, upper={upper!r}")
        self.lower = lower
        self.upper = upper

    def call(self, inputs, training=False):
        self.require_float(inputs)
        if training:
            return backend.rrelu(inputs, self.lower, self.upper, self.seed_generator)
        return backend.leaky_relu(inputs, (self.lower + self.upper) / 2)

    def get_config(self):
        return {**super().get_config(), "lower": self.lower, "upper": self.upper}
