"""A search trains real trials, keeps what it finished, and its best is an experiment that trains again."""

import dataclasses

import pytest

import tuning
import zoo
from nntricks_keras.errors import InputError
from zoo.commands import run_command


@pytest.fixture(scope="module")
def experiment(picture_folder):
    recipe = dataclasses.replace(zoo.recipe("quick"), epochs=1, batch_size=16)
    return zoo.Experiment(data=str(picture_folder), arguments={"width": 0.3}, image_size=(16, 16), recipe=recipe)


def test_a_search_leaves_runs_and_the_best_of_them(experiment, tmp_path):
    trials = tuning.search(experiment, tmp_path / "study", num_trials=2, seed=0)
    assert len(trials) == 2
    assert trials[0].val_top1 >= trials[1].val_top1
    assert zoo.Experiment.load(tmp_path / "study" / "best.json") == trials[0].experiment
    for trial in trials:
        run = zoo.Experiment.load(trial.folder)
        assert run.arguments == trial.experiment.arguments
        assert run.recipe == trial.experiment.recipe

    # Again with one trial more: the two finished ones are kept, and a third is trained.
    before = {trial.folder: (trial.folder / "metrics.json").stat().st_mtime_ns for trial in trials}
    more = tuning.search(experiment, tmp_path / "study", num_trials=3, seed=0)
    assert len(more) == 3
    assert all((folder / "metrics.json").stat().st_mtime_ns == time for folder, time in before.items())


def test_what_is_wrong_is_named(experiment, tmp_path):
    with pytest.raises(InputError, match="tricks"):
        tuning.search(experiment, tmp_path / "study", space="trikcs")
    with pytest.raises(InputError, match="num_trials"):
        tuning.search(experiment, tmp_path / "study", num_trials=0)


def test_the_command_prints_the_trials_and_the_way_on(picture_folder, tmp_path, capsys):
    arguments = ["search", "--data", str(picture_folder), "--epochs", "1", "--trials", "1"]
    assert run_command("python -m tuning", "tuning.commands", [*arguments, "--study-dir", str(tmp_path / "study")]) == 0
    printed = capsys.readouterr().out
    assert "activation" in printed
    assert f"--experiment {tmp_path / 'study' / 'best.json'}" in printed
