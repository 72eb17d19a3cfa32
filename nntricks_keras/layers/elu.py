"""The exponential linear unit: mean activations near zero, without a second parameter to learn."""

import math

import keras

from nntricks_keras import backend
from nntricks_keras.errors import InputError
from nntricks_keras.layers.same_shape import SameShape


@keras.saving.register_keras_serializable(package="nntricks_keras")
class ELU(SameShape):
    """x for x > 0, alpha (e^x - 1) below: saturates at -alpha, so that mean activations come near zero.

    Differs from `keras.layers.ELU` in nothing but speed for alpha other than 1 and in refusing an alpha that is not
    positive.

    Args:
        alpha: minus the limit of the output for x -> -infinity; positive. The slope has a jump at 0 unless alpha = 1.

    Call arguments:
        inputs: floating-point tensor of any shape.

    Output: the same shape, in the layer's compute dtype.

    Raises:
        ValueError: `alpha` not positive or not finite.
        TypeError: integer inputs.

    Clevert, Unterthiner and Hochreiter, "Fast and accurate deep network learning by exponential linear units"
    (ICLR 2016), equation 15.
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        if not 0 < alpha < math.inf:
            raise InputError(f"ELU: alpha has to be positive and finite, received {alpha!r}")
        self.alpha = alpha

    def call(self, inputs):
        self.require_float(inputs)
        return backend.elu(inputs, self.alpha)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}
