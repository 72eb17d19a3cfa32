"""Batch normalization: every channel gets the mean and the deviation that it learns, whatever the layers below do."""

import keras
from keras import ops

from nntricks_keras import backend
from nntricks_keras.errors import InputError
from nntricks_keras.layers.same_shape import SameShape, channel_axis


@keras.saving.register_keras_serializable(package="nntricks_keras")
class BatchNorm(SameShape):
    """gamma (x - mu) / sqrt(sigma^2 + epsilon) + beta, a mu and a sigma^2 a channel.

    In training mu and sigma^2 (biased: divided by n) come from the batch; at inference from moving averages,

        moving = alpha * batch + (1 - alpha) * moving,

    which start at mean 0 and variance 1. A frozen layer (`trainable=False`) is in inference mode even when called with
    `training=True`. An empty batch leaves the averages alone.

    Args:
        alpha: weight of the new batch in the moving averages, in (0, 1]: the lecture's. PyTorch's `momentum` is this
            number, Keras's is 1 - alpha: `from_torch_momentum(0.1)` and `from_keras_momentum(0.9)` both give 0.1.
            (PyTorch's moving variance is unbiased, ours and Keras's biased.)
        epsilon: added to the variance. 1e-5 as in PyTorch (Keras: 1e-3).
        axis: the channel axis.
        center: whether beta is learnt (otherwise 0).
        scale: whether gamma is learnt (otherwise 1).
        synchronized: under a distribution strategy, whether mu and sigma^2 are taken over the examples of all replicas.
            If False, each replica normalizes with its own; the moving averages are equal on all replicas either way,
            each replica's statistics weighted by its number of examples.

    Call arguments:
        inputs: floating-point tensor of rank 2 or more.
        training: whether to normalize by the batch and update the moving averages.

    Output: the same shape, in the layer's compute dtype; statistics are computed in float32 at least.

    Raises:
        ValueError: `alpha` outside (0, 1], `epsilon` not positive, or no such axis in the input.
        TypeError: integer inputs.

    Ioffe and Szegedy, "Batch normalization" (ICML 2015), algorithm 1.
    """

    def __init__(self, alpha=0.1, epsilon=1e-5, axis=-1, center=True, scale=True, synchronized=False, **kwargs):
        super().__init__(**kwargs)
        if not 0 < alpha <= 1:
            raise InputError(f"BatchNorm: alpha has to be in (0, 1], received {alpha!r}")
        if not epsilon > 0:
            raise InputError(f"BatchNorm: epsilon has to be positive, received {epsilon!r}")
        self.alpha = alpha
        self.epsilon = epsilon
        self.axis = axis
        self.center = center
        self.scale = scale
        self.synchronized = synchronized

    @classmethod
    def from_keras_momentum(cls, momentum, **kwargs):
        """BatchNorm with Keras's momentum, the weight of the *old* average: alpha = 1 - momentum."""
        return cls(alpha=1 - momentum, **kwargs)

    @classmethod
    def from_torch_momentum(cls, momentum, **kwargs):
        """BatchNorm with PyTorch's momentum, the weight of the *new* batch: alpha = momentum."""
        return cls(alpha=momentum, **kwargs)

    def build(self, input_shape):
        axis = channel_axis(self.axis, len(input_shape), self.name)
        num_channels = input_shape[axis]
        if num_channels is None:
            raise InputError(f"{self.name}: the channel axis {self.axis} has to be known, received shape {input_shape}")

        shape = (num_channels,)
        self.gamma = self.add_vector("gamma", shape, "ones") if self.scale else None
        self.beta = self.add_vector("beta", shape, "zeros") if self.center else None
        self.moving_mean = self.add_vector("moving_mean", shape, "zeros", trainable=False)
        self.moving_variance = self.add_vector("moving_variance", shape, "ones", trainable=False)

    def call(self, inputs, training=False):
        self.require_float(inputs)
        axis = channel_axis(self.axis, len(inputs.shape), self.name)
        if not (training and self.trainable):
            return backend.normalize(
                inputs, self.moving_mean, self.moving_variance, self.gamma, self.beta, self.epsilon, axis
            )
        outputs, mean, variance, count = backend.batch_normalize(
            inputs, self.gamma, self.beta, self.epsilon, axis, self.synchronized
        )
        # alpha = 0 for an empty batch, whose mean and variance are not numbers but zeros.
        alpha = ops.where(count > 0, ops.cast(self.alpha, mean.dtype), ops.zeros((), mean.dtype))
        self.moving_mean.assign(alpha * mean + (1 - alpha) * self.moving_mean)
        self.moving_variance.assign(alpha * variance + (1 - alpha) * self.moving_variance)
        return outputs

    def get_config(self):
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "epsilon": self.epsilon,
            "axis": self.axis,
            "center": self.center,
            "scale": self.scale,
            "synchronized": self.synchronized,
        }
