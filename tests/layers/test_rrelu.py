"""RReLU's draws: their range, their mean, and that they repeat for a seed."""

import keras
import numpy as np

from nntricks_keras import layers
from tests.layers.harness import as_float64, forward_backward


def slopes(layer, count=1_000_000, dtype="float32"):
    return -as_float64(layer(-keras.ops.ones((count,), dtype), training=True))


def test_slopes_are_uniform_between_the_bounds():
    drawn = slopes(layers.RReLU())
    assert drawn.min() >= 1 / 8
    assert drawn.max() <= 1 / 3
    deviation = (1 / 3 - 1 / 8) / np.sqrt(12)
    assert abs(drawn.mean() - (1 / 8 + 1 / 3) / 2) < 6 * deviation / 1000
    assert abs(drawn.std() / deviation - 1) < 0.005


def test_slopes_repeat_for_a_seed_and_differ_between_steps_and_layers():
    one, again = layers.RReLU(seed=5), layers.RReLU(seed=5)
    first, second = slopes(one, 1000), slopes(one, 1000)
    np.testing.assert_array_equal(first, slopes(again, 1000))
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.2
    assert abs(np.corrcoef(first, slopes(layers.RReLU(), 1000))[0, 1]) < 0.2


def test_the_gradient_is_the_slope_that_was_drawn(rng):
    x = rng.normal(size=(100, 7))
    outputs, (gradient,) = forward_backward(layers.RReLU(), x, np.ones_like(x), training=True)
    np.testing.assert_allclose(outputs, np.where(x > 0, x, gradient * x), rtol=1e-5)
    np.testing.assert_array_equal(gradient[x > 0], 1)


def test_equal_bounds_are_a_leaky_rectifier(rng):
    x = rng.normal(size=(5, 6)).astype("float32")
    both = layers.RReLU(0.2, 0.2)(x, training=True), layers.LeakyReLU(0.2)(x)
    np.testing.assert_allclose(as_float64(both[0]), as_float64(both[1]), rtol=1e-6)
