"""BatchNorm's claims beyond the contract: its averages, its modes, and other libraries' conventions."""

import keras
import numpy as np
import pytest

from nntricks_keras import layers
from tests.layers.harness import BACKEND, as_float64, assert_within, forward_backward


def batch(rng, shape=(16, 5, 5, 3)):
    return (rng.normal(size=shape) * [1, 3, 0.2] + [0, 10, -4]).astype("float32")


@pytest.mark.parametrize("alpha", [0.1, 0.25, 1])
def test_moving_averages_take_alpha_of_the_batch_and_its_biased_variance(alpha, rng):
    layer = layers.BatchNorm(alpha=alpha)
    mean, variance = np.zeros(3), np.ones(3)
    for size in (2, 7, 1):
        x = batch(rng, (size, 2, 2, 3))
        layer(x, training=True)
        mean = alpha * x.mean((0, 1, 2), dtype="float64") + (1 - alpha) * mean
        variance = alpha * x.astype("float64").var((0, 1, 2)) + (1 - alpha) * variance
        assert_within(as_float64(layer.moving_mean), mean, 1e-5)
        assert_within(as_float64(layer.moving_variance), variance, 1e-5)


def test_inference_uses_the_moving_values_and_leaves_them(rng):
    layer = layers.BatchNorm()
    layer(batch(rng), training=True)
    before = [as_float64(weight) for weight in layer.weights]
    x = batch(rng)
    mean, variance = as_float64(layer.moving_mean), as_float64(layer.moving_variance)
    assert_within(as_float64(layer(x)), (x - mean) / np.sqrt(variance + 1e-5), 1e-5)
    for weight, old in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(as_float64(weight), old)


def test_a_frozen_layer_is_in_inference_mode(rng):
    layer = layers.BatchNorm()
    layer(batch(rng), training=True)
    layer.trainable = False
    before = as_float64(layer.moving_mean)
    x = batch(rng)
    np.testing.assert_array_equal(as_float64(layer(x, training=True)), as_float64(layer(x, training=False)))
    np.testing.assert_array_equal(as_float64(layer.moving_mean), before)


def test_an_empty_batch_between_full_ones_changes_nothing(rng):
    layer = layers.BatchNorm(alpha=1)
    layer(batch(rng), training=True)
    before = [as_float64(weight) for weight in layer.weights]
    layer(np.zeros((0, 5, 5, 3), "float32"), training=True)
    for weight, old in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(as_float64(weight), old)


def test_gamma_and_beta_learn(rng):
    """They come near the deviation and the mean of a target that is the normalized input, stretched and shifted."""
    layer = layers.BatchNorm()
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.SGD(0.2), "mse")
    x = rng.normal(size=(256, 3))
    target = (x - x.mean(0)) / x.std(0) * [2, -1, 0.5] + [1, 2, 3]
    model.fit(np.tile(x, (60, 1)), np.tile(target, (60, 1)), batch_size=256, shuffle=False, verbose=0)
    np.testing.assert_allclose(as_float64(layer.gamma), [2, -1, 0.5], atol=0.01)
    np.testing.assert_allclose(as_float64(layer.beta), [1, 2, 3], atol=0.01)


@pytest.mark.parametrize(("center", "scale", "names"), [(False, True, ["gamma"]), (True, False, ["beta"])])
def test_center_and_scale_can_be_left_out(center, scale, names, rng):
    layer = layers.BatchNorm(center=center, scale=scale)
    x = batch(rng)
    outputs, gradients = forward_backward(layer, x, np.ones_like(x), training=True)
    assert [weight.name for weight in layer.trainable_weights] == names
    assert len(gradients) == 2
    wide = x.astype("float64")
    assert_within(outputs, (wide - wide.mean((0, 1, 2))) / np.sqrt(wide.var((0, 1, 2)) + 1e-5), 1e-5)


def test_keras_momentum(rng):
    ours, stock = layers.BatchNorm.from_keras_momentum(0.9), keras.layers.BatchNormalization(momentum=0.9)
    assert ours.alpha == pytest.approx(0.1)
    for _ in range(3):
        x = batch(rng)
        ours(x, training=True)
        stock(x, training=True)
    assert_within(as_float64(ours.moving_mean), as_float64(stock.moving_mean), 1e-5)
    assert_within(as_float64(ours.moving_variance), as_float64(stock.moving_variance), 1e-5)


def test_torch_momentum(rng):
    """PyTorch's moving variance is n / (n - 1) of ours, batch by batch; the means are equal."""
    torch = pytest.importorskip("torch")
    ours, theirs = layers.BatchNorm.from_torch_momentum(0.3), torch.nn.BatchNorm1d(3, momentum=0.3)
    for _ in range(3):
        x = batch(rng, (50, 3))
        ours(x, training=True)
        theirs(torch.tensor(x))
    assert_within(as_float64(ours.moving_mean), theirs.running_mean.numpy(), 1e-5)
    from_batches = as_float64(ours.moving_variance) - 0.7**3  # less what is left of the initial 1
    expected = theirs.running_var.numpy() - 0.7**3
    assert_within(from_batches * 50 / 49, expected, 1e-4)


def test_a_mean_far_from_zero_does_not_spoil_the_variance(rng):
    """E x^2 - (E x)^2 would lose all digits here."""
    x = (rng.normal(size=(64, 4, 4, 3)) * 0.1 + 300).astype("float32")
    layer = layers.BatchNorm(alpha=1)
    layer(x, training=True)
    assert_within(as_float64(layer.moving_variance), x.astype("float64").var((0, 1, 2)), 1e-3)


def test_statistics_are_float32_under_half_precision_policies(rng):
    for dtype in ("float16", "mixed_float16", "mixed_bfloat16"):
        layer = layers.BatchNorm(dtype=dtype)
        layer(batch(rng), training=True)
        assert {weight.dtype for weight in layer.weights} == {"float32"}


@pytest.mark.skipif(BACKEND != "tensorflow", reason="Keras on JAX and PyTorch takes float64 arrays as float32")
def test_float64_stays_float64(rng):
    layer = layers.BatchNorm(dtype="float64")
    x = rng.normal(size=(64, 3))
    y = keras.ops.convert_to_numpy(layer(x, training=True))
    np.testing.assert_allclose(y, (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-5), rtol=1e-12, atol=1e-14)
