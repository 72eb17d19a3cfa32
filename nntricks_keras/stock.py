"""Our layers' counterparts among Keras's own: equal outputs at inference."""

import keras
import numpy as np
from keras import ops

from nntricks_keras import layers


def is_ours(layer):
    return type(layer) in _COUNTERPARTS


def counterpart(layer, shape):
    """A function of a tensor that does what this layer of ours does on inputs of this shape.

    The function keeps its layers: called twice, it is one layer called twice.
    """
    made = _COUNTERPARTS[type(layer)](layer, shape)
    return made if callable(made) else _chain(made)


def _chain(pairs):
    """Layers applied one after the other, each with the weights it gets once it is built."""

    def function(x):
        for layer, weights in pairs:
            x = layer(x)
            layer.set_weights(weights)
        return x

    return function


def _local_response_norm(layer, shape):
    """The window's sum is a dense layer over the channels, with a banded kernel; in float32 at least, as in ours."""
    axis = layer.axis % len(shape)
    to_last = [*(i for i in range(len(shape)) if i != axis), axis]
    back = [to_last.index(i) for i in range(len(shape))]
    dtype = keras.backend.result_type(layer.compute_dtype, "float32")
    channels = np.arange(shape[axis])
    band = np.abs(channels[:, None] - channels) <= layer.size // 2
    window = keras.layers.Dense(len(channels), trainable=False, dtype=dtype, name=layer.name)

    def function(x):
        wide = ops.transpose(ops.cast(x, dtype), to_last)
        sums = window(ops.square(wide))
        window.set_weights([layer.alpha * band, np.full(len(channels), layer.bias)])
        normalized = ops.multiply(wide, ops.power(sums, -layer.beta))
        return ops.cast(ops.transpose(normalized, back), layer.compute_dtype)

    return function


def _same(layer):
    # The policy by its name: Keras's ELU has no configuration of its own that could hold a policy.
    return {"name": layer.name, "dtype": layer.dtype_policy.name}


def _prelu(layer, shape):
    if not layer.shared:
        return [(keras.layers.PReLU(**_same(layer)), layer.get_weights())]
    axis = layer.axis % len(shape)
    shared_axes = [i for i in range(1, len(shape)) if i != axis]
    slope = layer.get_weights()[0].reshape([-1 if i == axis else 1 for i in range(1, len(shape))])
    return [(keras.layers.PReLU(shared_axes=shared_axes or None, **_same(layer)), [slope])]


def _parametric_elu(layer, shape):
    """a ELU(x / b)."""
    alpha, beta = (ops.convert_to_numpy(v).astype("float64") for v in (layer.alpha, layer.beta))
    constants = {"axis": layer.axis % len(shape), "dtype": layer.dtype_policy.name, "mean": [0.0] * len(alpha)}
    return [
        (keras.layers.Normalization(variance=(beta**2).tolist(), name=f"{layer.name}_beta", **constants), []),
        (keras.layers.ELU(**_same(layer)), []),
        (
            keras.layers.Normalization(
                variance=(alpha**2).tolist(), invert=True, name=f"{layer.name}_alpha", **constants
            ),
            [],
        ),
    ]


def _scaled_tanh(layer, shape):
    return [
        (keras.layers.Rescaling(2 / 3, name=f"{layer.name}_inner", dtype=layer.dtype_policy.name), []),
        (keras.layers.Activation("tanh", **_same(layer)), []),
        (keras.layers.Rescaling(1.7159, name=f"{layer.name}_outer", dtype=layer.dtype_policy.name), []),
    ]


def _batch_norm(layer, shape):
    arguments = {"axis": layer.axis, "epsilon": layer.epsilon, "center": layer.center, "scale": layer.scale}
    return [
        (keras.layers.BatchNormalization(momentum=1 - layer.alpha, **arguments, **_same(layer)), layer.get_weights())
    ]


# Our layer -> the stock layers that do the same, in their order, each with its weights; or a function.
_COUNTERPARTS = {
    layers.BatchNorm: _batch_norm,
    layers.CELU: lambda layer, shape: lambda x: ops.celu(x, layer.alpha),
    layers.Dropout: lambda layer, shape: [(keras.layers.Rescaling(layer.keep_prob, **_same(layer)), [])],
    layers.ELU: lambda layer, shape: [(keras.layers.ELU(layer.alpha, **_same(layer)), [])],
    layers.LeakyReLU: lambda layer, shape: [(keras.layers.LeakyReLU(layer.negative_slope, **_same(layer)), [])],
    layers.LocalResponseNorm: _local_response_norm,
    layers.PReLU: _prelu,
    layers.ParametricELU: _parametric_elu,
    layers.RReLU: lambda layer, shape: [(keras.layers.LeakyReLU((layer.lower + layer.upper) / 2, **_same(layer)), [])],
    layers.ScaledTanh: _scaled_tanh,
}
