"""The optimizer of a Recipe. Weight decay is that of the papers: L2 added to the gradient, on kernels only."""

import fnmatch

import keras
import tensorflow as tf
from keras import ops

from nntricks_keras.errors import check_name


class ClipsWholeBatch:
    """For an optimizer class: the gradient of the whole batch, over all replicas, is at most `clip_norm` long.

    Keras's `global_clipnorm` shortens each replica's share before they are summed, which is another gradient.
    """

    def __init__(self, *args, clip_norm=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.clip_norm = clip_norm

    def apply(self, grads, trainable_variables=None):
        if self.clip_norm is not None:
            grads = shorten(grads, self.clip_norm)
        super().apply(grads, trainable_variables)

    def get_config(self):
        return {**super().get_config(), "clip_norm": self.clip_norm}


def shorten(gradients, clip_norm):
    """Gradients, None among them, times clip_norm / max(length of their sum over replicas, clip_norm).

    What is returned on each replica sums up to the clipped gradient.
    """
    there = [gradient for gradient in gradients if gradient is not None]
    num_replicas = 1
    if keras.backend.backend() == "tensorflow":
        num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if num_replicas > 1:
        there = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, there)
    length = ops.sqrt(sum(ops.sum(ops.square(ops.cast(gradient, "float32"))) for gradient in there))
    scale = clip_norm / ops.maximum(length, clip_norm) / num_replicas
    clipped = iter([gradient * ops.cast(scale, gradient.dtype) for gradient in there])
    return [None if gradient is None else next(clipped) for gradient in gradients]


@keras.saving.register_keras_serializable(package="nntricks_keras")
class SGDWithL2(ClipsWholeBatch, keras.optimizers.SGD):
    """SGD with momentum, L2 in the gradient, and a rate of its own for every layer:

        v <- momentum * v - rate * factor * (gradient + l2 * w)
        w <- w + v

    Keras's own `weight_decay` is decoupled from the momentum, hence about 1 / (1 - momentum) times weaker at the same
    number than that of AlexNet's and VGG's papers, which is this one. L2 is added once, after the gradients of all
    replicas are summed and after any clipping. Keras has no learning rate by layer.

    Args:
        learning_rate: float or keras LearningRateSchedule.
        l2: float >= 0, the papers' weight decay (5e-4). It touches variables named "kernel", and no others.
        learning_rate_factors: {pattern of layer names: factor >= 0}, as {"conv1_*": 0.1, "logits": 10}. The first
            pattern that matches a layer counts; a layer that none matches has factor 1.
        **kwargs: those of keras.optimizers.SGD, and clip_norm of ClipsWholeBatch.

    Raises:
        InputError: when it is built, for a pattern that matches no layer.
    """

    def __init__(self, learning_rate=0.01, l2=0.0, learning_rate_factors=None, name="SGDWithL2", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.l2 = l2
        self.learning_rate_factors = learning_rate_factors or {}

    def build(self, variables):
        super().build(variables)
        names = sorted({layer_name(variable) for variable in variables})
        for pattern in self.learning_rate_factors:
            if not fnmatch.filter(names, pattern):
                check_name("layer in learning_rate_factors", pattern, names)

    def update_step(self, gradient, variable, learning_rate):
        known = self._trainable_variables[self._get_variable_index(variable)]
        if self.l2 and known.name == "kernel":
            gradient = ops.add(
                gradient, ops.multiply(ops.cast(self.l2, gradient.dtype), ops.cast(variable, gradient.dtype))
            )
        super().update_step(gradient, variable, self._rate_of(known, learning_rate))

    def _rate_of(self, variable, learning_rate):
        """The rate of a variable of the model, with the factor of its layer."""
        if not self.learning_rate_factors:
            return learning_rate
        layer = layer_name(variable)
        matching = (factor for pattern, factor in self.learning_rate_factors.items() if fnmatch.fnmatch(layer, pattern))
        return ops.multiply(learning_rate, ops.cast(next(matching, 1.0), learning_rate.dtype))

    def get_config(self):
        return {**super().get_config(), "l2": self.l2, "learning_rate_factors": self.learning_rate_factors}


@keras.saving.register_keras_serializable(package="nntricks_keras")
class Muon(SGDWithL2):
    """Each hidden kernel turns by one angle a step, in every direction of its update alike, and keeps its length:

        m <- momentum * m + gradient
        O <- orthogonalized(m)                              all its singular values are near 1
        w <- w - rate * |w| / |O| * O, made as long as before

    With nesterov, gradient + momentum * m is orthogonalized. A kernel (height, width, in, out) is the matrix
    (height * width * in, out) in this. Before a normalization only the direction of a kernel matters, so that its
    length needs no weight decay; elsewhere it stays the initializer's. A kernel of zeros is given the length sqrt(out).
    All else (biases, gamma, beta, and the kernel of the last layer) has SGDWithL2's rule, at `others` times the rate.
    keras.optimizers.Muon leaves convolutions to AdamW.

    A step takes 4 m^2 n + 34 m^3 operations for a kernel of m x n, m <= n: little beside what a convolution takes for
    a batch, but 0.7 times the whole of VGG-16's for its first dense layer, at batches of 64.

    Args:
        learning_rate: float or keras LearningRateSchedule: the tangent of the angle.
        others: the rate of what is no hidden kernel, divided by learning_rate.
        **kwargs: those of SGDWithL2, without momentum by default as there; `l2` touches the last kernel only.

    Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024).
    """

    def __init__(self, learning_rate=0.03, others=7.0, name="Muon", **kwargs):
        super().__init__(learning_rate=learning_rate, name=name, **kwargs)
        self.others = others

    def build(self, variables):
        super().build(variables)
        kernels = [i for i, variable in enumerate(variables) if variable.name == "kernel" and len(variable.shape) > 1]
        self._turning = kernels[:-1]

    def turns(self, variable):
        """Whether a trainable variable is a hidden kernel, whose step is |w| times the rate long."""
        return any(variable is self._trainable_variables[index] for index in self._turning)

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        if index not in self._turning:
            super().update_step(gradient, variable, ops.multiply(learning_rate, self.others))
            return
        update = gradient
        if self.momentum:
            momentum = ops.cast(self.momentum, gradient.dtype)
            update = velocity = ops.add(ops.multiply(momentum, self.momentums[index]), gradient)
            self.assign(self.momentums[index], velocity)
            if self.nesterov:
                update = ops.add(gradient, ops.multiply(momentum, velocity))
        exact = keras.backend.result_type(variable.dtype, "float32")  # where the variables are in bfloat16, float32
        rate = ops.cast(self._rate_of(self._trainable_variables[index], learning_rate), exact)
        moved = turned(ops.cast(variable, exact), orthogonalized(ops.cast(update, exact)), rate)
        self.assign(variable, ops.cast(moved, variable.dtype))

    def get_config(self):
        return {**super().get_config(), "others": self.others}


@keras.saving.register_keras_serializable(package="nntricks_keras")
class AdamW(ClipsWholeBatch, keras.optimizers.AdamW):
    """keras.optimizers.AdamW with the clip_norm of ClipsWholeBatch."""


@keras.saving.register_keras_serializable(package="nntricks_keras")
class LossScale(keras.optimizers.LossScaleOptimizer):
    """Keras's loss scaling for float16, with a step left out when the gradient overflows on *any* replica.

    Keras asks the first replica only, so that an infinity on another one reaches the weights.
    """

    def check_finite(self, grads):
        finite = super().check_finite(grads)
        if keras.backend.backend() != "tensorflow" or tf.distribute.get_strategy().num_replicas_in_sync == 1:
            return finite
        overflown = tf.cast(tf.logical_not(finite), "float32")
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, overflown) == 0


