"""The second moments against closed forms and draws; and the lecture's derivation, on real layers."""

import math

import keras
import numpy as np
import pytest

from nntricks_keras import layers
from nntricks_keras.initializers import Gaussian, He, Xavier, for_activation


def normal_cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def elu_moment(alpha=1.0):
    """1/2 + alpha^2 E (e^z - 1)^2 [z < 0], and E e^(kz) [z < 0] = e^(k^2/2) Phi(-k)."""
    below = math.exp(2) * normal_cdf(-2) - 2 * math.exp(0.5) * normal_cdf(-1) + 0.5
    return 0.5 + alpha**2 * below


CLOSED_FORMS = [
    ("linear", {}, 1.0),
    ("relu", {}, 0.5),
    ("leaky_relu", {}, (1 + 0.01**2) / 2),
    ("leaky_relu", {"negative_slope": 0.2}, (1 + 0.2**2) / 2),
    ("prelu", {}, (1 + 0.25**2) / 2),
    ("rrelu", {}, (1 + ((1 / 8) ** 2 + 1 / 24 + (1 / 3) ** 2) / 3) / 2),
    ("elu", {}, elu_moment()),
    ("elu", {"alpha": 0.5}, elu_moment(0.5)),
    ("celu", {}, elu_moment()),
    ("selu", {}, 1.0),  # by construction
]


@pytest.mark.parametrize(("name", "parameters", "moment"), CLOSED_FORMS)
def test_second_moments_in_closed_form(name, parameters, moment):
    assert for_activation(name, **parameters).second_moment == pytest.approx(moment, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("tanh", np.tanh),
        ("scaled_tanh", lambda z: 1.7159 * np.tanh(2 * z / 3)),
        ("sigmoid", lambda z: 1 / (1 + np.exp(-z))),
        ("softplus", lambda z: np.log1p(np.exp(z))),
        ("relu6", lambda z: np.clip(z, 0, 6)),
        ("silu", lambda z: z / (1 + np.exp(-z))),
        ("parametric_elu", lambda z: np.where(z >= 0, z, np.expm1(np.minimum(z, 0)))),
    ],
)
def test_second_moments_by_drawing(name, function, rng):
    values = function(rng.normal(size=2_000_000)) ** 2
    assert abs(for_activation(name).second_moment - values.mean()) < 5 * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize(
    "name",
    ["gelu", "silu", "swish", "mish", "softsign", "hard_sigmoid", "softplus", "selu", "relu6", "tanh", "hard_tanh"],
)
def test_names_mean_what_keras_means(name):
    of_keras = for_activation(keras.activations.get(name)).second_moment
    assert for_activation(name).second_moment == pytest.approx(of_keras, rel=1e-4)


def test_gains_of_the_lecture():
    assert for_activation("relu").stddev_of(100, 7) == pytest.approx(He().stddev_of(100, 7))
    assert for_activation("leaky_relu", negative_slope=0.3).stddev_of(100, 7) == pytest.approx(
        He(negative_slope=0.3).stddev_of(100, 7)
    )
    assert for_activation("linear").stddev_of(100, 7) == pytest.approx(Xavier().stddev_of(100, 7))
    assert for_activation("tanh").stddev_of(100, 7) * 10 == pytest.approx(1.593, abs=5e-4)


@pytest.mark.parametrize(
    ("layer", "name", "parameters"),
    [
        (layers.ELU(0.3), "elu", {"alpha": 0.3}),
        (layers.CELU(2.0), "celu", {"alpha": 2.0}),
        (layers.LeakyReLU(0.4), "leaky_relu", {"negative_slope": 0.4}),
        (layers.ParametricELU(0.7, 1.4), "parametric_elu", {"initial_alpha": 0.7, "initial_beta": 1.4}),
        (layers.PReLU(0.1), "prelu", {"initial_slope": 0.1}),
        (layers.ScaledTanh(), "scaled_tanh", {}),
    ],
)
def test_a_layer_can_be_given_for_its_name(layer, name, parameters):
    of_layer, of_name = for_activation(layer), for_activation(name, **parameters)
    assert of_layer.second_moment == pytest.approx(of_name.second_moment, rel=1e-5)


DEPTH, WIDTH, SEEDS = 20, 512, 20


def variance_at_depth(initializer, activation, width=WIDTH):
    """Pre-activation variance layer by layer, relative to layer 1: the geometric mean over seeds.

    Layer 1 takes the data, not an activation's outputs: it is Xavier's, so that its sums have variance 1.
    """
    logarithms = []
    for seed in range(SEEDS):
        x = np.random.default_rng([seed, width]).normal(size=(32, width)).astype("float32")
        variances = []
        for depth in range(DEPTH):
            draw = initializer(1000 * seed + depth) if depth else Xavier(seed=1000 * seed)
            x = keras.layers.Dense(width, kernel_initializer=draw, use_bias=False)(x)
            variances.append(keras.ops.convert_to_numpy(x).var())
            x = activation(x)
        logarithms.append(np.log(variances) - np.log(variances[0]))
    return np.exp(np.mean(logarithms, axis=0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("initializer", "activation"),
    [
        (lambda seed: He(seed=seed), keras.ops.relu),
        (lambda seed: He(negative_slope=0.2, seed=seed), layers.LeakyReLU(0.2)),
        (lambda seed: for_activation("tanh", seed=seed), keras.ops.tanh),
    ],
    ids=["relu+He", "leaky_relu+He(slope)", "tanh+for_activation"],
)
def test_the_right_scale_keeps_the_variance_through_20_layers(initializer, activation):
    relative = variance_at_depth(initializer, activation)
    assert np.all((relative >= 0.5) & (relative <= 2)), relative


@pytest.mark.slow
def test_tanh_with_xavier_follows_its_mean_field_curve():
    """q_(l+1) = E tanh(sqrt(q_l) z)^2: the variance decays, more slowly the smaller it is."""
    z, weights = np.polynomial.hermite_e.hermegauss(80)
    curve = [1.0]
    while len(curve) < DEPTH:
        curve.append(np.sum(weights * np.tanh(math.sqrt(curve[-1]) * z) ** 2) / math.sqrt(2 * math.pi))
    relative = variance_at_depth(lambda seed: Xavier(seed=seed), keras.ops.tanh)
    np.testing.assert_allclose(relative, curve, rtol=0.1)
    assert relative[-1] < 0.05


@pytest.mark.slow
def test_noise_of_any_size_does_not_keep_it():
    """0.03 is right for 2222 inputs; at 256 each layer passes on 0.115 of the variance."""
    relative = variance_at_depth(lambda seed: Gaussian(0.03, seed=seed), keras.ops.relu, width=256)
    assert relative[-1] < 1e-10
