"""A trial leaves its record whatever happens on the way, and goes on from where it was."""

import dataclasses
import json

import keras
import pytest
import tensorflow as tf

import zoo
import zoo.experiment
from nntricks_keras import training
from nntricks_keras.errors import InputError
from nntricks_keras.locks import BusyError, held
from tests.training.small_runs import killed
from tests.tuning.conftest import build
from tuning.studies import COMPLETED, FAILED, PRUNED, RUNNING, Execution, TrialRecord
from tuning.trials import run_trial, score_of

TIMES = ("seconds", "images_per_second")


def with_recipe(experiment, **changes):
    return dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, **changes))


def run(study, experiment, trial_id="0000", *, num_epochs=None, start_from=None, **settings):
    settings = dataclasses.replace(study.settings, **settings)
    return run_trial(study, settings, trial_id, {"a": 1}, experiment, num_epochs=num_epochs, start_from=start_from)


def learnt(record):
    """All of the histories but the times."""
    return [[{n: v for n, v in row.items() if n not in TIMES} for row in e.history] for e in record.executions]


@pytest.mark.slow
def test_all_executions_are_trained_and_their_epochs_kept(study, pictures):
    record = run(study, with_recipe(pictures, epochs=2), executions=2, objective="val_loss", direction="min")
    assert study.record("0000") == record
    assert (record.status, record.hyperparameters, record.reason, record.error) == (COMPLETED, {"a": 1}, None, None)
    assert zoo.Experiment.from_dict(record.experiment) == with_recipe(pictures, epochs=2)
    assert [execution.seed for execution in record.executions] == [0, 1]
    scores = []
    for number, execution in enumerate(record.executions):
        folder = study.folder / execution.run
        assert folder == study.run_folder("0000", number)
        assert zoo.Experiment.load(folder).recipe.seed == number
        assert execution.history == training.Run(folder).history
        assert len(execution.history) == 2
        assert training.Run(folder).model_path.exists()
        assert not [*folder.glob("*.png"), *folder.glob("tensorboard")]
        scores.append(min(row["val_loss"] for row in execution.history))
    assert record.score == pytest.approx(sum(scores) / 2)
    assert learnt(record)[0] != learnt(record)[1]


def test_the_score_is_the_mean_of_each_executions_best(study):
    executions = [Execution(seed, "", [{"val": value} for value in curve]) for seed, curve in enumerate([[3, 1], [8]])]
    settings = dataclasses.replace(study.settings, objective="val")
    assert score_of(executions, settings) == 5.5
    assert score_of([*executions, Execution(2, "")], dataclasses.replace(settings, direction="min")) == 4.5
    assert score_of([], settings) is None


def test_a_finished_trial_is_returned_as_it_is(study, pictures, monkeypatch):
    record = TrialRecord("0000", COMPLETED, {"a": 1}, pictures.to_dict(), score=0.5)
    study.write(record)
    monkeypatch.setattr(zoo, "train", None)
    assert run(study, pictures) == record
    with pytest.raises(InputError, match=r"recipe.learning_rate was 0\.01, now 0\.02"):
        run(study, with_recipe(pictures, learning_rate=0.02))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("learning_rate", "words"),
    # One step an epoch, whose loss is finite; what it makes of the weights is not, or what is computed from them.
    [(1e39, "weights became NaN or infinite"), (1e25, "val_loss became")],
)
def test_a_trial_whose_weights_are_spoilt_has_failed_though_its_score_is_finite(study, pictures, learning_rate, words):
    record = run(
        study, with_recipe(pictures, epochs=1, batch_size=72, learning_rate=learning_rate, schedule="constant")
    )
    assert (record.status, record.score, record.error) == (FAILED, None, None)
    assert words in record.reason


def test_what_a_trial_raises_is_its_record(study, pictures, monkeypatch):
    def fail(experiment, num_classes):
        raise RuntimeError("no such network\nat all")

    monkeypatch.setattr(zoo.experiment, "build", fail)
    record = run(study, pictures)
    assert (record.status, record.reason, record.score) == (FAILED, "RuntimeError: no such network", None)
    assert record.error.startswith("Traceback")
    assert "in fail" in record.error
    assert study.record("0000") == record


@pytest.fixture
def exhausting(monkeypatch):
    """Networks that need more memory than there is when the batch is above 12 and the seed is odd."""
    tried = []

    def exhaust(experiment, num_classes):
        tried.append((experiment.recipe.batch_size, experiment.recipe.seed))
        if experiment.recipe.batch_size > 12 and experiment.recipe.seed % 2:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return build(experiment, num_classes)

    monkeypatch.setattr(zoo.experiment, "build", exhaust)
    return tried


@pytest.mark.slow
def test_out_of_memory_once_more_at_half_the_batch(study, pictures, exhausting):
    record = run(study, with_recipe(pictures, epochs=1, seed=1))
    assert exhausting == [(24, 1), (12, 1)]
    assert record.status == COMPLETED
    assert record.notes == ("out of memory at batch_size 24; trained again from the start at 12",)
    assert record.experiment["recipe"]["batch_size"] == 12
    assert zoo.Experiment.load(study.folder / record.executions[0].run).recipe.batch_size == 12

    failed = run(study, with_recipe(pictures, epochs=1, batch_size=48, seed=1), "0001")
    assert exhausting[2:] == [(48, 1), (24, 1)]
    assert failed.status == FAILED
    assert "ResourceExhaustedError" in failed.error
    assert len(failed.notes) == 1


