"""Kernels for Keras on TensorFlow: fewer passes over memory than the reference, and less kept for the backward pass."""

import contextlib

import numpy as np
import tensorflow as tf

from nntricks_keras.backend import reference

_FUSED_DTYPES = (tf.float16, tf.bfloat16, tf.float32)  # what FusedBatchNormV3 takes


def leaky_relu(x, negative_slope):
    return tf.nn.leaky_relu(x, negative_slope)


def prelu(x, slope):
    """Keeps only x for the backward pass."""
    shared_axes = [i for i, size in enumerate(slope.shape) if size == 1]

    @tf.custom_gradient
    def function(x, slope):
        below = tf.cast(slope, x.dtype)

        def gradient(dy):
            slope_gradient = tf.cast(dy, slope.dtype) * tf.cast(tf.minimum(x, 0), slope.dtype)
            return tf.where(x > 0, dy, below * dy), tf.reduce_sum(slope_gradient, shared_axes, keepdims=True)

        return tf.nn.relu(x) + below * tf.minimum(x, 0), gradient

    return function(x, slope)


def elu(x, alpha):
    return tf.nn.elu(x) if alpha == 1 else _exponential_below_zero(x, alpha, 1)


def celu(x, alpha):
    return tf.nn.elu(x) if alpha == 1 else _exponential_below_zero(x, alpha, alpha)


def _exponential_below_zero(x, alpha, scale):
    """alpha (e^(x / scale) - 1) for x <= 0. Keeps only the outputs y: there the slope is (y + alpha) / scale."""

    @tf.custom_gradient
    def function(x):
        y = tf.where(x > 0, x, alpha * tf.math.expm1(tf.minimum(x, 0) / scale))
        return y, lambda dy: tf.where(y > 0, dy, dy * (y + alpha) / scale)

    return function(x)


