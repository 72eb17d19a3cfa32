"""Dropout's claims beyond the contract: how often it keeps, and that no two masks are the same."""

import keras
import numpy as np
import pytest

from nntricks_keras import layers
from tests.layers.harness import as_float64, forward_backward


def mask_of(layer, shape=(64, 1000), dtype="float32"):
    return as_float64(layer(keras.ops.ones(shape, dtype), training=True))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("keep_prob", [0.5, 0.8, 0.1, 0.999, 1 / 3])
def test_units_are_kept_with_the_stated_probability(keep_prob, dtype):
    """To 6 standard errors over 10^7 draws, over the whole and over each of 10 parts."""
    mask = mask_of(layers.Dropout(keep_prob, dtype=dtype), (1000, 10_000), dtype)
    assert set(np.unique(mask)) == {0, 1}
    error = np.sqrt(keep_prob * (1 - keep_prob) / 1e7)
    assert abs(mask.mean() - keep_prob) < 6 * error
    parts = mask.reshape(10, -1).mean(1)
    assert np.max(np.abs(parts - keep_prob)) < 6 * error * np.sqrt(10)


@pytest.mark.parametrize("keep_prob", [0.5, 0.7])
def test_units_are_kept_independently(keep_prob):
    """Correlations at many distances, along a row and from the first half to the second, are noise: n = 4 * 10^6."""
    mask = (mask_of(layers.Dropout(keep_prob), (4_000_000,)) - keep_prob) / np.sqrt(keep_prob * (1 - keep_prob))
    for distance in [1, 2, 3, 4, 7, 8, 16, 64, 1000, 62_500, 250_000, 500_000, 1_000_000, 2_000_000]:
        correlation = np.mean(mask[:-distance] * mask[distance:])
        assert abs(correlation) < 6 / np.sqrt(4_000_000 - distance), f"distance {distance}: {correlation}"


@pytest.mark.parametrize("keep_prob", [0.5, 0.8])
def test_masks_differ_between_steps_and_layers_and_repeat_for_a_seed(keep_prob):
    one, again, other = (layers.Dropout(keep_prob, seed=seed) for seed in (3, 3, 4))
    first, second = mask_of(one), mask_of(one)
    agree = keep_prob**2 + (1 - keep_prob) ** 2
    for mask in (second, mask_of(other), mask_of(layers.Dropout(keep_prob))):
        assert abs(np.mean(first == mask) - agree) < 0.01
    np.testing.assert_array_equal(first, mask_of(again))
    np.testing.assert_array_equal(second, mask_of(again))


@pytest.mark.parametrize("keep_prob", [0.5, 0.8])
def test_steps_do_not_share_draws_at_other_places(keep_prob):
    """The stream of a step is not the next step's, moved by a block."""
    layer = layers.Dropout(keep_prob, seed=0)
    first, second = mask_of(layer, (100_000,)), mask_of(layer, (100_000,))
    agree = keep_prob**2 + (1 - keep_prob) ** 2
    for shift in range(-64, 65):
        same = np.mean(np.roll(first, shift) == second)
        assert abs(same - agree) < 0.015, f"moved by {shift}"


def test_training_multiplies_by_the_mask_and_so_does_the_gradient(rng):
    x = rng.normal(size=(50, 40)) + 5
    for keep_prob in (0.5, 0.7):
        outputs, (gradient,) = forward_backward(layers.Dropout(keep_prob), x, 2 * np.ones_like(x), training=True)
        kept = outputs != 0
        np.testing.assert_allclose(outputs, np.where(kept, x, 0), rtol=1e-6)
        np.testing.assert_array_equal(gradient, np.where(kept, 2, 0))


def test_inference_keeps_the_expectation(rng):
    x = rng.normal(size=(4, 5)).astype("float32")
    np.testing.assert_allclose(as_float64(layers.Dropout(0.7)(x)), 0.7 * x, rtol=1e-6)


def test_keep_prob_1_returns_its_input_itself():
    x = keras.ops.ones((3, 4))
    layer = layers.Dropout(1)
    state = as_float64(layer.seed_generator.state)
    assert layer(x, training=True) is x
    assert layer(x, training=False) is x
    np.testing.assert_array_equal(as_float64(layer.seed_generator.state), state)
