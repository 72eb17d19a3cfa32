"""Networks of milliseconds and examples for them, to make ill or to strain."""

import functools

import keras
import numpy as np

from nntricks_keras import health, initializers, layers

NUM_CLASSES = 10
NUM_INPUTS = 20


def examples(count=256, seed=0):
    """(standardized vectors around ten class centres, one-hot labels)."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(NUM_CLASSES, NUM_INPUTS))
    labels = np.arange(count) % NUM_CLASSES
    x = (centres[labels] + rng.normal(size=(count, NUM_INPUTS))) / np.sqrt(2)
    return x.astype("float32"), np.eye(NUM_CLASSES, dtype="float32")[labels]


def pictures(count=64, seed=0):
    """(standardized 8 x 8 pictures of two channels, one-hot labels)."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % NUM_CLASSES
    x = rng.normal(size=(NUM_CLASSES, 8, 8, 2))[labels] + rng.normal(size=(count, 8, 8, 2))
    return (x / np.sqrt(2)).astype("float32"), np.eye(NUM_CLASSES, dtype="float32")[labels]


def dense(depth=3, width=32, activation="relu", initializer=None, norm=None, seed=1):
    """`depth` hidden layers "fc1", "fc2", ... and "logits"."""
    keras.utils.set_random_seed(seed)
    model = [keras.Input((NUM_INPUTS,))]
    for i in range(1, depth + 1):
        kernel = initializer or initializers.for_activation(activation)
        model.append(
            keras.layers.Dense(width, activation if norm is None else None, kernel_initializer=kernel, name=f"fc{i}")
        )
        if norm is not None:
            model += [layers.BatchNorm(name=f"norm{i}", **norm), keras.layers.Activation(activation, name=f"act{i}")]
    return keras.Sequential(
        [*model, keras.layers.Dense(NUM_CLASSES, name="logits", kernel_initializer="glorot_normal")]
    )


def conv(activation="relu", depth=2):
    """Convolutions "conv1", "conv2", ... and "logits"."""
    keras.utils.set_random_seed(2)
    model = [keras.Input((8, 8, 2))]
    for i in range(1, depth + 1):
        kernel = initializers.for_activation(activation)
        model.append(keras.layers.Conv2D(8, 3, padding="same", kernel_initializer=kernel, name=f"conv{i}"))
        model.append(keras.layers.Activation(activation, name=f"act{i}"))
    return keras.Sequential([*model, keras.layers.Flatten(), keras.layers.Dense(NUM_CLASSES, name="logits")])


def compiled(model, rate=0.05, steps=0, momentum=0.0):
    model.compile(
        keras.optimizers.SGD(rate, momentum=momentum),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.optimizer.build(model.trainable_variables)
    model.optimizer.iterations.assign(steps)
    return model


def trained():
    """A network that has learnt all of `examples()`."""
    model = dense()
    model.set_weights(_trained_weights())
    return model


@functools.cache
def _trained_weights():
    model = compiled(dense(), rate=0.1, momentum=0.9)
    for _ in range(30):
        model.train_on_batch(*examples())
    return model.get_weights()


def probed(model, data=None, history=(), **kwargs):
    """(report, history), to be judged again under other thresholds."""
    return health.probe(model, *(data or examples()), history=history, **kwargs), history


def even(model, factor):
    """Scales the kernels so that every layer of a ReLU network has `factor` times the signal of the one before."""
    initializers.lsuv(model, examples()[0], tolerance=0.01, seed=0)
    for layer in model.layers:
        layer.kernel.assign(layer.kernel * factor)
    return model


def set_share(model, name, share, kernel=None, bias=None):
    """Gives that share of a layer's units another kernel or bias."""
    layer = model.get_layer(name)
    weights = layer.get_weights()
    count = round(share * weights[1].size)
    if kernel is not None:
        weights[0][..., :count] = kernel
    if bias is not None:
        weights[1][:count] = bias
    layer.set_weights(weights)
    return model


def with_loss(model, wanted):
    """Scales what a trained network answers until its loss is `wanted`: all of it is right, or little of it is left."""
    x, y = examples()
    kernel, bias = model.layers[-1].get_weights()
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        model.layers[-1].set_weights([kernel * middle, bias * middle])
        logits = model.predict_on_batch(x)
        loss = float(keras.ops.mean(keras.ops.categorical_crossentropy(y, logits, from_logits=True)))
        low, high = (middle, high) if loss > wanted else (low, middle)
    return model


def at_update_ratio(model, wanted, layers=slice(None)):
    """The network with the rate at which the largest update ratio of these layers is `wanted`."""
    report, _ = probed(compiled(model, rate=1.0))
    largest = max(row.update_ratio for row in report.layers[layers])
    return compiled(model, rate=wanted / largest)


def with_drift(model, wanted):
    """Gives "norm1", the only one, moving statistics that are `wanted` deviations of the batch from the batch's."""
    x = keras.Model(model.inputs[0], model.get_layer("fc1").output).predict_on_batch(examples()[0])
    mean, std = np.mean(x, axis=0), np.std(x, axis=0)
    norm = model.get_layer("norm1")
    norm.moving_mean.assign(mean + wanted * std)
    norm.moving_variance.assign(std**2)
    return model
