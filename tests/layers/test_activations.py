"""The activations against stock Keras and PyTorch, and their claims beyond the contract."""

import keras
import numpy as np
import pytest

from nntricks_keras import layers
from tests.layers.harness import as_float64, assert_within


@pytest.mark.parametrize(
    ("ours", "stock"),
    [
        (layers.LeakyReLU(), keras.layers.LeakyReLU(0.01)),
        (layers.LeakyReLU(0.0), keras.layers.ReLU()),
        (layers.PReLU(), keras.layers.PReLU(keras.initializers.Constant(0.25), shared_axes=[1, 2])),
        (layers.PReLU(0.1, shared=False), keras.layers.PReLU(keras.initializers.Constant(0.1))),
        (layers.ELU(), keras.layers.ELU()),
        (layers.ELU(0.4), keras.layers.ELU(0.4)),
        (layers.CELU(1.6), keras.layers.Activation(lambda x: keras.activations.celu(x, 1.6))),
        (layers.ParametricELU(), keras.layers.ELU()),
    ],
)
def test_equal_to_the_stock_layer(ours, stock, rng):
    x = (3 * rng.normal(size=(4, 6, 6, 3))).astype("float32")
    assert_within(as_float64(ours(x)), as_float64(stock(x)), 1e-6)


def test_equal_to_torch(rng):
    torch = pytest.importorskip("torch")
    x = (3 * rng.normal(size=(4, 7))).astype("float32")
    pairs = [
        (layers.LeakyReLU(), torch.nn.LeakyReLU()),
        (layers.ELU(0.4), torch.nn.ELU(0.4)),
        (layers.CELU(0.4), torch.nn.CELU(0.4)),
        (layers.PReLU(), torch.nn.PReLU()),
        (layers.RReLU(), torch.nn.RReLU().eval()),
    ]
    for ours, theirs in pairs:
        assert_within(as_float64(ours(x)), theirs(torch.tensor(x)).detach().numpy(), 1e-6, type(theirs).__name__)


def test_prelu_learns_the_slopes(rng):
    layer = layers.PReLU()
    model = keras.Sequential([keras.Input((2,)), layer])
    model.compile(keras.optimizers.SGD(0.5), "mse")
    x = rng.normal(size=(64 * 60, 2))
    model.fit(x, np.where(x > 0, x, [1.7, -0.4] * x), batch_size=64, verbose=0)
    np.testing.assert_allclose(as_float64(layer.slope), [1.7, -0.4], atol=0.01)


def test_prelu_shares_its_slopes_over_space_or_not():
    for shared, axis, shape in ((True, -1, (3,)), (True, 1, (4,)), (False, -1, (4, 5, 3))):
        layer = layers.PReLU(shared=shared, axis=axis)
        layer.build((None, 4, 5, 3))
        assert tuple(layer.slope.shape) == shape


def test_parametric_elu_learns_and_stays_positive(rng):
    layer = layers.ParametricELU()
    model = keras.Sequential([keras.Input((2,)), layer])
    model.compile(keras.optimizers.SGD(0.3), "mse")
    x = 2 * rng.normal(size=(128 * 150, 2))
    target = np.where(x >= 0, 0.6 / 1.5 * x, 0.6 * np.expm1(np.minimum(x, 0) / 1.5))
    model.fit(x, target, batch_size=128, verbose=0)
    np.testing.assert_allclose(as_float64(layer.alpha), 0.6, atol=0.05)
    np.testing.assert_allclose(as_float64(layer.beta), 1.5, atol=0.15)
    model.fit(x, 50 * x * np.sign(-x), batch_size=2048, verbose=0)  # wants a negative slope
    assert np.all(as_float64(layer.alpha) >= 0.1 - 1e-6)
    assert np.all(as_float64(layer.beta) >= 0.1 - 1e-6)


def test_scaled_tanh_maps_one_to_one():
    np.testing.assert_allclose(
        as_float64(layers.ScaledTanh()(np.array([-1.0, 0, 1], "float32"))), [-1, 0, 1], atol=1e-4
    )
