"""What the examples measure inside a network, against NumPy in float64; and the race at learning rates."""

import keras
import numpy as np
import pytest

from examples.measuring import racing
from examples.measuring.fitting import Curve, Images, halved
from examples.measuring.networks import dead_units, factor_a_layer, mlp, off_centre, signals
from examples.variance_through_depth import derived


@pytest.fixture
def images(rng):
    x, y = rng.normal(size=(40, 4, 4, 1)).astype("float32"), rng.integers(0, 3, 40).astype("int32")
    return Images(x, y, x[:20], y[:20])


def test_signals_are_those_of_back_propagation_by_hand(rng, images):
    model = mlp("tanh", int(rng.integers(1000)), depth=2, width=5, input_shape=(4, 4, 1), num_classes=3)
    found = signals(model, images.x_train, images.y_train)
    w1, b1, w2, b2, w3, b3 = (weight.astype("float64") for weight in model.get_weights())
    x = images.x_train.reshape(40, 16).astype("float64")
    s1 = np.tanh(x @ w1 + b1)
    s2 = np.tanh(s1 @ w2 + b2)
    logits = s2 @ w3 + b3
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    by_logits = (probability - np.eye(3)[images.y_train]) / 40
    d2 = by_logits @ w3.T * (1 - s2**2)
    d1 = d2 @ w2.T * (1 - s1**2)
    for measured, by_hand in (
        (found.sums[1], s1 @ w2 + b2), (found.outputs[0], s1), (found.outputs[1], s2), (found.gradients[1], d2),
        (found.gradients[0], d1), (found.kernel_gradients[1], s1.T @ d2), (found.kernel_gradients[0], x.T @ d1),
    ):  # fmt: skip
        np.testing.assert_allclose(measured, by_hand, rtol=1e-4, atol=1e-6)


def test_a_unit_is_dead_only_when_no_image_wakes_it(rng):
    model = mlp("relu", 0, depth=1, width=3, input_shape=(1, 1, 2), num_classes=2)
    kernel = np.array([[1, -1, 1], [0, 0, 1]], "float32")
    model.get_layer("sum1").set_weights([kernel, np.array([0, 0, -50], "float32")])
    x = np.abs(rng.normal(size=(4100, 1, 1, 2))).astype("float32") + 0.1
    assert dead_units(model, x).tolist() == [[False, True, True]]
    x[-1] = 1000  # one image of the last batch
    assert dead_units(model, x).tolist() == [[False, True, False]]


def test_off_centre_is_0_for_a_centred_unit_and_1_for_a_constant_one():
    assert off_centre([[1, 3, 0], [-1, 3, 0]]) == pytest.approx(0.5)
    assert factor_a_layer([1, 3, 4]) == pytest.approx(2)


def test_the_derived_variance_follows_the_closed_forms(rng):
    variance_sum, first = rng.uniform(0.5, 2, 2)
    layers = np.arange(6)
    np.testing.assert_allclose(derived("linear", variance_sum, first, 6), first * variance_sum**layers, rtol=1e-9)
    np.testing.assert_allclose(derived("relu", variance_sum, first, 6), first * (variance_sum / 2) ** layers, rtol=1e-9)
    sample = np.tanh(np.sqrt(first) * rng.normal(size=1_000_000))
    np.testing.assert_allclose(derived("tanh", variance_sum, first, 2)[1], variance_sum * np.mean(sample**2), rtol=0.01)


def test_halved_images_hold_the_means_of_four_pixels_at_deviation_1(images):
    small = halved(images)
    assert small.x_train.shape == (40, 2, 2, 1)
    assert small.x_train.std() == pytest.approx(1, abs=1e-5)
    one, other = images.x_train[3, 2:, :2].mean(), images.x_train[7, :2, 2:].mean()
    assert small.x_train[3, 1, 0, 0] * other == pytest.approx(small.x_train[7, 0, 1, 0] * one, abs=1e-6)  # one scale


def test_a_race_takes_the_rate_of_the_fewest_steps_then_of_the_best_accuracy(monkeypatch):
    ends = {0.1: 0.5, 0.2: 0.9, 0.3: 0.8}

    def fit(model, images, *, rate, seed):
        return Curve(np.zeros(10), np.array([0, 10]), np.array([0.0, ends[rate]]), np.zeros(2))

    monkeypatch.setattr(racing, "fit", fit)
    runner = racing.race(lambda seed: keras.Input((1,)), None, tuple(ends), (0, 1), target=0.75)
    assert runner.best_rate == 0.2
    np.testing.assert_allclose(runner.steps, 10 * 0.75 / 0.9)
    never = racing.race(lambda seed: keras.Input((1,)), None, tuple(ends), (0, 1), target=0.99)
    assert never.best_rate == 0.2
    assert never.steps.tolist() == [10, 10]
