"""The parametric rectifier: the slope below zero is learnt."""

import keras
from keras import ops

from nntricks_keras import backend
from nntricks_keras.errors import InputError
from nntricks_keras.layers.same_shape import SameShape, channel_axis


@keras.saving.register_keras_serializable(package="nntricks_keras")
class PReLU(SameShape):
    """x for x > 0, a x below, where a is learnt: one slope a channel, or one a unit.

    Differs from `keras.layers.PReLU`: slopes start at the paper's 0.25 (Keras: 0, a plain ReLU), and are shared over
    space by naming it, not by listing axes.

    Args:
        initial_slope: a at the start.
        shared: True learns one slope a channel, False one a unit (all dimensions but the batch's have to be known).
        axis: the channel axis.

    Call arguments:
        inputs: floating-point tensor of rank 2 or more.

    Output: the same shape, in the layer's compute dtype.

    Raises:
        ValueError: no such axis in the input, or a dimension that has to be known is not.
        TypeError: integer inputs.

    He, Zhang, Ren and Sun, "Delving deep into rectifiers" (ICCV 2015), equation 1. Weight decay is not for the slopes:
    it would draw them to zero.
    """

    def __init__(self, initial_slope=0.25, shared=True, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.initial_slope = initial_slope
        self.shared = shared
        self.axis = axis

    def build(self, input_shape):
        axis = channel_axis(self.axis, len(input_shape), self.name)
        shape = (input_shape[axis],) if self.shared else tuple(input_shape[1:])
        if None in shape:
            raise InputError(f"{self.name}: a dimension that slopes are learnt for is not known in shape {input_shape}")
        self.slope = self.add_vector("slope", shape, keras.initializers.Constant(self.initial_slope))

    def call(self, inputs):
        self.require_float(inputs)
        axis = channel_axis(self.axis, len(inputs.shape), self.name)
        units = [-1 if i == axis else 1 for i in range(len(inputs.shape))] if self.shared else (1, *self.slope.shape)
        return backend.prelu(inputs, ops.reshape(self.slope, units))

    def get_config(self):
        return {
            **super().get_config(),
            "initial_slope": self.initial_slope,
            "shared": self.shared,
            "axis": self.axis,
        }
