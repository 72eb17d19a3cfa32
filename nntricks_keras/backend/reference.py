"""Each kernel as its paper writes it, in keras.ops: what a backend uses where it has nothing faster, and what tests
compare with."""

import keras
from keras import ops


def leaky_relu(x, negative_slope):
    return ops.leaky_relu(x, negative_slope)


def elu(x, alpha):
    return ops.where(x > 0, x, alpha * ops.expm1(ops.where(x > 0, ops.zeros_like(x), x)))


def batch_normalize(x, gamma, beta, epsilon, axis, synchronized):
    """Normalizes by the batch. Returns the outputs, the mean, the biased variance and the number of values a channel."""
    axes = [i for i in range(len(x.shape)) if i != axis]
    dtype = keras.backend.result_type(x.dtype, "float32")
    wide = ops.cast(x, dtype)
    count = ops.cast(ops.prod(ops.convert_to_tensor([ops.shape(x)[i] for i in axes])), dtype)
    at_least_one = ops.maximum(count, 1)
    mean = ops.sum(wide, axes) / at_least_one
    variance = ops.sum(ops.square(wide - _beside(mean, x, axis)), axes) / at_least_one
    return normalize(x, mean, variance, gamma, beta, epsilon, axis), mean, variance, count


def normalize(x, mean, variance, gamma, beta, epsilon, axis):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, computed in float32 at least."""
    dtype = keras.backend.result_type(x.dtype, "float32")
    scale = ops.rsqrt(ops.cast(variance, dtype) + epsilon)
    outputs = (ops.cast(x, dtype) - _beside(ops.cast(mean, dtype), x, axis)) * _beside(scale, x, axis)
    if gamma is not None:
        outputs = outputs * _beside(ops.cast(gamma, dtype), x, axis)
    if beta is not None:
        outputs = outputs + _beside(ops.cast(beta, dtype), x, axis)
    return ops.cast(outputs, x.dtype)


def drop(x, keep_prob, seed_generator):
    """x * mask, P(mask = 1) = keep_prob. The draws are float32 whatever x is: half precision has too few values."""
    kept = keras.random.uniform(ops.shape(x), dtype="float32", seed=seed_generator) < keep_prob
    return ops.where(kept, x, ops.zeros_like(x))


def _beside(vector, x, axis):
    """A vector over the channels in a shape that broadcasts against x."""
    return ops.reshape(vector, [-1 if i == axis else 1 for i in range(len(x.shape))])
