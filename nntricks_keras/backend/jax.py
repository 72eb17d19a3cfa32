"""Kernels for Keras on JAX, where XLA fuses the passes and what counts is how much is drawn and kept."""

import functools
import math

import jax
import jax.numpy as jnp

from nntricks_keras.backend import reference


def elu(x, alpha):
    return jax.nn.elu(x, alpha)


def prelu(x, slope):
    if slope.size != x.shape[-1] or slope.shape[-1] != x.shape[-1]:
        return reference.prelu(x, slope)
    return _prelu_by_channel(x, slope.reshape(-1))


@jax.custom_vjp
def _prelu_by_channel(x, slope):
    return jnp.where(x > 0, x, (slope * x).astype(x.dtype))


def _prelu_backward(kept, dy):
    x, slope = kept
    below = jnp.where(x > 0, 0, dy.astype(slope.dtype) * x)
    return jnp.where(x > 0, dy, (slope * dy).astype(x.dtype)), jnp.sum(below, tuple(range(x.ndim - 1)))


_prelu_by_channel.defvjp(lambda x, slope: (_prelu_by_channel(x, slope), (x, slope)), _prelu_backward)


def local_response_norm(x, size, bias, alpha, beta, axis):
    """The sum over a window of channels is a product with a banded matrix, faster than adding shifted copies."""
    wide = jnp.moveaxis(x.astype(_wide_dtype(x)), axis, -1)
    return jnp.moveaxis(_normalize_locally(wide, size, bias, alpha, beta), -1, axis).astype(x.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3, 4))
def _normalize_locally(x, size, bias, alpha, beta):
    return _locally_forward(x, size, bias, alpha, beta)[0]


def _locally_forward(x, size, bias, alpha, beta):
    root = jax.lax.rsqrt(bias + alpha * _window_sum(jnp.square(x), size))
    return x * _power(root, beta), (x, root)


def _locally_backward(size, bias, alpha, beta, kept, dy):
    x, root = kept
    direct = dy * _power(root, beta)
    return (direct - 2 * alpha * beta * x * _window_sum(direct * x * root * root, size),)


_normalize_locally.defvjp(_locally_forward, _locally_backward)


def _window_sum(x, size):
    channels = jnp.arange(x.shape[-1])
    band = jnp.abs(channels[:, None] - channels) <= size // 2
    return jnp.matmul(x, band.astype(x.dtype), precision="highest")


def _power(root, beta):
    """d^-beta from d^-1/2; at the paper's 0.75 a square root takes the place of a logarithm and an exponential."""
    return root * jnp.sqrt(root) if beta == 0.75 else root ** (2 * beta)


def normalize(x, mean, variance, gamma, beta, epsilon, axis):
    """One factor and one summand a channel, as Keras has it: XLA finds all three gradients in one pass."""
    wide = x.astype(_wide_dtype(x))
    scale = jax.lax.rsqrt(jnp.asarray(variance, wide.dtype) + epsilon)
    if gamma is not None:
        scale = scale * jnp.asarray(gamma, wide.dtype)
    shift = -jnp.asarray(mean, wide.dtype) * scale
    if beta is not None:
        shift = shift + jnp.asarray(beta, wide.dtype)
    others = [i for i in range(x.ndim) if i != axis]
    return (wide * jnp.expand_dims(scale, others) + jnp.expand_dims(shift, others)).astype(x.dtype)


