"""A training leaves the run folder the design promises, goes on where it was killed, and refuses what does not fit."""

import csv
import dataclasses
import json
import resource
import signal

import keras
import pytest

from nntricks_keras import data, training
from nntricks_keras.errors import InputError
from nntricks_keras.training.checkpoints import Checkpoints
from nntricks_keras.training.history import best_epoch
from tests.training.small_runs import (
    PREPROCESSING,
    RECIPE,
    assert_same_run,
    build,
    killed,
    plain,
    sigterm_in_step,
    train,
)


@pytest.fixture(scope="module")
def run(images, tmp_path_factory):
    return train(images, tmp_path_factory.mktemp("runs") / "run")


def test_the_run_folder_holds_what_the_design_says(run, images):
    names = {path.name for path in run.folder.iterdir()}
    wanted = {
        "environment.json",
        "inputs.json",
        "history.csv",
        "checkpoints",
        "model.keras",
        "metrics.json",
        "curves.png",
        "tensorboard",
        ".lock",
    }
    assert names == wanted
    assert run.preprocessing == PREPROCESSING
    assert run.class_names == list(images.class_names)
    assert run.inputs["counts"] == images.counts
    with open(run.folder / "history.csv") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    environment = json.loads((run.folder / "environment.json").read_text())
    assert environment["versions"]["keras"] == keras.__version__
    assert (run.folder / "curves.png").read_bytes()[:4] == b"\x89PNG"


def test_it_learns_and_tests_once_on_the_best_model(run):
    metrics = run.metrics
    assert metrics["test"]["top1"] > 0.8
    best = best_epoch(run.history, run.inputs["counts"]["validation"])
    assert metrics["best_epoch"] == best["epoch"]
    assert metrics["validation"]["top1"] == best["val_top1"]
    assert metrics["parameters"] == build().count_params()


def test_a_run_stopped_after_an_epoch_goes_on_to_the_same_weights(run, images, tmp_path):
    """Stopped as `kill` would: an exception in the middle of the second epoch, nothing tidied."""
    with killed(7):
        train(images, tmp_path / "run", lean=True)
    assert len(training.Run.open(tmp_path / "run").history) == 1
    resumed = train(images, tmp_path / "run", resume=True, lean=True)
    assert_same_run(run, resumed)
    for column in ("epoch", "val_top1"):  # as they are written
        assert _column(resumed, column) == _column(run, column)
    assert json.dumps(resumed.metrics["best_epoch"]) == json.dumps(run.metrics["best_epoch"])


def _column(run, name):
    with open(run.folder / "history.csv") as file:
        return [row[name] for row in csv.DictReader(file)]


def test_a_lean_run_is_the_same_training_and_writes_less(run, images, tmp_path, capsys):
    ended = []
    watcher = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ended.append(len(training.Run(tmp_path / "run").history))
    )
    lean = train(images, tmp_path / "run", lean=True, callbacks=[watcher])
    assert ended == [1, 2, 3]  # the row of an epoch is on the disk when the callback comes
    assert_same_run(run, lean)
    names = {path.name for path in lean.folder.iterdir()}
    kept = {"environment.json", "inputs.json", "history.csv", "checkpoints", "model.keras", "metrics.json", ".lock"}
    assert names == kept
    assert "test" not in lean.metrics
    assert lean.metrics["validation"] == run.metrics["validation"]
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "at_step", [6, pytest.param(8, marks=pytest.mark.slow)]
)  # within the second epoch, and in its last step
def test_sigterm_writes_a_checkpoint_and_the_run_goes_on_from_that_step(run, images, tmp_path, at_step):
    with (
        sigterm_in_step(at_step),
        pytest.raises(training.TrainingInterruptedError, match=r"step 6|epoch 2") as stopped,
    ):
        train(images, tmp_path / "run", lean=True)
    assert stopped.value.signal_number == signal.SIGTERM
    state, _ = Checkpoints(tmp_path / "run" / "checkpoints").newest()
    assert state["step"] == at_step
    resumed = train(images, tmp_path / "run", resume=True, lean=True)
    assert_same_run(run, resumed)


def test_the_seed_decides_all(run, images, tmp_path):
    again = train(images, tmp_path / "again", lean=True)
    other = train(images, tmp_path / "other", dataclasses.replace(RECIPE, seed=4), lean=True)
    assert [row["loss"] for row in again.history] == [row["loss"] for row in run.history]
    assert [row["loss"] for row in other.history] != [row["loss"] for row in run.history]


def test_a_complete_run_is_returned_as_it_is(run, images):
    before = (run.folder / "metrics.json").stat().st_mtime_ns
    assert train(images, run.folder, resume=True).metrics == run.metrics
    assert (run.folder / "metrics.json").stat().st_mtime_ns == before


