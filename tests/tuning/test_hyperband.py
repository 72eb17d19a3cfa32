"""Hyperband's brackets: who is promoted, and that they come to their end whatever a round is short of."""

import pytest

from tests.tuning.test_oracles import EXPERIMENT, begin, complete, play
from tuning.oracles import num_trials_by_default
from tuning.studies import COMPLETED, FAILED


def test_hyperband_promotes_the_best_and_goes_on_from_them(tmp_path):
    assert num_trials_by_default("hyperband", EXPERIMENT) == 23
    oracle = begin(tmp_path / "study", "hyperband", num_trials=23)
    play(oracle, workers=2)
    records = {record.trial_id: record for record in oracle.study.records()}
    assert len(records) == 23
    rungs = {}
    for record in records.values():
        rungs.setdefault((record.tuner["bracket"], record.tuner["round"], record.tuner["epochs"]), []).append(record)
    # max_epochs 9, factor 3: three brackets, as in the paper's table.
    assert {rung: len(found) for rung, found in rungs.items()} == {
        (2, 0, 1): 9,
        (2, 1, 3): 3,
        (2, 2, 9): 1,
        (1, 0, 3): 5,
        (1, 1, 9): 2,
        (0, 0, 9): 3,
    }
    for record in records.values():
        if record.tuner["round"]:
            source = records[record.tuner["trial_id"]]
            assert source.hyperparameters == record.hyperparameters
            assert source.tuner["epochs"] == record.tuner["initial_epoch"] < record.tuner["epochs"]
    best_of_first = max(rungs[2, 0, 1], key=lambda record: record.score)
    assert best_of_first.trial_id in {record.tuner["trial_id"] for record in rungs[2, 1, 3]}


def test_hyperband_comes_to_its_end_though_trials_fail(tmp_path, rng):
    oracle = begin(tmp_path / "study", "hyperband", num_trials=23)
    while (trial := oracle.create_trial("w0", "p")).status == "RUNNING":
        complete(oracle, trial, **({"status": FAILED, "score": None} if rng.random() < 0.4 else {}))
    assert trial.status == "STOPPED"
    first = [r for r in oracle.study.records() if r.tuner["bracket"] == 2 and r.tuner["round"] == 0]
    completed = sum(record.status == COMPLETED for record in first)
    second = [r for r in oracle.study.records() if r.tuner["bracket"] == 2 and r.tuner["round"] == 1]
    assert len(second) == min(completed, oracle._get_size(2, 1))


def rounds_of(oracle, bracket=2):
    """How many trials each round of a bracket has."""
    found = [record.tuner["round"] for record in oracle.study.records() if record.tuner["bracket"] == bracket]
    return [found.count(number) for number in range(bracket + 1)]


@pytest.mark.parametrize("num_rates", [1, 3, 5])
def test_hyperband_goes_on_with_what_a_small_space_has(tmp_path, num_rates):
    def small(hp, experiment):
        hp.Choice("rate", [0.1 * (index + 1) for index in range(num_rates)])
        hp.Fixed("norm", "none")
        return experiment

    oracle = begin(tmp_path / "study", "hyperband", num_trials=23, space=small)
    play(oracle, workers=2)
    assert rounds_of(oracle) == [num_rates, min(num_rates, 3), 1]


@pytest.mark.parametrize(("num_failed", "rounds"), [(6, [9, 3, 1]), (7, [9, 2, 1]), (8, [9, 1, 1]), (9, [9, 0, 0])])
def test_hyperband_trains_the_last_round_though_few_come_that_far(tmp_path, num_failed, rounds):
    oracle = begin(tmp_path / "study", "hyperband", num_trials=23)
    busy = [oracle.create_trial(f"w{index}", "p") for index in range(9)]
    for index, trial in enumerate(busy):
        complete(oracle, trial, **({"status": FAILED, "score": None} if index < num_failed else {}))
    play(oracle, workers=2)
    assert rounds_of(oracle) == rounds
