"""Every layer as its paper writes it, in NumPy: what the tests hold the layers against.

`reference(x, axis, *weights)` is given the layer's trainable weights, in the order in which the layer has them.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from nntricks_keras import layers


def along(vector, x, axis):
    return vector.reshape([-1 if i == axis % x.ndim else 1 for i in range(x.ndim)])


def leaky(x, slope):
    return np.where(x > 0, x, slope * x)


def exponential(x, alpha, scale):
    return np.where(x > 0, x, alpha * (np.exp(np.minimum(x, 0) / scale) - 1))


def parametric_elu(x, axis, alpha, beta):
    a, b = along(alpha, x, axis), along(beta, x, axis)
    return np.where(x >= 0, a / b * x, a * (np.exp(np.minimum(x, 0) / b) - 1))


def batch_norm_by_batch(x, axis, gamma, beta, epsilon=1e-5):
    axes = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return along(gamma, x, axis) * (x - mean) / np.sqrt(variance + epsilon) + along(beta, x, axis)


def batch_norm_untrained(x, axis, gamma, beta, epsilon=1e-5):
    return along(gamma, x, axis) * x / np.sqrt(1 + epsilon) + along(beta, x, axis)


def local_response_norm(x, axis, size=5, bias=2.0, alpha=1e-4, beta=0.75):
    moved = np.moveaxis(x, axis, -1)
    normalized = np.empty_like(moved)
    for i in range(moved.shape[-1]):
        window = moved[..., max(0, i - size // 2) : i + size // 2 + 1]
        normalized[..., i] = moved[..., i] / (bias + alpha * np.sum(window**2, -1)) ** beta
    return np.moveaxis(normalized, -1, axis)


@dataclasses.dataclass(frozen=True)
class Case:
    """One layer with one set of arguments, and what it computes."""

    name: str
    layer: type
    arguments: dict
    inference: Callable
    training: Callable | None = None  # None: a random layer, whose training has tests of its own
    has_axis: bool = False

    def make(self, axis=-1, **kwargs):
        return self.layer(**self.arguments, **({"axis": axis} if self.has_axis else {}), **kwargs)


def case(layer, arguments, inference, training="same", **kwargs):
    label = "-".join([layer.__name__, *(f"{key}={value}" for key, value in arguments.items())])
    return Case(label, layer, arguments, inference, inference if training == "same" else training, **kwargs)


CASES = [
    case(layers.LeakyReLU, {}, lambda x, axis: leaky(x, 0.01)),
    case(layers.LeakyReLU, {"negative_slope": 0.3}, lambda x, axis: leaky(x, 0.3)),
    case(layers.PReLU, {}, lambda x, axis, slope: leaky(x, along(slope, x, axis)), has_axis=True),
    case(layers.PReLU, {"shared": False}, lambda x, axis, slope: leaky(x, slope), has_axis=True),
    case(layers.RReLU, {"seed": 1}, lambda x, axis: leaky(x, (1 / 8 + 1 / 3) / 2), None),
    case(layers.ELU, {}, lambda x, axis: exponential(x, 1, 1)),
    case(layers.ELU, {"alpha": 0.3}, lambda x, axis: exponential(x, 0.3, 1)),
    case(layers.CELU, {}, lambda x, axis: exponential(x, 1, 1)),
    case(layers.CELU, {"alpha": 2.5}, lambda x, axis: exponential(x, 2.5, 2.5)),
    case(layers.ParametricELU, {"initial_alpha": 0.7, "initial_beta": 1.3}, parametric_elu, has_axis=True),
    case(layers.ScaledTanh, {}, lambda x, axis: 1.7159 * np.tanh(2 * x / 3)),
    case(layers.BatchNorm, {}, batch_norm_untrained, batch_norm_by_batch, has_axis=True),
    case(layers.Dropout, {"seed": 1}, lambda x, axis: 0.5 * x, None),
    case(layers.Dropout, {"keep_prob": 0.8, "seed": 1}, lambda x, axis: 0.8 * x, None),
    case(layers.Dropout, {"keep_prob": 1}, lambda x, axis: x),
    case(layers.LocalResponseNorm, {}, local_response_norm, has_axis=True),
    case(
        layers.LocalResponseNorm,
        {"size": 3, "bias": 1.0, "alpha": 0.5, "beta": 0.6},
        lambda x, axis: local_response_norm(x, axis, 3, 1.0, 0.5, 0.6),
        has_axis=True,
    ),
]
