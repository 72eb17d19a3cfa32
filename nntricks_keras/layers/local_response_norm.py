"""Local response normalization: AlexNet's competition between neighbouring channels."""

import keras

from nntricks_keras import backend
from nntricks_keras.errors import InputError
from nntricks_keras.layers.same_shape import SameShape, channel_axis


@keras.saving.register_keras_serializable(package="nntricks_keras")
class LocalResponseNorm(SameShape):
    """x_i / (bias + alpha * sum of x_j^2 over the `size` channels around i)^beta; fewer channels at the ends.

    `tf.nn.local_response_normalization` is the same with `depth_radius = (size - 1) / 2`, for rank 4 and the last axis.
    PyTorch and Caffe divide alpha by the size: their alpha is `size` times this one.

    Args:
        size: channels in the window, an odd number; the paper's n.
        bias: added to the sum, positive; the paper's k.
        alpha: factor of the sum, not negative; not divided by `size`.
        beta: exponent, not negative.
        axis: the channel axis.

    Call arguments:
        inputs: floating-point tensor of rank 2 or more.

    Output: the same shape, in the layer's compute dtype; computed in float32 at least.

    Raises:
        ValueError: an even or not positive `size`, `bias` not positive, `alpha` or `beta` negative, no such axis.
        TypeError: integer inputs.

    Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional neural networks" (NIPS 2012),
    section 3.3.
    """

    def __init__(self, size=5, bias=2.0, alpha=1e-4, beta=0.75, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(size, int) or size < 1 or size % 2 == 0:
            raise InputError(f"LocalResponseNorm: size has to be a positive odd integer, received {size!r}")
        if not (bias > 0 and alpha >= 0 and beta >= 0):
            raise InputError(
                "LocalResponseNorm: it takes bias > 0, alpha >= 0 and beta >= 0, "
                f"received bias={bias!r}, alpha={alpha!r}, beta={beta!r}"
            )
        self.size = size
        self.bias = bias
        self.alpha = alpha
        self.beta = beta
        self.axis = axis

    def call(self, inputs):
        self.require_float(inputs)
        axis = channel_axis(self.axis, len(inputs.shape), self.name)
        return backend.local_response_norm(inputs, self.size, self.bias, self.alpha, self.beta, axis)

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "bias": self.bias,
            "alpha": self.alpha,
            "beta": self.beta,
            "axis": self.axis,
        }
