"""The rate goes where the papers and the one-cycle rule say."""

import keras
import numpy as np
import pytest

from nntricks_keras.training import OneCycle, Plateau, Recipe
from nntricks_keras.training.schedules import make_schedule


def test_one_cycle_climbs_to_the_peak_and_falls_to_zero():
    schedule = OneCycle(peak=0.5, total_steps=100, warmup_steps=25)
    rates = np.array([float(schedule(step)) for step in range(101)])
    assert rates[0] == pytest.approx(0.5 / 25)
    assert rates.argmax() == 25
    assert rates[25] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0, abs=1e-7)
    np.testing.assert_allclose(np.diff(rates[:26]), (0.5 - 0.02) / 25, rtol=1e-4)
    middle = 25 + 75 // 3
    assert rates[middle] == pytest.approx(0.25 * (1 + np.cos(np.pi / 3)), rel=1e-5)


def test_one_cycle_without_warmup_starts_at_the_peak():
    assert float(OneCycle(peak=0.5, total_steps=10, warmup_steps=0)(0)) == pytest.approx(0.5)


def test_the_schedule_covers_the_whole_training():
    schedule = make_schedule(Recipe(epochs=4, learning_rate=0.2, warmup_fraction=0.5), steps_per_epoch=10)
    assert (schedule.total_steps, schedule.warmup_steps) == (40, 20)
    assert make_schedule(Recipe(schedule="plateau", learning_rate=0.2), 10) == 0.2


def run(plateau, accuracies):
    """The rate after each epoch, until the training is stopped."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(1.0), "mse")
    plateau.set_model(model)
    model.stop_training = False
    rates = []
    for epoch, accuracy in enumerate(accuracies):
        plateau.on_epoch_end(epoch, {"val_top1": accuracy})
        rates.append(round(float(model.optimizer.learning_rate), 6))
        if model.stop_training:
            break
    return rates


def test_plateau_divides_three_times_then_stops():
    rates = run(Plateau(patience=2, drops=3), [0.5, 0.6, 0.6, 0.59, 0.7] + [0.7] * 20)
    assert rates == [1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001, 0.001]


def test_plateau_goes_on_from_its_state():
    accuracies = [0.5, 0.5, 0.5, 0.6, 0.5, 0.5, 0.5]
    whole = run(Plateau(patience=2), accuracies)
    first, second = Plateau(patience=2), Plateau(patience=2)
    run(first, accuracies[:5])
    second.set_state(first.state())
    rest = run(second, accuracies[5:])
    assert [whole[4] * rate for rate in rest] == pytest.approx(whole[5:])