def test_an_existing_run_is_neither_overwritten_nor_confused_with_something_else(run, images, tmp_path):
    with pytest.raises(InputError, match="not empty"):
        train(images, run.folder)
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "letter.txt").write_text("dear")
    for flags in ({"overwrite": True}, {"resume": True}):
        with pytest.raises(InputError, match="not a run folder"):
            train(images, tmp_path / "letters", **flags)
    with pytest.raises(InputError, match="exclude"):
        train(images, run.folder, overwrite=True, resume=True)
    with pytest.raises(InputError, match="no such run folder"):
        train(images, tmp_path / "nowhere", resume=True)


def test_overwrite_begins_anew(images, tmp_path):
    short = dataclasses.replace(RECIPE, epochs=1)
    train(images, tmp_path / "run", short, lean=True)
    (tmp_path / "run" / "old.txt").write_text("of the old run")
    train(images, tmp_path / "run", short, overwrite=True, lean=True)
    assert not (tmp_path / "run" / "old.txt").exists()


def test_resume_under_another_recipe_names_the_field(images, tmp_path):
    train(images, tmp_path / "run", dataclasses.replace(RECIPE, epochs=1), lean=True)
    (tmp_path / "run" / "metrics.json").unlink()
    with pytest.raises(InputError, match=r"momentum was 0\.9, now 0\.5"):
        train(images, tmp_path / "run", dataclasses.replace(RECIPE, epochs=1, momentum=0.5), resume=True)


def test_the_newest_checkpoint_holds_the_whole_state(run):
    state, _ = Checkpoints(run.folder / "checkpoints").newest()
    assert state["epoch"] == 3
    assert state["recipe"] == RECIPE.to_dict()


def test_a_model_that_does_not_fit_the_data_is_named_before_training(images, tmp_path):
    def too_few():
        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])

    with pytest.raises(InputError, match=r"output shape is \(2,\), the data's is \(3,\)"):
        training.train(too_few, images, PREPROCESSING, RECIPE, tmp_path / "run")


def test_coarse_logits_are_refused(images, tmp_path):
    def coarse():
        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])

    with pytest.raises(InputError, match="float32"):
        training.train(
            coarse, images, PREPROCESSING, dataclasses.replace(RECIPE, precision="mixed_bfloat16"), tmp_path / "run"
        )


@pytest.mark.slow
def test_plateau_survives_a_resume(images, tmp_path):
    recipe = dataclasses.replace(RECIPE, schedule="plateau", plateau_patience=1, epochs=4, learning_rate=1e-6)
    # Without BatchNorm, whose averages move at any rate, nothing improves at this one.
    whole = train(images, tmp_path / "whole", recipe, model=plain, lean=True)

    with killed(4, "on_epoch_begin"):
        train(images, tmp_path / "part", recipe, model=plain, lean=True)
    resumed = train(images, tmp_path / "part", recipe, model=plain, resume=True, lean=True)
    rates = [row["learning_rate"] for row in whole.history]
    assert rates[-1] < rates[0]
    assert [row["learning_rate"] for row in resumed.history] == rates


def test_mixed_precision_keeps_its_variables_in_float32(images, tmp_path):
    run = train(images, tmp_path / "run", dataclasses.replace(RECIPE, precision="mixed_bfloat16", epochs=1), lean=True)
    model = run.load_model()
    assert model.get_layer("conv").compute_dtype == "bfloat16"
    assert model.get_layer("conv").kernel.dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"momentum": 1.5}, "momentum"),
        ({"schedule": "one-cycle"}, "one_cycle"),
        ({"precision": "bf16"}, "mixed_bfloat16"),
        ({"label_smoothing": -0.1}, "label_smoothing"),
    ],
)
def test_a_wrong_setting_is_named(change, named):
    with pytest.raises(InputError, match=named):
        dataclasses.replace(RECIPE, **change)


def test_recipe_round_trip_and_unknown_keys():
    recipe = dataclasses.replace(RECIPE, augmentation=data.Augmentation.preset("quick"))
    assert training.Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe
    with pytest.raises(InputError, match="learning_rat'"):
        training.Recipe.from_dict({"learning_rat": 0.1})


@pytest.mark.slow
def test_a_disk_that_fills_up_stops_the_run_and_it_goes_on_once_there_is_room(run, images, tmp_path, monkeypatch):
    """The system itself refuses to write: no file may grow beyond 1000 bytes from the second epoch on."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    begin = keras.callbacks.CallbackList.on_epoch_begin

    def fill(self, epoch, logs=None):
        if epoch == 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        begin(self, epoch, logs)

    with monkeypatch.context() as patch:
        patch.setattr(keras.callbacks.CallbackList, "on_epoch_begin", fill)
        try:
            with pytest.raises(OSError, match="File too large"):
                train(images, tmp_path / "run", lean=True)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert Checkpoints(tmp_path / "run" / "checkpoints").newest()[0]["epoch"] == 1
    assert_same_run(run, train(images, tmp_path / "run", resume=True, lean=True))


def test_a_folder_that_cannot_be_made_is_named(images, tmp_path):
    with pytest.raises(InputError, match="the run folder /proc/nowhere/run cannot be made"):
        train(images, "/proc/nowhere/run", dataclasses.replace(RECIPE, epochs=1))