def local_response_norm(x, size, bias, alpha, beta, axis):
    """The sum over a window of channels is a product with a banded matrix, faster than adding shifted copies."""
    rank = len(x.shape)
    if axis != rank - 1:
        to_last = [*(i for i in range(rank) if i != axis), axis]
        y = local_response_norm(tf.transpose(x, to_last), size, bias, alpha, beta, rank - 1)
        return tf.transpose(y, np.argsort(to_last))
    dtype = _wide_dtype(x)
    num_channels = tf.shape(x)[-1] if x.shape[-1] is None else x.shape[-1]
    channels = tf.range(num_channels)
    band = tf.cast(tf.abs(channels[:, None] - channels) <= size // 2, dtype)

    @tf.custom_gradient
    def function(x):
        rows = tf.reshape(x, [-1, num_channels])
        bias_vector = tf.fill([num_channels], tf.cast(bias, dtype))
        # Kept: x and d^-1/2, from which both d^-beta and 1 / d are a product or two away.
        root = tf.math.rsqrt(tf.nn.bias_add(tf.matmul(tf.square(rows), alpha * band), bias_vector))

        def gradient(dy):
            rows = tf.reshape(x, [-1, num_channels])
            direct = tf.reshape(dy, [-1, num_channels]) * _power(root, beta)
            dx = direct - rows * tf.matmul(direct * rows * (root * root), 2 * alpha * beta * band)
            return tf.reshape(dx, tf.shape(x))

        return tf.reshape(rows * _power(root, beta), tf.shape(x)), gradient

    return _with_shape_of(x, tf.cast(function(tf.cast(x, dtype)), x.dtype))


def _power(root, beta):
    """d^-beta from d^-1/2; at the paper's 0.75 a square root takes the place of a logarithm and an exponential."""
    return root * tf.sqrt(root) if beta == 0.75 else tf.pow(root, 2 * beta)


def batch_normalize(x, gamma, beta, epsilon, axis, synchronized):
    replicas = tf.distribute.get_replica_context()
    alone = replicas is None or replicas.num_replicas_in_sync == 1
    if not alone and synchronized:
        mean, variance, count = _moments_over_replicas(x, axis, replicas)
        return reference.normalize(x, mean, variance, gamma, beta, epsilon, axis), mean, variance, count
    if axis == len(x.shape) - 1 and x.dtype in _FUSED_DTYPES:
        outputs, mean, variance, count = _fused_batch_normalize(x, gamma, beta, epsilon)
    else:
        outputs, mean, variance, count = reference.batch_normalize(x, gamma, beta, epsilon, axis, synchronized)
    mean, variance = tf.stop_gradient(mean), tf.stop_gradient(variance)
    if not alone:
        # Each replica normalizes by its own statistics; the moving averages take their mean, weighted by the counts,
        # so that they are equal everywhere and those of one replica stand for all when the model is saved.
        total, mean, variance = replicas.all_reduce("SUM", [count, count * mean, count * variance])
        count, mean, variance = total, mean / tf.maximum(total, 1), variance / tf.maximum(total, 1)
    return outputs, mean, variance, count


def _fused_batch_normalize(x, gamma, beta, epsilon):
    num_channels = x.shape[-1]
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=_as_images(x),
        scale=tf.ones([num_channels]) if gamma is None else tf.convert_to_tensor(gamma),
        offset=tf.zeros([num_channels]) if beta is None else tf.convert_to_tensor(beta),
        mean=tf.zeros([0]),
        variance=tf.zeros([0]),
        epsilon=epsilon,
        is_training=True,
    )
    count = tf.cast(tf.size(x) // num_channels, tf.float32)
    # The kernel's variance is divided by count - 1, and for an empty batch it gives NaN.
    biased = tf.maximum(count - 1, 0) / tf.maximum(count, 1)
    mean = tf.where(count > 0, mean, tf.zeros_like(mean))
    variance = tf.where(count > 0, variance * biased, tf.zeros_like(variance))
    return _with_shape_of(x, tf.reshape(outputs, tf.shape(x))), mean, variance, count


def _moments_over_replicas(x, axis, replicas):
    """Mean, biased variance and count over the examples of all replicas; gradients flow to all of them too."""
    axes = [i for i in range(len(x.shape)) if i != axis]
    x = tf.cast(x, _wide_dtype(x))
    count = tf.cast(tf.size(x) // x.shape[axis], x.dtype)
    total, count = replicas.all_reduce("SUM", [tf.reduce_sum(x, axes, keepdims=True), count])
    at_least_one = tf.maximum(count, 1)
    mean = total / at_least_one
    squares = replicas.all_reduce("SUM", tf.reduce_sum(tf.square(x - mean), axes))
    return tf.reshape(mean, [-1]), squares / at_least_one, count


def normalize(x, mean, variance, gamma, beta, epsilon, axis):
    if axis != len(x.shape) - 1 or x.dtype not in _FUSED_DTYPES:
        return reference.normalize(x, mean, variance, gamma, beta, epsilon, axis)
    num_channels = x.shape[-1]

    @tf.custom_gradient
    def function(x, mean, variance, gamma, beta):
        images = _as_images(x)
        y = tf.raw_ops.FusedBatchNormV3(
            x=images, scale=gamma, offset=beta, mean=mean, variance=variance, epsilon=epsilon, is_training=False
        )[0]

        def gradient(dy):
            scale = gamma * tf.math.rsqrt(variance + epsilon)
            dx = tf.cast(tf.cast(dy, tf.float32) * scale, x.dtype)
            # A graph runs this only where a gradient of gamma or beta is asked for.
            _, gamma_gradient, beta_gradient, *_ = tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=_as_images(dy),
                x=images,
                scale=gamma,
                reserve_space_1=mean,
                reserve_space_2=variance,
                reserve_space_3=tf.zeros([0]),
                epsilon=epsilon,
                is_training=False,
            )
            return dx, None, None, gamma_gradient, beta_gradient

        return tf.reshape(y, tf.shape(x)), gradient

    gamma = tf.ones([num_channels]) if gamma is None else tf.convert_to_tensor(gamma)
    beta = tf.zeros([num_channels]) if beta is None else tf.convert_to_tensor(beta)
    mean, variance = tf.convert_to_tensor(mean), tf.convert_to_tensor(variance)
    return _with_shape_of(x, function(x, mean, variance, gamma, beta))


def drop(x, keep_prob, seed_generator):
    """Keeps one byte a value for the backward pass, and draws a bit or a byte a value, not four."""
    seed = seed_generator.next()
    mask = _fair_mask(tf.size(x), seed) if keep_prob == 0.5 else _mask(tf.size(x), keep_prob, seed)
    mask = tf.reshape(mask, tf.shape(x))

    @tf.custom_gradient
    def function(x):
        return x * tf.cast(mask, x.dtype), lambda dy: dy * tf.cast(mask, dy.dtype)

    return _with_shape_of(x, function(x))


def _fair_mask(size, seed):
    """`size` tosses of a fair coin: the bits of size / 8 random bytes, the lowest bits of all bytes first."""
    bits = tf.bitwise.bitwise_and(
        _random_bytes(-(-size // 64), seed), tf.constant([[1 << i] for i in range(8)], tf.uint8)
    )
    return tf.reshape(bits, [-1])[:size] > 0


def _mask(size, keep_prob, seed):
    """`size` Booleans, each true with probability `keep_prob`.

    A value is kept if its random byte is below 256 keep_prob, rounded up with the probability that makes up for
    rounding; 16 values share the 16-bit draw that decides it. So P is exact to 2^-24, and two masks of such a 16
    correlate by less than 1 / (2^18 keep_prob (1 - keep_prob)).
    """
    rare = min(keep_prob, 1 - keep_prob)  # below 256 rare + 1 a threshold fits into a byte
    threshold, remainder = divmod(256 * rare, 1)
    num_words = -(-size // 128)
    bytes_ = _random_bytes(18 * num_words, seed)
    raises = tf.bitcast(tf.reshape(bytes_[: 16 * num_words], [-1, 2]), tf.uint16) < int(65536 * remainder)
    thresholds = tf.cast(raises, tf.uint8) + int(threshold)
    is_rare = tf.reshape(tf.reshape(bytes_[16 * num_words :], [16, -1]) < thresholds, [-1])[:size]
    return is_rare if rare == keep_prob else ~is_rare


def _random_bytes(num_words, seed):
    """Eight random bytes a word."""
    words = tf.random.stateless_uniform([num_words], seed, minval=None, maxval=None, dtype=tf.uint64)
    return tf.reshape(tf.bitcast(words, tf.uint8), [-1])


def differ_by_replica(seed):
    replicas = tf.distribute.get_replica_context()
    if replicas is None or replicas.num_replicas_in_sync == 1:
        return seed
    # An odd constant with bits all over keeps the seeds of replicas apart from those of layers numbered in a row.
    return seed + tf.cast(replicas.replica_id_in_sync_group, seed.dtype) * tf.constant([0x9E3779B9, 0], seed.dtype)


def _wide_dtype(x):
    return tf.float64 if x.dtype == tf.float64 else tf.float32


def _as_images(x):
    """(batch, ..., channels) as (batch, everything between, 1, channels), what the fused kernels take.

    The batch stays the batch: cuDNN refuses one of millions, which all positions of all images together would be.
    """
    shape = tf.shape(x)
    return tf.reshape(x, [shape[0], tf.reduce_prod(shape[1:-1]), 1, x.shape[-1]])


def _with_shape_of(x, result):
    """What is known of x's shape, told of `result` without a check at run time.

    A check would fail where a replica gets no image: on a CPU, TensorFlow's convolution of an empty batch returns its
    input's number of channels.
    """
    result.set_shape(x.shape)
    return result


def gradient_pass(function, reduce, compiled):
    """A pass forward and backward that also finds the gradients by values inside.

    Args:
        function: (tap, trainable, others, data) -> (scalar loss, or None for a forward pass alone; notes, a structure
            of tensors). It hands a value inside to tap(key, tensor) and goes on with the tensor that this returns.
        reduce: (loss, notes, {key: gradient or None}, [gradient or None by each of trainable]) -> what the pass
            returns, a structure of tensors; without a loss, loss and gradients are None.
        compiled: whether to make one program of it, worth it for more than a few passes.

    Returns:
        A function (list of trainable tensors, list of other tensors, structure of tensors) of one pass.
    """

    def one_pass(trainable, others, data):
        tapped = {}
        with tf.GradientTape() as tape:

            def tap(key, tensor):
                tapped[key] = tf.identity(tensor)  # what a layer hands on as it is, is tapped twice: two tensors
                tape.watch(tapped[key])
                return tapped[key]

            for value in trainable:
                tape.watch(value)
            loss, notes = function(tap, trainable, others, data)
        if loss is None:
            return reduce(None, notes, None, None)
        by_weight, by_key = tape.gradient(loss, (trainable, tapped))
        # An embedding's gradient comes as slices.
        by_weight = [None if gradient is None else tf.convert_to_tensor(gradient) for gradient in by_weight]
        return reduce(loss, notes, by_key, by_weight)

    return tf.function(one_pass, autograph=False, reduce_retracing=True) if compiled else one_pass


@contextlib.contextmanager
def exact_products():
    """Without TensorFloat-32, whose 10 bits are TensorFlow's default on GPUs from Ampere on."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
