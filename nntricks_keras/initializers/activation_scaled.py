"""He's derivation for any activation: measure what the activation passes on, and make up for it."""

import inspect
import math

import keras
import numpy as np

from nntricks_keras.errors import InputError, check_name
from nntricks_keras.initializers.fan_scaled import FanScaled


@keras.saving.register_keras_serializable(package="nntricks_keras")
class ActivationScaled(FanScaled):
    """Standard deviation 1 / sqrt(n_in E f(z)^2), z ~ N(0, 1), for a layer that follows the activation f.

    Its sums of n_in products then have variance 1 if those of the layer below had. Made by `for_activation`.

    Args:
        second_moment: E f(z)^2, positive: 0.5 for ReLU (which makes this He's), 0.394 for tanh.
        distribution: "normal" (not truncated), "truncated_normal" (at two deviations), "uniform" or "orthogonal", each
            with the stated deviation.
        groups: of the convolution the kernel is for (the kernel's shape does not tell): n_in and n_out are counted
            inside a group.
        seed: integer, `keras.random.SeedGenerator`, or None: every call then draws anew.

    Raises:
        ValueError: `second_moment` not positive, an unknown distribution, groups that do not divide the outputs.
    """

    def __init__(self, second_moment, distribution="normal", groups=1, seed=None):
        super().__init__(distribution, groups, seed)
        if not 0 < second_moment < math.inf:
            raise InputError(
                f"ActivationScaled: second_moment has to be positive and finite, received {second_moment!r}"
            )
        self.second_moment = second_moment

    def stddev_of(self, fan_in, fan_out):
        return 1 / math.sqrt(fan_in * self.second_moment)

    def get_config(self):
        return {**super().get_config(), "second_moment": self.second_moment}


def for_activation(activation, *, distribution="normal", groups=1, seed=None, **parameters):
    """The initializer of a layer that follows this activation: deviation 1 / sqrt(n_in E f(z)^2), z ~ N(0, 1).

    Args:
        activation: a name ("relu", "leaky_relu", "tanh", ...), or a layer or function that takes and returns a tensor.
        distribution, groups, seed: as `He` takes them.
        parameters: the activation's own, named as the layer names them: `for_activation("leaky_relu",
            negative_slope=0.2)`, `for_activation("elu", alpha=0.5)`.

    Raises:
        ValueError: an unknown activation (with the nearest names) or a parameter that it does not have.
    """
    second_moment = _second_moment(_as_function(activation, parameters))
    return ActivationScaled(second_moment, distribution=distribution, groups=groups, seed=seed)


def _as_function(activation, parameters):
    """`activation` as a function of a float64 array, with its parameters filled in."""
    if callable(activation):
        if parameters:
            raise InputError(f"parameters go with the name of an activation, received {parameters} and {activation!r}")
        return lambda z: keras.ops.convert_to_numpy(activation(z[:, None].astype("float32")))[:, 0].astype("float64")
    function = ACTIVATIONS[check_name("activation", activation, ACTIVATIONS)]
    known = list(inspect.signature(function).parameters)[1:]
    for name in parameters:
        if name not in known:
            has = ", ".join(known) or "none"
            raise InputError(f"{activation!r} has no parameter {name!r}; it has: {has}")
    return lambda z: function(z, **parameters)


def _second_moment(function):
    """E f(z)^2 for z ~ N(0, 1), by Gauss-Legendre quadrature between integers: activations have their kinks there."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    z = (np.arange(-12, 12)[:, None] + (nodes + 1) / 2).ravel()
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return float(np.sum(np.tile(weights / 2, 24) * density * function(z) ** 2))


def _sigmoid(z):
    return 1 / (1 + np.exp(-z))


def _expm1_below(z):
    return np.expm1(np.minimum(z, 0))


def _leaky(z, slope):
    return np.where(z > 0, z, slope * z)


def _parametric_elu(z, initial_alpha=1.0, initial_beta=1.0):
    return np.where(z >= 0, initial_alpha / initial_beta * z, initial_alpha * _expm1_below(z / initial_beta))


# The activations by name: ours with our defaults, and Keras's that act on one number.
ACTIVATIONS = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "relu6": lambda z: np.clip(z, 0, 6),
    "leaky_relu": lambda z, negative_slope=0.01: _leaky(z, negative_slope),
    "prelu": lambda z, initial_slope=0.25: _leaky(z, initial_slope),
    # The slope is random and independent of z: what counts is its root mean square.
    "rrelu": lambda z, lower=1 / 8, upper=1 / 3: _leaky(z, math.sqrt((lower**2 + lower * upper + upper**2) / 3)),
    "elu": lambda z, alpha=1.0: np.where(z > 0, z, alpha * _expm1_below(z)),
    "celu": lambda z, alpha=1.0: np.where(z > 0, z, alpha * _expm1_below(z / alpha)),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * _expm1_below(z)),
    "parametric_elu": _parametric_elu,
    "scaled_tanh": lambda z: 1.7159 * np.tanh(2 * z / 3),
    "tanh": lambda z: np.tanh(z),
    "sigmoid": _sigmoid,
    "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "hard_tanh": lambda z: np.clip(z, -1, 1),
    "softplus": lambda z: np.logaddexp(0, z),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "silu": lambda z: z * _sigmoid(z),
    "swish": lambda z: z * _sigmoid(z),
    "gelu": lambda z: z * np.array([0.5 + 0.5 * math.erf(one / math.sqrt(2)) for one in z]),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
}