@pytest.mark.slow
def test_all_executions_have_the_half_batch_and_so_has_what_goes_on_from_them(study, pictures, exhausting):
    record = run(study, with_recipe(pictures, epochs=1), executions=2)
    assert exhausting == [(24, 0), (24, 1), (12, 0), (12, 1)]
    assert all(zoo.Experiment.load(study.folder / e.run).recipe.batch_size == 12 for e in record.executions)
    later = run(study, with_recipe(pictures, epochs=1), "0001", start_from="0000", executions=2)
    assert later.experiment == record.experiment
    assert later.executions[1].history == record.executions[1].history


@pytest.mark.slow
def test_out_of_memory_for_real(study, pictures, monkeypatch):
    """A dense layer of 10^13 weights, which no machine holds: TensorFlow's own error, caught twice."""

    def build_large(experiment, num_classes):
        network = build(experiment, num_classes)
        network.add(keras.layers.Dense(10**13 // num_classes))
        network.add(keras.layers.Dense(num_classes))
        return network

    monkeypatch.setattr(zoo.experiment, "build", build_large)
    record = run(study, pictures)
    assert record.status == FAILED
    assert record.notes == ("out of memory at batch_size 24; trained again from the start at 12",)


def test_a_hopeless_trial_is_pruned_after_its_first_epoch(study, pictures):
    rows = [{"epoch": 1.0, "val_top1": 1.5}]
    for number in range(3):
        study.write(TrialRecord(f"{number}", COMPLETED, {}, {}, (Execution(0, "", rows),), score=1.5))
    record = run(study, pictures, pruner="asha", pruner_settings={"eta": 2})
    assert record.status == PRUNED
    assert "3 of 3 other trials were better" in record.reason
    assert len(record.executions[0].history) == 1
    assert record.score == record.executions[0].history[0]["val_top1"]


@pytest.mark.slow
def test_epochs_given_piece_by_piece_are_those_of_one_training(study, pictures):
    whole = run(study, pictures, "0000", tuner="hyperband")
    first = run(study, pictures, "0001", num_epochs=1, tuner="hyperband")
    assert (first.status, len(first.executions[0].history)) == (COMPLETED, 1)
    second = run(study, pictures, "0002", num_epochs=2, start_from="0001", tuner="hyperband")
    assert second.executions[0].history[0] == first.executions[0].history[0]  # its seconds, too: not trained again
    third = run(study, pictures, "0003", start_from="0002", tuner="hyperband")
    assert learnt(second)[0] == learnt(whole)[0][:2]
    assert learnt(third) == learnt(whole)

    run(study, pictures, "0004", num_epochs=1, keep_best=0)  # not Hyperband: nothing is needed any more
    assert not list(study.folder.glob("runs/*/*/checkpoints"))
    assert learnt(run(study, pictures, "0005", start_from="0001")) == learnt(whole)


@pytest.mark.slow
def test_an_interrupted_trial_goes_on_to_the_same_record(study, pictures):
    whole = run(study, pictures, "0000")
    with killed(5):  # in the second of three epochs
        run(study, pictures, "0001")
    left = study.record("0001")
    assert (left.status, len(left.executions[0].history)) == (RUNNING, 1)
    record = run(study, pictures, "0001")
    assert record.executions[0].history[0] == left.executions[0].history[0]  # its seconds, too: not trained again
    assert record.seconds > left.seconds > 0
    assert learnt(record) == learnt(whole)
    assert (record.status, record.score, record.experiment) == (COMPLETED, whole.score, whole.experiment)


@pytest.mark.slow
def test_a_trial_left_by_another_draw_begins_anew(study, pictures):
    other = with_recipe(pictures, learning_rate=0.02)
    study.write(TrialRecord("0000", RUNNING, {"a": 2}, other.to_dict(), (Execution(0, "runs/0000/0"),)))
    folder = study.run_folder("0000", 0)
    folder.mkdir(parents=True)
    (folder / "experiment.json").write_text(json.dumps(other.to_dict()))
    record = run(study, pictures, num_epochs=1)
    assert (record.status, record.hyperparameters) == (COMPLETED, {"a": 1})


def test_two_processes_do_not_train_the_same_trial(study, pictures):
    with held(study.folder / "runs" / "0000" / "lock", "it"), pytest.raises(BusyError, match="trial 0000"):
        run(study, pictures)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"objective": "val_top2"}, "objective 'val_top2'; nearest: val_top"),
        ({"direction": "up"}, "direction 'up'"),
        ({"pruner": "ahsa"}, "nearest: asha"),
        ({"num_epochs": 4}, "from 1 to the recipe's 3, received 4"),
    ],
)
def test_what_is_wrong_is_named(study, pictures, settings, words):
    with pytest.raises(InputError, match=words):
        run(study, pictures, **settings)
