"""Pruners decide as slow, obvious rules do, on random curves, in both directions."""

import math

import numpy as np
import pytest

from nntricks_keras.errors import InputError
from tuning.pruning import Asha, Median, pruner
from tuning.studies import COMPLETED, FAILED, PRUNED, RUNNING, Execution, TrialRecord


def trial(name, *curves, status=RUNNING):
    executions = tuple(
        Execution(seed, "", [{"epoch": epoch + 1.0, "val": float(value)} for epoch, value in enumerate(curve)])
        for seed, curve in enumerate(curves)
    )
    return TrialRecord(name, status, {}, {}, executions)


def random_study(rng):
    """A trial of a few epochs and others of any length and status; few distinct values, so that there are ties."""
    others = [
        trial(
            f"{number}", rng.integers(0, 12, rng.integers(0, 10)) / 4, status=rng.choice([COMPLETED, RUNNING, PRUNED])
        )
        for number in range(rng.integers(0, 15))
    ]
    return trial("mine", rng.integers(0, 12, rng.integers(1, 9)) / 4), others


def values(record):
    return [row["val"] for row in record.executions[0].history]


def asha_stops(record, others, direction, min_epochs, eta, max_epochs):
    """By sorting: the place of the trial's best among all that came to this rung."""
    epoch = len(values(record))
    rungs = [min_epochs * eta**k for k in range(20)]
    if epoch not in rungs or epoch >= max_epochs:
        return False
    reached = [values(other) for other in others if len(values(other)) >= epoch]
    sign = 1 if direction == "max" else -1
    scores = sorted((max(sign * v for v in curve[:epoch]) for curve in [values(record), *reached]), reverse=True)
    last_to_go_on = scores[max(math.floor(len(scores) / eta), 1) - 1]
    return max(sign * v for v in values(record)) < last_to_go_on


def median_stops(record, others, direction, startup, warmup, max_epochs):
    epoch = len(values(record))
    reached = [values(other) for other in others if len(values(other)) >= epoch]
    if epoch <= warmup or epoch >= max_epochs or not reached:
        return False
    if len([other for other in others if other.status == COMPLETED]) < startup:
        return False
    middle = np.median([np.cumsum(curve)[epoch - 1] / epoch for curve in reached])
    return bool(np.max(values(record)) < middle if direction == "max" else np.min(values(record)) > middle)


@pytest.mark.parametrize("direction", ["max", "min"])
def test_asha_stops_what_is_not_in_the_best_share_of_its_rung(rng, direction):
    stopped = 0
    for _ in range(2000):
        record, others = random_study(rng)
        min_epochs, eta, max_epochs = int(rng.integers(1, 3)), int(rng.integers(2, 5)), int(rng.integers(4, 11))
        reason = Asha(min_epochs, eta).decide(record, others, "val", direction, max_epochs)
        assert bool(reason) == asha_stops(record, others, direction, min_epochs, eta, max_epochs)
        stopped += bool(reason)
    assert 100 < stopped < 1900


@pytest.mark.parametrize("direction", ["max", pytest.param("min", marks=pytest.mark.slow)])
def test_the_median_rule_stops_what_is_worse_than_the_median_of_the_averages(rng, direction):
    stopped = 0
    for _ in range(6000):
        record, others = random_study(rng)
        startup, warmup, max_epochs = int(rng.integers(1, 4)), int(rng.integers(0, 4)), int(rng.integers(4, 11))
        reason = Median(startup, warmup).decide(record, others, "val", direction, max_epochs)
        assert bool(reason) == median_stops(record, others, direction, startup, warmup, max_epochs)
        stopped += bool(reason)
    assert 50 < stopped < 5900  # about 200 of them are


@pytest.mark.parametrize("name", ["asha", "median"])
def test_failed_trials_and_itself_do_not_count_and_later_executions_are_not_judged(name):
    decide = pruner(name, **({"startup_trials": 1} if name == "median" else {})).decide
    mine = trial("mine", [0.1, 0.1, 0.1])
    good = [trial(f"{number}", [0.9] * 9, status=COMPLETED) for number in range(3)]
    assert "3 other" in decide(mine, [*good, mine], "val", "max", 9)
    assert decide(mine, [trial("1", [0.9] * 9, status=FAILED), mine], "val", "max", 9) is None
    assert decide(trial("mine", [0.1] * 9, [0.1, 0.1, 0.1]), good, "val", "max", 9) is None
    assert decide(mine, good, "val", "min", 9) is None


def test_no_pruner_never_stops_a_trial():
    assert pruner(None).decide(trial("mine", [0.0]), [trial("1", [1.0])] * 9, "val", "max", 9) is None


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("ahsa", {}, "nearest: asha"),
        ("asha", {"eat": 3}, "nearest: eta"),
        ("asha", {"eta": 1}, "eta of asha has to be above 1, received 1"),
        ("asha", {"min_epochs": 0}, "at least 1, received 0"),
        ("median", {"startup_trials": 0}, "at least 1, received 0"),
        ("median", {"warmup_epochs": -1}, "at least 0, received -1"),
    ],
)
def test_what_is_wrong_is_named(name, settings, words):
    with pytest.raises(InputError, match=words):
        pruner(name, **settings)
