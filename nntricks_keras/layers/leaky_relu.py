"""The leaky rectifier: a unit that never stops learning."""

import keras

from nntricks_keras import backend
from nntricks_keras.errors import InputError
from nntricks_keras.layers.same_shape import SameShape


@keras.saving.register_keras_serializable(package="nntricks_keras")
class LeakyReLU(SameShape):
    """max(x, a x): a small slope `a` below zero, so that a unit with negative input still gets a gradient.

    Differs from `keras.layers.LeakyReLU` in its default slope: 0.01, the paper's, as PyTorch has it (Keras: 0.3 in
    the layer, 0.2 in the function and in the string "leaky_relu").

    Args:
        negative_slope: a, in [0, 1). 0 is ReLU; at 1 the layer would be the identity, hence linear.

    Call arguments:
        inputs: floating-point tensor of any shape.

    Output: the same shape, in the layer's compute dtype.

    Raises:
        ValueError: `negative_slope` outside [0, 1).
        TypeError: integer inputs.

    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013), section 2.
    """

    def __init__(self, negative_slope=0.01, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= negative_slope < 1:
            raise InputError(f"LeakyReLU: negative_slope has to be in [0, 1), received {negative_slope!r}")
        self.negative_slope = negative_slope

    def call(self, inputs):
        self.require_float(inputs)
        return backend.leaky_relu(inputs, self.negative_slope)

    def get_config(self):
        return {**super().get_config(), "negative_slope": self.negative_slope}