def batch_normalize(x, gamma, beta, epsilon, axis, synchronized):
    """Keeps only x for the backward pass. One program sees the whole batch here, so it is synchronized as it is."""
    wide = x.astype(_wide_dtype(x))
    num_channels = x.shape[axis]
    gamma = jnp.ones(num_channels, wide.dtype) if gamma is None else jnp.asarray(gamma, wide.dtype)
    beta = jnp.zeros(num_channels, wide.dtype) if beta is None else jnp.asarray(beta, wide.dtype)
    outputs, mean, variance = _normalize_by_batch(wide, gamma, beta, epsilon, axis)
    return outputs.astype(x.dtype), mean, variance, jnp.asarray(x.size // num_channels, wide.dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def _normalize_by_batch(x, gamma, beta, epsilon, axis):
    mean, variance = _moments(x, axis)
    return reference.normalize(x, mean, variance, gamma, beta, epsilon, axis), mean, variance


def _normalize_forward(x, gamma, beta, epsilon, axis):
    outputs, mean, variance = _normalize_by_batch(x, gamma, beta, epsilon, axis)
    return (outputs, mean, variance), (x, gamma, mean, variance)


def _normalize_backward(epsilon, axis, kept, gradients):
    """Algorithm 1's gradients, section 3; the moving averages, which take mean and variance, pass none back."""
    x, gamma, mean, variance = kept
    dy, *_ = gradients
    axes = [i for i in range(x.ndim) if i != axis]
    count = max(x.size // x.shape[axis], 1)
    scale = jax.lax.rsqrt(variance + epsilon)
    beside = functools.partial(jnp.expand_dims, axis=axes)
    normalized = (x - beside(mean)) * beside(scale)
    dbeta, dgamma = jnp.sum(dy, axes), jnp.sum(dy * normalized, axes)
    dx = beside(gamma * scale) * (dy - beside(dbeta / count) - normalized * beside(dgamma / count))
    return dx, dgamma, dbeta


_normalize_by_batch.defvjp(_normalize_forward, _normalize_backward)


def _moments(x, axis):
    """Mean and biased variance; zeros for an empty batch."""
    axes = [i for i in range(x.ndim) if i != axis]
    count = max(x.size // x.shape[axis], 1)
    mean = jnp.sum(x, axes) / count
    return mean, jnp.sum(jnp.square(x - jnp.expand_dims(mean, axes)), axes) / count


def drop(x, keep_prob, seed_generator):
    """Draws a bit or a byte a value, not four bytes."""
    seed = seed_generator.next()
    mask = _fair_mask(x.size, seed) if keep_prob == 0.5 else _mask(x.size, keep_prob, seed)
    return jnp.where(mask.reshape(x.shape), x, jnp.zeros((), x.dtype))


def _fair_mask(size, seed):
    """`size` tosses of a fair coin: the bits of size / 8 random bytes, the lowest bits of all bytes first."""
    bit = (1 << jnp.arange(8, dtype="uint8"))[:, None]
    return ((_random_bytes(math.ceil(size / 32), seed) & bit) > 0).reshape(-1)[:size]


def _mask(size, keep_prob, seed):
    """`size` Booleans, each true with probability `keep_prob`; how, says the function of this name for TensorFlow."""
    rare = min(keep_prob, 1 - keep_prob)
    threshold, remainder = divmod(256 * rare, 1)
    num_words = math.ceil(size / 64)
    bytes_ = _random_bytes(18 * num_words, seed)
    draws = jax.lax.bitcast_convert_type(bytes_[: 8 * num_words].reshape(-1, 2), "uint16")
    thresholds = (draws < int(65536 * remainder)).astype("uint8") + jnp.uint8(threshold)
    is_rare = (bytes_[8 * num_words :].reshape(16, -1) < thresholds).reshape(-1)[:size]
    return is_rare if rare == keep_prob else ~is_rare


def _random_bytes(num_words, seed):
    """Four random bytes a word."""
    words = jax.random.bits(seed, (num_words,), "uint32")
    return jax.lax.bitcast_convert_type(words, "uint8").reshape(-1)


def _wide_dtype(x):
    return jnp.promote_types(x.dtype, "float32")


def gradient_pass(function, reduce, compiled):
    """As the function of this name for TensorFlow. The gradient by a value inside is that by a zero added to it."""

    def one_pass(trainable, others, data):
        def run(trainable, added, tapped):
            def tap(key, tensor):
                tapped[key] = tensor if added is None else tensor + added[key]
                return tapped[key]

            return function(tap, trainable, others, data)

        def shapes():
            tapped = {}
            loss, _ = run(trainable, None, tapped)
            return loss, tapped

        loss, tapped = jax.eval_shape(shapes)
        if loss is None:
            return reduce(None, run(trainable, None, {})[1], None, None)
        zeros = {key: jnp.zeros(value.shape, value.dtype) for key, value in tapped.items()}
        differentiate = jax.value_and_grad(lambda *at: run(*at, {}), argnums=(0, 1), has_aux=True)
        (loss, notes), (by_weight, by_key) = differentiate(trainable, zeros)
        return reduce(loss, notes, by_key, by_weight)

    return jax.jit(one_pass)  # always: one operation after the other, each would be compiled by itself


def exact_products():
    return jax.default_matmul_precision("highest")
