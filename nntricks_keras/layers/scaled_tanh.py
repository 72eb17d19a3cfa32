"""LeCun's hyperbolic tangent."""

import keras

from nntricks_keras import backend
from nntricks_keras.layers.same_shape import SameShape


@keras.saving.register_keras_serializable(package="nntricks_keras")
class ScaledTanh(SameShape):
    """1.7159 tanh(2 x / 3): f(1) = 1 and f(-1) = -1, so that targets of +-1 are not at the saturated ends.

    Call arguments:
        inputs: floating-point tensor of any shape.

    Output: the same shape, in the layer's compute dtype.

    Raises:
        TypeError: integer inputs.

    LeCun, Bottou, Orr and Müller, "Efficient BackProp" (1998), section 4.4.
    """

    def call(self, inputs):
        self.require_float(inputs)
        return backend.scaled_tanh(inputs)
