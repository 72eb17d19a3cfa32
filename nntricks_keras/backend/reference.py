"""Each kernel as its paper writes it, in keras.ops.

A backend uses these where it has nothing faster, and the tests compare the faster ones with them. A function is
evaluated only where it applies, `where(x > 0, 0, x)` below zero: the gradient of the branch that is not taken would be
0 * infinity otherwise.
"""

import contextlib

import keras
from keras import ops


def leaky_relu(x, negative_slope):
    return prelu(x, negative_slope)


def prelu(x, slope):
    """`slope`: a number, or a float32 tensor that broadcasts against x. Its gradient, a sum, overflows float16."""
    return ops.where(x > 0, x, ops.cast(slope * _wide(x), x.dtype))


def rrelu(x, lower, upper, seed_generator):
    """A slope a value, drawn in float32 whatever x is: half precision has too few values."""
    return prelu(x, keras.random.uniform(ops.shape(x), lower, upper, dtype="float32", seed=seed_generator))


def elu(x, alpha):
    return ops.where(x > 0, x, alpha * ops.expm1(_negative_part(x)))


def celu(x, alpha):
    return ops.where(x > 0, x, alpha * ops.expm1(_negative_part(x) / alpha))


def parametric_elu(x, alpha, beta, axis):
    """Computed in float32 at least: x / beta does not fit into half precision."""
    wide = _wide(x)
    alpha, beta = (_beside(ops.cast(vector, wide.dtype), x, axis) for vector in (alpha, beta))
    return ops.cast(ops.where(wide >= 0, alpha / beta * wide, alpha * ops.expm1(_negative_part(wide) / beta)), x.dtype)


def scaled_tanh(x):
    """In float32 at least: near its ends the slope is 1 - tanh^2, which half precision would cancel away."""
    return ops.cast(1.7159 * ops.tanh(2 / 3 * _wide(x)), x.dtype)


def local_response_norm(x, size, bias, alpha, beta, axis):
    """x / (bias + alpha * sum of squares over `size` channels)^beta, in float32 at least: squares overflow float16."""
    wide = _wide(x)
    num_channels = x.shape[axis]
    padding = [(size // 2, size // 2) if i == axis else (0, 0) for i in range(len(x.shape))]
    squares = ops.pad(ops.square(wide), padding)
    window = sum(squares[(slice(None),) * axis + (slice(shift, shift + num_channels),)] for shift in range(size))
    return ops.cast(wide * ops.power(bias + alpha * window, -beta), x.dtype)


def batch_normalize(x, gamma, beta, epsilon, axis, synchronized):
    """Normalizes by the batch: the outputs, and what a moving average takes: mean, biased variance, count a channel."""
    axes = [i for i in range(len(x.shape)) if i != axis]
    wide = _wide(x)
    count = ops.cast(ops.prod(ops.convert_to_tensor([ops.shape(x)[i] for i in axes])), wide.dtype)
    at_least_one = ops.maximum(count, 1)  # an empty batch has mean and variance 0, not NaN
    mean = ops.sum(wide, axes) / at_least_one
    variance = ops.sum(ops.square(wide - _beside(mean, x, axis)), axes) / at_least_one
    return normalize(x, mean, variance, gamma, beta, epsilon, axis), mean, variance, count


def normalize(x, mean, variance, gamma, beta, epsilon, axis):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, in float32 at least; gamma or beta may be None."""
    wide = _wide(x)
    scale = ops.rsqrt(ops.cast(variance, wide.dtype) + epsilon)
    if gamma is not None:
        scale = scale * ops.cast(gamma, wide.dtype)
    outputs = (wide - _beside(ops.cast(mean, wide.dtype), x, axis)) * _beside(scale, x, axis)
    if beta is not None:
        outputs = outputs + _beside(ops.cast(beta, wide.dtype), x, axis)
    return ops.cast(outputs, x.dtype)


def drop(x, keep_prob, seed_generator):
    """x * mask, P(mask = 1) = keep_prob. Drawn in float32 whatever x is: half precision has too few values."""
    kept = keras.random.uniform(ops.shape(x), dtype="float32", seed=seed_generator) < keep_prob
    return ops.where(kept, x, ops.zeros_like(x))


def differ_by_replica(seed):
    """Only TensorFlow runs one program several times, a replica each; elsewhere the seed is as good as it is."""
    return seed


def exact_products():
    """A context in which products of matrices are computed in the precision of their numbers, on every device."""
    return contextlib.nullcontext()


def _wide(x):
    return ops.cast(x, keras.backend.result_type(x.dtype, "float32"))


def _negative_part(x):
    return ops.where(x > 0, ops.zeros_like(x), x)


def _beside(vector, x, axis):
    """A vector over the channels, in a shape that broadcasts against x."""
    if axis == len(x.shape) - 1:
        return vector
    return ops.reshape(vector, [-1 if i == axis else 1 for i in range(len(x.shape))])
