"""The oracles draw the same whatever dies, whoever asks and in whatever order; what they know is on disk."""

import dataclasses
import itertools
import math

import pytest

import zoo
from nntricks_keras.errors import InputError
from tuning import dependable
from tuning.oracles import make_oracle
from tuning.spaces import describe
from tuning.studies import COMPLETED, FAILED, RUNNING, Execution, Study, StudySettings

EXPERIMENT = zoo.Experiment(recipe=dataclasses.replace(zoo.recipe("standard"), epochs=9))


def space(hp, experiment):
    norm = hp.Choice("norm", ["none", "batch"])
    with hp.conditional_scope("norm", ["batch"]):
        if norm == "batch":
            hp.Choice("alpha", [0.1, 0.2, 0.3])
    rate = hp.Float("rate", 0.01, 1.0, sampling="log")
    return dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, learning_rate=rate))


def begin(folder, tuner="random", seed=0, num_trials=8, space=space, **settings):
    described = describe(space, EXPERIMENT)
    settings = StudySettings(
        EXPERIMENT, "a:space", described, tuner=tuner, seed=seed, num_trials=num_trials, **settings
    )
    study = Study(folder)
    study.write_settings(settings)
    return make_oracle(study, settings, space)


def score_of(hyperparameters):
    return -((math.log10(hyperparameters["rate"]) + 1) ** 2) + (hyperparameters["norm"] == "batch")


def complete(oracle, trial, **changes):
    """What a worker does: the record first, then the word to the oracle."""
    record = oracle.study.record(trial.trial_id)
    history = [{"epoch": 1.0, "val_top1": score_of(record.hyperparameters)}]
    changes = {"status": COMPLETED, "score": score_of(record.hyperparameters), **changes}
    execution = Execution(0, f"runs/{trial.trial_id}/0", history)
    oracle.study.write(dataclasses.replace(record, executions=(execution,), **changes))
    oracle.end_trial(trial)


def play(oracle, workers=1, rng=None):
    """Trials to the end, by so many workers that end in any order."""
    busy = {}
    while True:
        for name in [f"w{index}" for index in range(workers) if f"w{index}" not in busy]:
            trial = oracle.create_trial(name, "p")
            if trial.status == "RUNNING":
                busy[name] = trial
        if not busy:
            assert trial.status == "STOPPED"
            assert oracle.is_finished()
            return draws(oracle)
        name = rng.choice(sorted(busy)) if rng is not None else next(iter(busy))
        complete(oracle, busy.pop(name))


def draws(oracle):
    return {record.trial_id: record.hyperparameters for record in oracle.study.records()}


@pytest.mark.parametrize("tuner", ["random", "grid"])
def test_draws_depend_on_the_seed_alone(tuner, tmp_path, rng):
    one = play(begin(tmp_path / "one", tuner, num_trials=12))
    assert len(one) == 12
    assert play(begin(tmp_path / "two", tuner, num_trials=12), workers=3, rng=rng) == one
    if tuner == "random":
        assert play(begin(tmp_path / "other", tuner, seed=1, num_trials=12)) != one


class Killed(Exception):  # noqa: N818
    """Stands for kill -9."""


@pytest.mark.slow
@pytest.mark.parametrize("tuner", ["random", "grid", "hyperband", "bayesian"])
def test_a_chief_killed_at_any_write_goes_on_as_if_it_had_not_been(tuner, tmp_path, monkeypatch):
    whole = play(begin(tmp_path / "whole", tuner))
    writes = itertools.count()

    def deadly(write):
        def write_or_die(path, value):
            number = next(writes)
            if number % 3 == 0:
                write(path, value)
            if number % 3 != 2:
                raise Killed
            write(path, value)

        return write_or_die

    oracle = begin(tmp_path / "killed", tuner)
    monkeypatch.setattr(dependable, "write_json", deadly(dependable.write_json))  # oracle.json
    write_record = Study.write
    monkeypatch.setattr(Study, "write", lambda self, record: deadly(lambda *_: write_record(self, record))(None, None))
    for _ in range(400):
        try:
            if play(oracle):
                break
        except Killed:
            oracle = make_oracle(oracle.study, oracle.settings, space)
    assert oracle.is_finished()
    assert draws(oracle) == whole
    assert {record.status for record in oracle.study.records()} == {COMPLETED}


@pytest.mark.parametrize(
    ("tuner", "left"),
    [
        ("random", ""),
        ("grid", '{"ongoing_trials": {"loc'),
        ("hyperband", "[]"),
        ("hyperband", None),
        ("bayesian", "{}"),
    ],
)
def test_a_half_written_or_missing_oracle_file_costs_nothing(tuner, left, tmp_path):
    whole = play(begin(tmp_path / "whole", tuner))
    oracle = begin(tmp_path / "study", tuner)
    for _ in range(5):
        complete(oracle, oracle.create_trial("w0", "p"))
    running = oracle.create_trial("w0", "p")
    (tmp_path / "study" / "oracle.json").unlink()
    if left is not None:
        (tmp_path / "study" / "oracle.json").write_text(left)
    oracle = make_oracle(oracle.study, oracle.settings, space)
    assert oracle.create_trial("w9", "q").trial_id == running.trial_id
    complete(oracle, running)
    assert play(oracle) == whole


