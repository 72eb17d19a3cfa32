"""search: many trials of one experiment, each with other hyperparameters, and the best of them as a JSON."""

import dataclasses
import gc
from pathlib import Path

import keras
import keras_tuner as kt

import zoo
from nntricks_keras.errors import InputError
from nntricks_keras.training import TrainingDivergedError
from tuning.spaces import space as find_space

OBJECTIVE = "val_top1"


@dataclasses.dataclass(frozen=True)
class Trial:
    """A finished trial: its experiment, its folder (a run), its validation top-1, and the hyperparameters drawn."""

    experiment: zoo.Experiment
    folder: Path
    val_top1: float
    hyperparameters: dict


class _RandomSearch(kt.RandomSearch):
    """keras-tuner's random search, a trial being a run folder written by zoo.train."""

    def __init__(self, experiment, space, **kwargs):
        hyperparameters = kt.HyperParameters()
        space(hyperparameters, experiment)  # so that the oracle knows the whole space before the first draw
        super().__init__(hyperparameters=hyperparameters, objective=kt.Objective(OBJECTIVE, "max"), **kwargs)
        self.experiment = experiment
        self.space = space

    def run_trial(self, trial, *args, **kwargs):
        keras.utils.clear_session()
        gc.collect()
        try:
            folder = self.folder_of(trial)
            run = zoo.train(self.experiment_of(trial), folder, overwrite=folder.exists(), health=False)
        except TrainingDivergedError as error:
            raise kt.errors.FailedTrialError(str(error)) from error
        return {OBJECTIVE: run.metrics["validation"]["top1"]}

    def experiment_of(self, trial):
        return self.space(trial.hyperparameters, self.experiment)

    def folder_of(self, trial):
        return Path(self.project_dir) / f"run_{trial.trial_id}"


def search(experiment, study_dir, *, space="tricks", num_trials=10, seed=0):
    """Trains `num_trials` variations of an experiment, drawn at random from a space.

    Args:
        experiment: zoo.Experiment, what all trials have in common.
        study_dir: a folder. One that holds a study of the same name goes on with it: finished trials are kept.
        space: a name in tuning.spaces, or a function (hp, experiment) -> experiment.
        num_trials: how many trials the study has in the end.
        seed: of the draws.

    Returns:
        The finished trials, the best first; best.json in study_dir is the best one's experiment, for
        `python -m zoo train --experiment`.

    Raises:
        InputError: an unknown space, no trials asked for, or every trial diverged.
    """
    if num_trials < 1:
        raise InputError(f"num_trials has to be at least 1, received {num_trials}")
    study_dir = Path(study_dir)
    tuner = _RandomSearch(
        experiment,
        find_space(space) if isinstance(space, str) else space,
        max_trials=num_trials,
        max_consecutive_failed_trials=num_trials,
        seed=seed + 1,  # keras-tuner takes a seed of 0 for none
        directory=study_dir.parent,
        project_name=study_dir.name,
    )
    tuner.search(verbose=0)
    finished = [trial for trial in tuner.oracle.trials.values() if trial.status == "COMPLETED"]
    if not finished:
        raise InputError(f"all {len(tuner.oracle.trials)} trials diverged; a smaller rate or another space may help")
    trials = sorted(
        (
            Trial(tuner.experiment_of(trial), tuner.folder_of(trial), trial.score, trial.hyperparameters.values)
            for trial in finished
        ),
        key=lambda trial: -trial.val_top1,
    )
    trials[0].experiment.save(study_dir / "best.json")
    return trials