def orthogonalized(update, steps=5):
    """The nearest matrix (leading axes together, last axis) whose singular values are 1, roughly: they are within
    0.68 to 1.21 where they were not below 0.002 of the update's length.

    Newton and Schulz's iteration with the coefficients of Jordan et al., x <- (a + b x x^T + c (x x^T)^2) x, by matrix
    products only. Every step multiplies x from the left by a polynomial of x x^T, so that these small matrices are
    iterated, and x itself, of many columns, is multiplied once.
    """
    x = ops.reshape(update, (-1, update.shape[-1]))
    is_tall = x.shape[0] > x.shape[1]
    x = ops.transpose(x) if is_tall else x
    x = x / (length_of(x) + 1e-12)
    identity = ops.eye(x.shape[0], dtype=x.dtype)

    def polynomial(square):
        return 3.4445 * identity - 4.7750 * square + 2.0315 * ops.matmul(square, square)

    square = ops.matmul(x, ops.transpose(x))
    step = product = polynomial(square)
    for _ in range(steps - 1):
        square = ops.matmul(step, ops.matmul(square, step))
        step = polynomial(square)
        product = ops.matmul(step, product)
    x = ops.matmul(product, x)
    return ops.reshape(ops.transpose(x) if is_tall else x, update.shape)


def turned(kernel, direction, rate):
    """`kernel` after a step of rate * its length against `direction`, as long as before; sqrt(out) if it was 0."""
    there = length_of(kernel)
    length = ops.where(there > 0, there, kernel.shape[-1] ** 0.5)
    moved = kernel - direction * (rate * length / (length_of(direction) + 1e-12))
    return moved * (length / (length_of(moved) + 1e-12))


def length_of(tensor):
    return ops.sqrt(ops.sum(ops.square(tensor)))


def layer_name(variable):
    """The layer a variable belongs to: "conv1_1" of "vgg16/conv1_1/kernel"."""
    return variable.path.split("/")[-2] if "/" in variable.path else variable.path


def make_optimizer(recipe, learning_rate, model, precision="float32"):
    """The keras optimizer a Recipe asks for, built for the trainable variables of `model`.

    Args:
        recipe: Recipe.
        learning_rate: float or a keras LearningRateSchedule.
        model: a built keras.Model.
        precision: what the model computes in; float16 scales the loss.
    """
    if recipe.optimizer != "adamw":
        optimizer = {"sgd": SGDWithL2, "muon": Muon}[recipe.optimizer](
            learning_rate,
            l2=recipe.weight_decay,
            learning_rate_factors=recipe.learning_rate_factors,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            clip_norm=recipe.clip_norm,
        )
    else:
        optimizer = AdamW(learning_rate, weight_decay=recipe.weight_decay, clip_norm=recipe.clip_norm)
        others = [variable for variable in model.trainable_variables if variable.name != "kernel"]
        if optimizer.weight_decay and others:
            optimizer.exclude_from_weight_decay(var_list=others)
    if precision == "mixed_float16":
        optimizer = LossScale(optimizer)
    optimizer.build(model.trainable_variables)
    return optimizer
