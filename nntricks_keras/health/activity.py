"""Activations: what a layer's is called, and where it has no slope left, read off its outputs."""

import math
import re

import keras

from nntricks_keras import layers

FLAT = 0.01  # of the derivative's maximum: less than that, and a unit learns a hundred times slower than at its best

# From the outputs y alone, since the derivative of each of these is a function of them.
_FLAT_FUNCTIONS = {
    "sigmoid": lambda y: y * (1 - y) < FLAT / 4,
    "hard_sigmoid": lambda y: (y <= 0) | (y >= 1),
    "tanh": lambda y: 1 - y * y < FLAT,
    "hard_tanh": lambda y: abs(y) >= 1,
    "softsign": lambda y: (1 - abs(y)) ** 2 < FLAT,
    "softplus": lambda y: y < -math.log1p(-FLAT),  # the derivative is 1 - e^-y
    "relu6": lambda y: y >= 6,
    "elu": lambda y: y + 1 < FLAT,
    "celu": lambda y: y + 1 < FLAT,
    "selu": lambda y: y / _SELU_FLOOR + 1 < FLAT,
}
_SELU_FLOOR = 1.0507009873554805 * 1.6732632423543772
_FLAT_LAYERS = {
    layers.ScaledTanh: lambda layer: lambda y: 1 - (y / 1.7159) ** 2 < FLAT,
    layers.ELU: lambda layer: lambda y: y + layer.alpha < FLAT * max(layer.alpha, 1),
    keras.layers.ELU: lambda layer: lambda y: y + layer.alpha < FLAT * max(layer.alpha, 1),
    layers.CELU: lambda layer: lambda y: y / layer.alpha + 1 < FLAT,
}
_OTHER_LAYERS = (
    *(layers.LeakyReLU, layers.PReLU, layers.RReLU, layers.ParametricELU),
    *(keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.Softmax),
)


def activation_of(layer):
    """(its name or None, a function outputs -> where they have no slope left, or None for those that have no such end).

    ReLU's zeros do not count: half of them are its purpose, and a unit that is zero for all examples counts as dead.
    """
    function = getattr(layer, "activation", None)
    if isinstance(layer, keras.layers.RNN):
        return None, None  # its activation is inside, and gates come after it
    if isinstance(function, keras.Layer):
        return activation_of(function)
    if type(layer) in _FLAT_LAYERS:
        return _snake_case(type(layer).__name__), _FLAT_LAYERS[type(layer)](layer)
    if isinstance(layer, _OTHER_LAYERS):
        return _snake_case(type(layer).__name__), None
    if function is None or not callable(function):
        return None, None
    name = getattr(function, "__name__", type(function).__name__)
    return name, _FLAT_FUNCTIONS.get(name) if function is getattr(keras.activations, name, None) else None


def _snake_case(name):
    known = {
        "LeakyReLU": "leaky_relu",
        "PReLU": "prelu",
        "RReLU": "rrelu",
        "ReLU": "relu",
        "ELU": "elu",
        "CELU": "celu",
    }
    return known.get(name) or re.sub("(?<=[a-z])(?=[A-Z])", "_", name).replace("ELU", "elu").lower()
