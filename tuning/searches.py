"""search: many trials of one experiment, each with other hyperparameters, and the best of them as a JSON."""

import dataclasses
import uuid
from pathlib import Path

from nntricks_keras import serialization
from nntricks_keras.errors import InputError, check_name
from nntricks_keras.files import write_json
from nntricks_keras.locks import is_fresh
from tuning import spaces, storage
from tuning.chief import LOCK, only_chief
from tuning.durations import parse_seconds
from tuning.first_points import complete_points
from tuning.objectives import parse_objective
from tuning.oracles import ORACLES, make_oracle, num_trials_by_default
from tuning.progress import Progress
from tuning.pruning import pruner as find_pruner
from tuning.running import run
from tuning.studies import FAILED, FILE, Study, StudySettings
from tuning.worker import RUN_TRIAL

MAY_CHANGE = ("num_trials", "keep_best", "keep_bytes", "first", "study_id", "hyperparameters")


def search(
    experiment,
    study_dir,
    *,
    space="tricks",
    tuner="random",
    num_trials=None,
    executions=1,
    seed=0,
    objective="val_top1",
    pruner=None,
    pruner_settings=None,
    first=(),
    budget=None,
    workers=1,
    address=None,
    keep_best=3,
    keep_bytes=None,
    memory_limit=None,
    verbose=True,
    run_trial=RUN_TRIAL,
):
    """Trains variations of an experiment in worker processes, and ranks them.

    A study goes on, with the same arguments, after any of its processes has been killed or the whole search has been
    stopped: finished trials are kept, and one that was being trained goes on from its last epoch.

    Args:
        experiment: zoo.Experiment, what all trials have in common.
        study_dir: a folder, new or of a study begun with the same arguments. Workers elsewhere have to see it, too.
        space: a name in tuning.spaces, "module:function", or a function (hp, experiment) -> experiment.
        tuner: random, bayesian, hyperband or grid.
        num_trials: trials the study has in the end, failed ones among them. By default 10; of hyperband one round of
            all its brackets, where a trial that is promoted counts anew.
        executions: trainings a trial, each with a seed of its own; its score is their mean.
        seed: of the draws. The draws of random and grid depend on it alone, not on the number of workers.
        objective: val_top1, val_top5, val_loss, or "NAME:max", "NAME:min" of loss, top1, top5: of the training images.
        pruner: None, or a name in tuning.pruning ("median", "asha"): stops hopeless trials. Not with hyperband, which
            does so itself.
        pruner_settings: {name: value} that differ from its defaults (tuning/pruning.py), as {"eta": 2} of asha.
        first: points to try before anything is drawn: a list of {hyperparameter: value}, or a JSON file of one.
        budget: the time this call may take: seconds, or "30m", "2h". Then the trials that are being trained write a
            checkpoint and stop; a later call has a budget of its own, and goes on.
        workers: processes on this machine, each with its share of the cores, or with one GPU; 0: only those elsewhere,
            `python -m tuning worker`.
        address: "HOST:PORT" where workers elsewhere may reach the search; by default the loopback, any port.
        keep_best: so many of the best trials keep model.keras and their checkpoints.
        keep_bytes: as long as they take no more than this in all.
        memory_limit: megabytes of a worker, above which another process takes its place after a trial.
        verbose: print a line a trial.
        run_trial: "MODULE:FUNCTION" of what trains a trial.

    Returns:
        list of TrialRecord, the completed trials, the best first. best.json in study_dir, written after every trial, is
        the best one's experiment, for `python -m zoo train --experiment`.

    Raises:
        InputError: an argument that cannot be; a study_dir of another study or of something else; another search of
            the study; a port in use; every trial failed.
        SearchInterruptedError: Ctrl-C or SIGTERM came.
        WorkersFailedError: the worker processes only die, or cannot load the experiment's data.
    """
    settings = _settings(
        experiment, space, tuner, num_trials, executions, seed, objective, keep_best, keep_bytes, first
    )
    settings = _with_pruner(settings, pruner, dict(pruner_settings or {}))
    seconds = None if budget is None else parse_seconds(budget)
    if workers < 0:
        raise InputError(f"workers has to be at least 0, received {workers}")
    if memory_limit is not None and not memory_limit > 0:
        raise InputError(f"memory_limit has to be above 0 megabytes, received {memory_limit}")
    if not workers and not address:
        raise InputError("with workers=0 give an address at which the workers elsewhere find the search")
    study = Study(Path(study_dir))
    settings = _begin(study, settings)
    with only_chief(study.folder):
        study.write_settings(settings)
        oracle = make_oracle(study, settings, spaces.space(space))
        progress = Progress(study, settings, verbose)
        progress.take_in(oracle.records.values())
        if not oracle.is_finished():
            run(study, oracle, progress, seconds, workers, address, memory_limit, run_trial)
        if oracle.is_finished():  # Hyperband goes on from no trial any more
            storage.keep_best(study, study.records(), settings.keep_best, settings.keep_bytes)
    trials = study.ranked()
    if trials:
        write_json(study.folder / "best.json", trials[0].experiment)
    if not trials and oracle.is_finished():
        records = study.records()
        failed = [record.reason for record in records if record.status == FAILED]
        pruned = len(records) - len(failed)
        told = f"no trial has completed: {len(failed)} failed and {pruned} were pruned"
        first = f", the first because {failed[0]}" if failed else ""
        raise InputError((told if pruned else f"all {len(failed)} trials failed") + first)
    return trials


