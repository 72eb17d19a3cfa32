"""The parts that the measured examples share, against independent calculations."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from examples.measuring.bowl import descend, share_left, steps_to_hundredth
from examples.measuring.fitting import Curve, halve
from examples.measuring.gallery import gallery, with_measured
from examples.measuring.rates import TUNING_SEED, best_rate, mean_loss
from examples.measuring.small import LocalRates, conv_net, perceptron
from examples.pooling_does_better_than_shifts import shifted

ROW = {  # of results.csv
    "number": "15",
    "name": "pooling_does_better_than_shifts",
    "verdict": "depends",
    "check": "a long check " * 20,
    "outcome": "refuted",
    "mean": "-0.25",
    "low": "-0.26",
    "high": "-0.24",
    "claimed": "above 0",
    "unit": "",
    "n": "5",
    "seconds": "50",
    "processor": "a processor",
    "cores": "2",
    "date": "2026-01-01",
}


def test_local_rates_are_sgd_at_each_variables_own_rate(rng):
    start, gradients = rng.normal(size=(2, 3)).astype("float32"), rng.normal(size=(5, 2, 3)).astype("float32")
    together = [keras.Variable(value) for value in start]
    local = LocalRates(0.1, (2.0, 0.25), momentum=0.9)
    local.build(together)
    for step in gradients:
        local.apply([tf.constant(gradient) for gradient in step], together)
    for place, rate in enumerate((0.2, 0.025)):
        position, velocity = start[place].astype("float64"), 0.0
        for gradient in gradients[:, place]:
            velocity = 0.9 * velocity - rate * gradient
            position = position + velocity
        np.testing.assert_allclose(together[place].numpy(), position, rtol=1e-5, atol=1e-6)


def test_best_rate_is_the_lowest_score_at_the_tuning_seed_and_the_smallest_of_equals():
    asked = []

    def train(rate, seed):
        asked.append(seed)
        return {0.1: 3.0, 0.2: 1.0, 0.4: 1.0}[rate]

    assert best_rate(train, (0.1, 0.2, 0.4), float) == (0.2, {0.1: 3.0, 0.2: 1.0, 0.4: 1.0})
    assert asked == [TUNING_SEED] * 3


def test_a_training_that_diverged_has_infinite_mean_loss():
    curves = [Curve(np.array(loss), *[np.zeros(1)] * 3) for loss in ([1.0, 3.0], [1.0, np.nan])]
    assert [mean_loss(curve) for curve in curves] == [2.0, float("inf")]


def test_the_bowl_is_gradient_descent(rng):
    start, kappa, rate = rng.normal(size=2), 7.0, 0.2
    point = start.copy()
    points = [start]
    for _ in range(30):
        point = point - rate * np.array([point[0], kappa * point[1]])
        points.append(point)
    points = np.array(points)
    np.testing.assert_allclose(descend(start, kappa, rate, 30), points, rtol=1e-9)
    loss = (points[:, 0] ** 2 + kappa * points[:, 1] ** 2) / 2
    np.testing.assert_allclose(share_left(start, kappa, rate, 30), loss[-1] / loss[0], rtol=1e-9)
    far = (points**2).sum(axis=1) > (start**2).sum() / 100
    assert steps_to_hundredth(start, kappa, rate) == far.argmin()


def test_halving_takes_the_mean_of_four_pixels(rng):
    x = rng.normal(size=(2, 6, 4, 3))
    expected = keras.ops.average_pool(x.astype("float32"), 2)
    np.testing.assert_allclose(halve(x), expected, rtol=1e-4, atol=1e-6)


def test_shifts_move_whole_images_by_whole_pixels_every_way(rng):
    image = rng.normal(size=(5, 5)).astype("float32")
    padded = np.pad(image, 1, constant_values=-9.0)
    possible = [padded[i : i + 5, j : j + 5] for i, j in itertools.product(range(3), repeat=2)]
    moved = shifted(tf.constant(np.tile(image[None, ..., None], (300, 1, 1, 1))), 1, -9.0).numpy()[..., 0]
    found = {next(k for k, way in enumerate(possible) if np.array_equal(way, picture)) for picture in moved}
    assert found == set(range(9))


@pytest.mark.parametrize(
    "build", [lambda seed: perceptron((4, 4, 1), (5, 5), seed), lambda seed: conv_net((4, 4, 1), seed)]
)
def test_a_seed_settles_the_weights(build):
    first, again, other = (np.concatenate([w.ravel() for w in build(seed).get_weights()]) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_pooling_and_strides_have_equal_parameters_and_maps():
    pooling, strides = (conv_net((14, 14, 1), 0, downsampling=kind) for kind in ("pooling", "strides"))
    assert [w.shape for w in pooling.get_weights()] == [w.shape for w in strides.get_weights()]


def test_what_was_measured_is_wrapped_and_written_again_in_the_same_place():
    source = '"""A claim.\n\nNote      kept.\nMeasured  not yet\n"""\n\nNUMBER = 1\n'
    filled = with_measured(source, [ROW])
    assert max(len(line) for line in filled.splitlines()) <= 120
    assert "-0.25 (-0.26 .. -0.24), n = 5" in " ".join(filled.split())
    assert filled.startswith(source[: source.index("not yet")])
    assert filled.endswith('\n"""\n\nNUMBER = 1\n')
    assert with_measured(filled, [ROW]) == filled


def test_the_gallery_shows_the_note_under_the_numbers():
    text = gallery([ROW])
    assert text.index("| refuted |") < text.index("Pooling forgives a pixel")
