"""search: many trials of one experiment, each with other hyperparameters, and the best of them as a JSON."""

import contextlib
import dataclasses
import signal
import threading
import time
import uuid
from pathlib import Path

from nntricks_keras import serialization
from nntricks_keras.errors import InputError, check_name
from nntricks_keras.files import write_json
from tuning import spaces
from tuning.chief import Chief, only_chief
from tuning.dependable import LOCAL, undescribe
from tuning.durations import in_words, parse_seconds
from tuning.first_points import complete_points
from tuning.objectives import parse_objective
from tuning.oracles import ORACLES, make_oracle, num_trials_by_default
from tuning.progress import Progress
from tuning.pruning import PRUNERS
from tuning.studies import FAILED, RUNNING, Study, StudySettings
from tuning.supervision import Workers, WorkersFailedError
from tuning.worker import RUN_TRIAL

LOOK_EVERY_SECONDS = 0.05
MAY_CHANGE = ("num_trials", "keep_best", "keep_bytes", "first", "study_id", "hyperparameters")


class SearchInterruptedError(KeyboardInterrupt):
    """Ctrl-C or SIGTERM came; the study on disk can go on.

    Args:
        message: how far the search has come.
        signal_number: of the signal that came.
    """

    def __init__(self, message, signal_number):
        super().__init__(message)
        self.signal_number = signal_number


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
        objective: val_top1, val_top5, val_loss, or "NAME:max", "NAME:min" of another column of the history.
        pruner: None, or a name in tuning.pruning ("median", "asha"): stops hopeless trials. Not with hyperband, which
            does so itself.
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
        WorkersFailedError: the worker processes only die.
    """
    settings = _settings(
        experiment, space, tuner, num_trials, executions, seed, objective, pruner, keep_best, keep_bytes, first
    )
    seconds = None if budget is None else parse_seconds(budget)
    if workers < 0:
        raise InputError(f"workers has to be at least 0, received {workers}")
    if not workers and not address:
        raise InputError("with workers=0 give an address at which the workers elsewhere find the search")
    study = Study(Path(study_dir))
    settings = _begin(study, settings)
    with only_chief(study.folder):
        study.write_settings(settings)
        oracle = make_oracle(study, settings, spaces.find(space))
        progress = Progress(study, settings, verbose)
        progress.take_in(oracle.records.values())
        if not oracle.is_finished():
            _run(study, oracle, progress, seconds, workers, address, memory_limit, run_trial)
    trials = study.ranked()
    if trials:
        write_json(study.folder / "best.json", trials[0].experiment)
    if not trials and oracle.is_finished():
        failed = [record.reason for record in study.records() if record.status == FAILED]
        raise InputError(f"all {len(failed)} trials failed, the first because {failed[0]}")
    return trials


def _settings(experiment, space, tuner, num_trials, executions, seed, objective, pruner, keep_best, keep_bytes, first):
    check_name("tuner", tuner, ORACLES)
    objective, direction = parse_objective(objective)
    if pruner is not None:
        check_name("pruner", pruner, PRUNERS)
        if tuner == "hyperband":
            raise InputError(f"hyperband stops hopeless trials itself; leave out the pruner {pruner!r}, or take random")
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
        pruner=pruner,
        keep_best=keep_best,
        keep_bytes=keep_bytes,
        seed=seed,
        first=complete_points(first, undescribe(described)),
        study_id=uuid.uuid4().hex,
    )


def _begin(study, settings):
    """The settings, with what an earlier search of the study has settled; InputError when they are another study's."""
    folder = study.folder
    if not (folder / "study.json").exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is not a study: it has no study.json; give a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        return settings
    saved = study.settings
    spaces.check_unchanged(saved.hyperparameters, settings.hyperparameters)
    changed = serialization.differences(saved.to_dict(), settings.to_dict())
    changed = {name: values for name, values in changed.items() if name.split(".")[0] not in MAY_CHANGE}
    if changed:
        raise InputError(
            f"{folder} is a study of something else: "
            + "; ".join(f"{name} was {before!r}, now {now!r}" for name, (before, now) in changed.items())
        )
    first = settings.first or saved.first
    return dataclasses.replace(settings, study_id=saved.study_id, first=first, hyperparameters=saved.hyperparameters)


def _run(study, oracle, progress, budget, num_workers, address, memory_limit, run_trial):
    """Serves and supervises until the study is finished, the budget is spent, or a signal comes."""
    deadline = None if budget is None else time.monotonic() + budget
    crew = (
        Workers(study.folder, num_workers, LOCAL, memory_limit=memory_limit, run_trial=run_trial)
        if num_workers
        else None
    )
    try:
        with _noting_signals() as signals, Chief(oracle, address) as chief:
            if chief.is_open:
                progress.say(
                    f"warning: whoever can reach {chief.address} can give this search results: "
                    "keras-tuner's service knows no passwords"
                )
            if address:
                progress.say(
                    f"more workers: python -m tuning worker --chief {chief.address} --study-dir {study.folder}"
                )
            if crew:
                crew.begin(chief.local_address)
            while not oracle.is_finished():
                _tend(study, oracle, progress, crew, chief)
                if signals or (deadline and time.monotonic() > deadline):
                    oracle.stopping = True
                    if crew:
                        crew.stop()
                    break
                time.sleep(LOOK_EVERY_SECONDS)
            oracle.stopping = True
            _tell(study, oracle, progress)
            chief.say_goodbye()
            while crew and not crew.all_ended and not signals:
                crew.tend()
                time.sleep(LOOK_EVERY_SECONDS)
    finally:
        if crew:
            crew.close()
    left = [record.trial_id for record in study.records() if record.status == RUNNING]
    if signals:
        raise SearchInterruptedError(
            f"stopped after {progress.num_ended} of {oracle.settings.num_trials} trials, with {len(left)} half done",
            signals[0],
        )
    if not oracle.is_finished():
        progress.say(
            f"the budget of {in_words(budget)} is spent after {progress.num_ended} of {oracle.settings.num_trials} "
            f"trials, with {len(left)} half done: the same search goes on"
        )


def _tend(study, oracle, progress, crew, chief):
    """One look at everything."""
    if chief.error:
        raise chief.error
    ended = _tell(study, oracle, progress)
    if crew:
        crew.tend(ended)
    for name in oracle.give_up_lost():
        progress.say(f"worker {name} is lost; its trial goes to another")
        if crew:
            crew.kill(name)
    progress.live([trial.trial_id for trial in list(oracle.ongoing_trials.values())])


def _tell(study, oracle, progress):
    """Tells of the trials that have ended, and writes the best one's experiment; returns how many they are."""
    ended = oracle.newly_ended()
    for record in ended:
        best = progress.best
        progress.ended(record)
        if progress.best is not best:
            write_json(study.folder / "best.json", progress.best.experiment)
    return len(ended)


@contextlib.contextmanager
def _noting_signals():
    """A list that the first Ctrl-C or SIGTERM is put into; the second interrupts at once."""
    came = []
    if threading.current_thread() is not threading.main_thread():  # only that one may handle signals
        yield came
        return

    def note(number, _):
        if came:
            raise KeyboardInterrupt
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


__all__ = ["SearchInterruptedError", "WorkersFailedError", "search"]
