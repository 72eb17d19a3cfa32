"""The exponential linear unit with learnt slopes and a learnt limit."""

import math

import keras
from keras import ops

from nntricks_keras import backend
from nntricks_keras.errors import InputError
from nntricks_keras.layers.same_shape import SameShape, channel_axis

_SMALLEST = 0.1  # the paper's bound, section 3: nearer to zero the slopes a / b and 1 / b explode


class _AtLeast(keras.constraints.Constraint):
    """A lower bound for each value. It is no part of a saved model: `build` makes it anew."""

    def __init__(self, bound):
        self.bound = bound

    def __call__(self, values):
        return ops.maximum(values, self.bound)


@keras.saving.register_keras_serializable(package="nntricks_keras")
class ParametricELU(SameShape):
    """x >= 0: (a / b) x; x < 0: a (e^(x / b) - 1), with a and b learnt, one of each a channel.

    a and b stay positive by a constraint, which Keras's optimizers apply after each step: not below 0.1 (the paper's
    bound), nor below the initial value where that is smaller. Keras has no such layer.

    Args:
        initial_alpha, initial_beta: a and b at the start, positive. Equal ones give slope 1 on both sides of zero.
        axis: the channel axis.

    Call arguments:
        inputs: floating-point tensor of rank 2 or more.

    Output: the same shape, in the layer's compute dtype; computed in float32 at least.

    Raises:
        ValueError: an initial value that is not positive, no such axis in the input, or its size is not known.
        TypeError: integer inputs.

    Trottier, Giguère and Chaib-draa, "Parametric exponential linear unit for deep convolutional neural networks"
    (ICMLA 2017), equation 4.
    """

    def __init__(self, initial_alpha=1.0, initial_beta=1.0, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if not (0 < initial_alpha < math.inf and 0 < initial_beta < math.inf):
            raise InputError(
                "ParametricELU: initial_alpha and initial_beta have to be positive and finite, "
                f"received {initial_alpha!r} and {initial_beta!r}"
            )
        self.initial_alpha = initial_alpha
        self.initial_beta = initial_beta
        self.axis = axis

    def build(self, input_shape):
        num_channels = input_shape[channel_axis(self.axis, len(input_shape), self.name)]
        if num_channels is None:
            raise InputError(f"{self.name}: the channel axis {self.axis} has to be known, received shape {input_shape}")

        def vector(name, initial):
            return self.add_vector(
                name,
                (num_channels,),
                keras.initializers.Constant(initial),
                constraint=_AtLeast(min(_SMALLEST, initial)),
            )

        self.alpha = vector("alpha", self.initial_alpha)
        self.beta = vector("beta", self.initial_beta)

    def call(self, inputs):
        self.require_float(inputs)
        axis = channel_axis(self.axis, len(inputs.shape), self.name)
        return backend.parametric_elu(inputs, self.alpha, self.beta, axis)

    def get_config(self):
        return {
            **super().get_config(),
            "initial_alpha": self.initial_alpha,
            "initial_beta": self.initial_beta,
            "axis": self.axis,
        }
