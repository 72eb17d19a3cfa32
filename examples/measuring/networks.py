"""The plain networks of the examples about activations and initial weights, and the signals that run through them."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from nntricks_keras import initializers


def mlp(activation, seed, *, depth, width, initializer=initializers.Xavier, input_shape=(28, 28, 1), num_classes=10):
    """`depth` equal hidden layers, then logits; biases start at 0.

    Args:
        activation: the name of a Keras activation, or a function that makes a layer.
        seed: of the initial weights.
        initializer: a function of `seed` that makes an initializer; for every kernel, that of the logits too.

    Returns:
        keras.Model; the sums of layer i come from "sum{i}", what the activation makes of them from "output{i}".
    """
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(inputs)
    for layer in range(1, depth + 1):
        kernel = initializer(seed=1000 * seed + layer)
        x = keras.layers.Dense(width, kernel_initializer=kernel, name=f"sum{layer}")(x)
        x = activation_layer(activation, name=f"output{layer}")(x)
    kernel = initializer(seed=1000 * seed)
    return keras.Model(inputs, keras.layers.Dense(num_classes, kernel_initializer=kernel, name="logits")(x))


def activation_layer(activation, name=None):
    """A layer from the name of a Keras activation or from a function that makes a layer."""
    return activation(name=name) if callable(activation) else keras.layers.Activation(activation, name=name)


@dataclasses.dataclass(frozen=True)
class Signals:
    """What runs through the hidden layers of an `mlp` on one batch; a list entry a layer, the first layer first.

    Args:
        sums: before the activation, (batch, units).
        outputs: after it, (batch, units).
        gradients: of the mean loss by the sums, (batch, units).
        kernel_gradients: of the mean loss by the kernel, (inputs, units).
    """

    sums: list
    outputs: list
    gradients: list
    kernel_gradients: list


def signals(model, x, y):
    """Signals of an `mlp` on a batch of images and labels."""
    kernels = [layer.kernel for layer in model.layers if layer.name.startswith("sum")]
    names = range(1, len(kernels) + 1)
    tensors = [model.get_layer(f"{kind}{layer}").output for kind in ("sum", "output") for layer in names]
    inner = keras.Model(model.input, [*tensors, model.output])
    with tf.GradientTape() as tape:
        *values, logits = inner(tf.constant(x), training=False)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
    sums, outputs = values[: len(kernels)], values[len(kernels) :]
    gradients, kernel_gradients = tape.gradient(loss, [sums, [kernel.value for kernel in kernels]])
    return Signals(*([np.asarray(one) for one in column] for column in (sums, outputs, gradients, kernel_gradients)))


def rms(values):
    """Root of the mean square, in float64."""
    return float(np.sqrt(np.mean(np.square(values, dtype="float64"))))


def factor_a_layer(sizes):
    """The factor by which sizes change from an entry to the next, on the geometric mean."""
    return float((sizes[-1] / sizes[0]) ** (1 / (len(sizes) - 1)))


def off_centre(outputs):
    """How far a layer's outputs are from being centred: |mean| of each unit over its root mean square, averaged.

    0 for a unit with mean 0, 1 for a constant one. Units that are always 0 have no say.
    """
    outputs = np.asarray(outputs, "float64")
    size = np.sqrt(np.mean(outputs**2, axis=0))
    return float(np.mean(np.abs(outputs.mean(axis=0))[size > 0] / size[size > 0]))


def dead_units(model, x):
    """Which hidden units of an `mlp` are 0 on every image: bool (layers, units)."""
    inner = keras.Model(model.input, [layer.output for layer in model.layers if layer.name.startswith("output")])
    parts = [keras.tree.flatten(inner(x[start : start + 2000])) for start in range(0, len(x), 2000)]
    return np.all([[np.all(np.asarray(output) == 0, axis=0) for output in part] for part in parts], axis=0)