def _settings(experiment, space, tuner, num_trials, executions, seed, objective, keep_best, keep_bytes, first):
    check_name("tuner", tuner, ORACLES)
    objective, direction = parse_objective(objective)
    if num_trials is None:
        num_trials = num_trials_by_default(tuner, experiment)
    for name, value, least in [
        ("num_trials", num_trials, 1),
        ("executions", executions, 1),
        ("keep_best", keep_best, 0),
        ("seed", seed, 0),
    ]:
        if not isinstance(value, int) or value < least:
            raise InputError(f"{name} has to be a whole number and at least {least}, received {value!r}")
    described = spaces.describe(space, experiment)
    return StudySettings(
        experiment,
        spaces.name_of(space),
        described,
        tuner=tuner,
        objective=objective,
        direction=direction,
        num_trials=num_trials,
        executions=executions,
        keep_best=keep_best,
        keep_bytes=keep_bytes,
        seed=seed,
        first=complete_points(first, spaces.undescribe(described)),
        study_id=uuid.uuid4().hex,
    )


def _with_pruner(settings, name, pruner_settings):
    if not all(isinstance(value, (int, float)) for value in pruner_settings.values()):
        raise InputError(f"the settings of a pruner are numbers, received {pruner_settings}")
    find_pruner(name, **pruner_settings)  # says what else is wrong
    if name is None and pruner_settings:
        raise InputError(f"the settings {pruner_settings} are of a pruner, and none is given")
    if name is not None and settings.tuner == "hyperband":
        raise InputError(f"hyperband stops hopeless trials itself; leave out the pruner {name!r}, or take random")
    return dataclasses.replace(settings, pruner=name, pruner_settings=pruner_settings)


def _begin(study, settings):
    """The settings, with what an earlier search of the study has settled; InputError when they are another study's."""
    folder = study.folder
    if not (folder / FILE).exists():
        if not is_fresh(folder, LOCK, FILE):
            raise InputError(f"{folder} is not a study: it has no study.json; give a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        return settings
    saved = study.settings
    spaces.check_unchanged(saved.hyperparameters, settings.hyperparameters)
    changed = serialization.differences(saved.to_dict(), settings.to_dict())
    changed = {name: values for name, values in changed.items() if name.split(".")[0] not in MAY_CHANGE}
    if changed:
        raise InputError(f"{folder} is a study of something else: " + "; ".join(serialization.in_words(changed)))
    # Those of before stay: a grid goes on from the last point that was not given by hand, and these are on no grid.
    first = [*saved.first, *(point for point in settings.first if point not in saved.first)]
    return dataclasses.replace(settings, study_id=saved.study_id, first=first, hyperparameters=saved.hyperparameters)