def test_failures_never_end_a_search_and_a_score_that_is_no_number_is_one(tmp_path):
    oracle = begin(tmp_path / "study")
    for index in range(8):
        trial = oracle.create_trial("w0", "p")
        complete(oracle, trial, **({"status": FAILED, "score": None} if index % 2 else {"score": float("nan")}))
    assert oracle.create_trial("w0", "p").status == "STOPPED"
    records = oracle.study.records()
    assert [record.status for record in records] == [FAILED] * 8
    assert "nan" in records[0].reason
    assert [record.trial_id for record in oracle.newly_ended()] == sorted(draws(oracle))
    assert oracle.newly_ended() == []


def test_values_the_space_cannot_take_are_a_failed_trial_with_its_traceback(tmp_path):
    def picky(hp, experiment):
        if hp.get("norm") == "batch":
            raise ValueError("no batch here")
        return space(hp, experiment)

    oracle = begin(tmp_path / "study")
    oracle.space = picky
    play(oracle)
    records = oracle.study.records()
    assert len(records) == 8
    for record in records:
        assert (record.status == FAILED) == (record.hyperparameters["norm"] == "batch")
        if record.status == FAILED:
            assert "no batch here" in record.reason
            assert "picky" in record.error
    assert {record.status for record in records} == {COMPLETED, FAILED}


def test_a_trial_said_to_have_ended_twice_or_by_a_late_worker_counts_once(tmp_path):
    oracle = begin(tmp_path / "study")
    trial = oracle.create_trial("elsewhere", "p")
    oracle.give_up("elsewhere", "silence")
    assert not oracle.saw("elsewhere", trial.trial_id)
    assert oracle.create_trial("w1", "p").trial_id == trial.trial_id
    complete(oracle, trial)  # by the late one, which was first after all
    before = oracle.study.record(trial.trial_id)
    oracle.end_trial(trial)
    assert not oracle.saw("w1", trial.trial_id)
    assert oracle.study.record(trial.trial_id) == before
    assert oracle.end_order == [trial.trial_id]
    assert oracle.create_trial("w1", "p").trial_id != trial.trial_id


def test_a_worker_that_asks_again_gets_its_trial_again_and_its_next_process_too(tmp_path):
    oracle = begin(tmp_path / "study")
    trial = oracle.create_trial("w0", "first process")
    for process in ("first process", "second process", "third process"):
        assert oracle.create_trial("w0", process).trial_id == trial.trial_id
    after = oracle.create_trial("w0", "fourth process")  # three have died with it
    assert after.trial_id != trial.trial_id
    record = oracle.study.record(trial.trial_id)
    assert record.status == FAILED
    assert "3 times" in record.reason
    again = make_oracle(oracle.study, oracle.settings, space)
    assert again.create_trial("w1", "p").trial_id not in (trial.trial_id, after.trial_id)  # w0 may be elsewhere: waits


def test_a_silent_worker_loses_its_trial(tmp_path, monkeypatch):
    oracle = begin(tmp_path / "study")
    trial = oracle.create_trial("elsewhere", "p")
    assert oracle.give_up_lost() == []
    now = dependable.time.monotonic()
    monkeypatch.setattr(dependable.time, "monotonic", lambda: now + dependable.LOST_AFTER_SECONDS + 1)
    assert oracle.give_up_lost() == ["elsewhere"]
    assert oracle.create_trial("w1", "p").trial_id == trial.trial_id


def test_after_a_restart_the_chiefs_own_trials_wait_and_those_elsewhere_stay(tmp_path):
    oracle = begin(tmp_path / "study")
    mine, theirs = oracle.create_trial("local-0", "p"), oracle.create_trial("elsewhere", "p")
    oracle = make_oracle(oracle.study, oracle.settings, space)
    assert oracle.saw("elsewhere", theirs.trial_id)
    assert oracle.create_trial("local-5", "q").trial_id == mine.trial_id
    assert oracle.study.record(mine.trial_id).status == RUNNING


def test_points_given_by_hand_come_first_and_a_grid_leaves_them_out_later(tmp_path):
    first = [{"norm": "batch", "alpha": 0.2, "rate": 0.5}, {"norm": "none", "rate": 0.01}]
    for tuner in ("random", "bayesian", "hyperband", "grid"):
        found = list(play(begin(tmp_path / tuner, tuner, num_trials=6, first=first)).values())
        assert found[:2] == first
        assert len({str(point) for point in found}) == 6
    # 11 rates (ten, and the default), without batch norm and with three alphas; the second point is one of them.
    assert len(play(begin(tmp_path / "all", "grid", num_trials=100, first=first))) == 11 * 4 + 1


def test_nothing_is_drawn_twice_and_bayesian_comes_near_the_best(tmp_path):
    found = play(begin(tmp_path / "study", "bayesian", num_trials=15), workers=2)
    last = [score_of(point) for point in list(found.values())[-8:]]
    assert max(last) > 0.95  # 1 is the best there is

    def small(hp, experiment):
        hp.Choice("norm", ["none", "batch"])
        hp.Choice("rate", [0.01, 0.1, 1.0])
        return experiment

    for tuner in ("bayesian", "random", "grid"):  # all there is, once
        found = play(begin(tmp_path / tuner, tuner, num_trials=9, space=small))
        assert len({str(point) for point in found.values()}) == len(found) == 6


def test_an_unknown_tuner_is_named(tmp_path):
    with pytest.raises(InputError, match="hyperband"):
        begin(tmp_path / "study", "hyperbnad")
