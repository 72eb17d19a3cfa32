"""The continuously differentiable exponential linear unit."""

import math

import keras

from nntricks_keras import backend
from nntricks_keras.errors import InputError
from nntricks_keras.layers.same_shape import SameShape


@keras.saving.register_keras_serializable(package="nntricks_keras")
class CELU(SameShape):
    """x for x > 0, alpha (e^(x / alpha) - 1) below: ELU with slope 1 at zero for every alpha.

    The same function as `keras.activations.celu`, as a layer.

    Args:
        alpha: minus the limit of the output for x -> -infinity; positive.

    Call arguments:
        inputs: floating-point tensor of any shape.

    Output: the same shape, in the layer's compute dtype.

    Raises:
        ValueError: `alpha` not positive or not finite.
        TypeError: integer inputs.

    Barron, "Continuously differentiable exponential linear units" (2017), equation 3.
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        if not 0 < alpha < math.inf:
            raise InputError(f"CELU: alpha has to be positive and finite, received {alpha!r}")
        self.alpha = alpha

    def call(self, inputs):
        self.require_float(inputs)
        return backend.celu(inputs, self.alpha)

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}
