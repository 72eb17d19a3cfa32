"""The base of every layer here: floating point in, the same shape and the layer's compute dtype out."""

import keras

from nntricks_keras.errors import InputError


class SameShape(keras.Layer):
    """A layer whose output has the shape of its input, and that takes floating-point inputs only."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, *args, **kwargs):
        self.require_float(inputs)
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def add_vector(self, name, shape, initializer, **kwargs):
        """A weight in float32 even under a half-precision policy: a moving average in half precision stops moving, and
        the gradient of a value that a whole channel shares, a sum, overflows it."""
        dtype = keras.backend.result_type(self.variable_dtype, "float32")
        return self.add_weight(name=name, shape=shape, initializer=initializer, dtype=dtype, autocast=False, **kwargs)

    def require_float(self, inputs):
        """Raises TypeError where Keras would let integers through and round every result."""
        dtype = keras.backend.standardize_dtype(inputs.dtype)
        if not keras.backend.is_float_dtype(dtype):
            raise TypeError(
                f"{type(self).__name__} takes floating-point inputs (float16, bfloat16, float32, float64), "
                f"received {dtype}; convert them first, for example with keras.ops.cast(x, 'float32')"
            )


def channel_axis(axis, rank, name):
    """`axis` as an index from the front; raises when the input has no such axis."""
    if not -rank <= axis < rank or axis % rank == 0:
        raise InputError(f"{name}: axis of an input of rank {rank} has to be in 1..{rank - 1} or -1, received {axis!r}")
    return axis % rank
