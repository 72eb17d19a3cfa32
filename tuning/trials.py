"""run_trial: one trial from its draw to its record, whatever happens on the way."""

import dataclasses
import functools
import json
import math
import shutil
import time
import traceback

import keras

import zoo
from nntricks_keras import serialization, training
from nntricks_keras.errors import InputError, check_name
from nntricks_keras.locks import held
from nntricks_keras.training.run_folder import MARKS
from tuning import storage
from tuning.objectives import COLUMNS
from tuning.pruning import pruner
from tuning.studies import COMPLETED, FAILED, PRUNED, RUNNING, Execution, TrialRecord, scores_of
from zoo.experiment import load_data, resolve


def run_trial(study, settings, trial_id, hyperparameters, experiment, *, num_epochs=None, start_from=None):
    """Trains all executions of a trial and returns its record, which is on disk after every epoch.

    A trial that another process has left half done goes on from its newest checkpoint; a finished one is returned as it
    is. What goes wrong with the trial itself never raises, and the record says it: a loss, a score or weights that are
    not finite, and any exception, make it failed; when the memory is not enough, it is trained once more from the start
    at half the batch. After it has ended, only the study's best trials keep their large files.

    Args:
        study: Study.
        settings: its StudySettings.
        trial_id: string, a file's name.
        hyperparameters: {name: value} as drawn, for the record.
        experiment: zoo.Experiment of the first execution; execution e has its seed plus e.
        num_epochs: stop after so many of the recipe's epochs, whose schedule stays that of all of them; by default all.
        start_from: id of a trial of the same experiment that was stopped earlier: goes on where it stopped, optimizer
            and all. If its checkpoints are gone, the trial starts at its first epoch, to the same end.

    Returns:
        TrialRecord: completed, pruned or failed.

    Raises:
        InputError: num_epochs out of range; an unknown objective, direction or pruner; a finished trial of this id had
            another experiment.
        locks.BusyError: another process is training this trial.
        KeyboardInterrupt: Ctrl-C or SIGTERM came (training.TrainingInterruptedError); the record is left running.
    """
    epochs = experiment.recipe.epochs if num_epochs is None else num_epochs
    if not 1 <= epochs <= experiment.recipe.epochs:
        raise InputError(f"num_epochs has to be from 1 to the recipe's {experiment.recipe.epochs}, received {epochs}")
    check_name("objective", settings.objective, COLUMNS)
    check_name("direction", settings.direction, ("max", "min"))
    decide = pruner(settings.pruner, **settings.pruner_settings).decide
    with held(study.folder / "runs" / trial_id / "lock", f"trial {trial_id} of {study.folder}"):
        record = _begin(study, trial_id, hyperparameters, experiment, start_from)
        if record.status == RUNNING:
            trial = _Trial(study, settings, record, epochs, start_from, decide)
            trial.run()
            record = trial.record
    records = study.records()
    short = storage.short_of(records, experiment.recipe.epochs) if settings.tuner == "hyperband" else ()
    storage.keep_best(study, records, settings.keep_best, settings.keep_bytes, needed=short)
    return record


def prepare(settings):
    """Loads and measures the images of a study, once for all trials of this process; InputError if it cannot."""
    _settle(settings.experiment)


def score_of(executions, settings):
    """The mean over those executions that have begun of each one's best epoch by the study's objective, or None."""
    scores = scores_of(executions, settings)
    return sum(scores) / len(scores) if scores else None


class _Pruned(Exception):  # noqa: N818
    """The pruner has decided; its words."""


class _EnoughError(Exception):
    """The epochs this trial was given are over, those of its recipe are not."""


class _Trial:
    """A trial in progress: `record` is what is on disk."""

    def __init__(self, study, settings, record, num_epochs, start_from, decide):
        self.study = study
        self.settings = settings
        self.record = record
        self.num_epochs = num_epochs
        self.start_from = start_from
        self.decide = decide
        self._seconds_before = record.seconds
        self._began = time.perf_counter()

    def run(self):
        """Trains to the trial's end, whatever that is."""
        try:
            self._train_all()
        except _Pruned as decision:
            self._write(status=PRUNED, reason=str(decision))
        except training.TrainingDivergedError as error:
            self._write(status=FAILED, reason=str(error), score=None)
        except Exception as error:
            batch_size = self.record.experiment["recipe"]["batch_size"]
            if training.is_out_of_memory(error) and batch_size > 1 and not self.record.notes:
                words, told = f"out of memory at batch_size {batch_size}", None
            else:
                words, told = f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error))
        else:
            self._write(status=COMPLETED)
        if self.record.status != RUNNING:
            return
        # Outside of the handler: the error holds on to the frames, and so to the memory, of what failed.
        if told:
            self._write(status=FAILED, reason=words.splitlines()[0], error=told, score=None)
            return
        self._halve_batch(f"{words}; trained again from the start at {batch_size // 2}")
        self.run()

    def epoch_ended(self, number, run):
        """Writes what the run's history holds; raises when the trial should not go on."""
        history = [{name: float(value) for name, value in row.items()} for row in run.history]
        executions = list(self.record.executions)
        executions[number] = dataclasses.replace(executions[number], history=history)
        self._write(executions=tuple(executions), score=score_of(executions, self.settings))
        if not history:
            return
        objective = self.settings.objective
        for name in ("val_loss", objective):
            if not math.isfinite(history[-1][name]):
                raise training.TrainingDivergedError(f"{name} became {history[-1][name]} in epoch {len(history)}")
        if self.settings.pruner:
            others = [record for record in self.study.records() if record.trial_id != self.record.trial_id]
            reason = self.decide(self.record, others, objective, self.settings.direction, self.num_epochs)
            if reason:
                raise _Pruned(reason)
        if len(history) >= self.num_epochs < self.record.experiment["recipe"]["epochs"]:
            raise _EnoughError

    def _train_all(self):
        experiment = zoo.Experiment.from_dict(self.record.experiment)
        for number in range(self.settings.executions):
            recipe = dataclasses.replace(experiment.recipe, seed=experiment.recipe.seed + number)
            if number == len(self.record.executions):
                folder = self.study.run_folder(self.record.trial_id, number)
                execution = Execution(recipe.seed, folder.relative_to(self.study.folder).as_posix())
                self._write(executions=(*self.record.executions, execution))
            self._train(number, dataclasses.replace(experiment, recipe=recipe))

    def _train(self, number, experiment):
        """One execution, from where it is to its end."""
        folder = self.study.run_folder(self.record.trial_id, number)
        resume = any((folder / mark).exists() for mark in MARKS)
        if not resume:
            shutil.rmtree(folder, ignore_errors=True)  # a kill came before anything was in it
            resume = self._take_over(number, folder)
        run = training.Run(folder)
        experiment, image_data = _settle(experiment)
        keras.utils.clear_session()  # frees the trial before this one
        try:
            if resume:
                self.epoch_ended(number, run)
            zoo.train(
                experiment,
                folder,
                resume=resume,
                callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: self.epoch_ended(number, run))],
                lean=True,
                image_data=image_data,
            )
            self.epoch_ended(number, run)
        except _EnoughError:
            pass

    def _take_over(self, number, folder):
        """Copies the run that start_from left, if it is there; says whether it was."""
        if self.start_from is None:
            return False
        source = self.study.run_folder(self.start_from, number)
        if not (source / "checkpoints").is_dir():
            return False
        aside = folder.with_name(f"{folder.name}.partial")
        shutil.rmtree(aside, ignore_errors=True)
        try:
            shutil.copytree(source, aside)
        except (shutil.Error, OSError):  # another process has just deleted it
            return False
        aside.rename(folder)
        return True

    def _halve_batch(self, note):
        experiment = self.record.experiment
        recipe = {**experiment["recipe"], "batch_size": experiment["recipe"]["batch_size"] // 2}
        for number in range(len(self.record.executions)):
            shutil.rmtree(self.study.run_folder(self.record.trial_id, number), ignore_errors=True)
        self.start_from = None  # it was trained at the whole batch
        self._write(experiment={**experiment, "recipe": recipe}, executions=(), score=None, notes=(note,))

    def _write(self, **changes):
        seconds = round(self._seconds_before + time.perf_counter() - self._began, 3)
        self.record = dataclasses.replace(self.record, seconds=seconds, **changes)
        self.study.write(self.record)


def _begin(study, trial_id, hyperparameters, experiment, start_from):
    """The record to go on with, on disk: the one that is there, or a new one."""
    source = study.record(start_from) if start_from is not None else None
    notes = source.notes if source else ()
    if notes:  # that trial was out of memory, and went on with half the batch
        batch_size = source.experiment["recipe"]["batch_size"]
        experiment = dataclasses.replace(
            experiment, recipe=dataclasses.replace(experiment.recipe, batch_size=batch_size)
        )
    there = study.record(trial_id)
    if there is not None:
        changed = serialization.differences(there.experiment, experiment.to_dict())
        if there.notes:
            changed.pop("recipe.batch_size", None)
        if not changed:
            return there
        if there.status != RUNNING:
            raise InputError(
                f"trial {trial_id} of {study.folder} was another experiment: "
                + "; ".join(serialization.in_words(changed))
            )
        # Its process died before the search had noted the draw, and the same id was drawn again.
        for execution in there.executions:
            shutil.rmtree(study.folder / execution.run, ignore_errors=True)
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    record = TrialRecord(trial_id, RUNNING, dict(hyperparameters), experiment.to_dict(), started=started, notes=notes)
    study.write(record)
    return record


def _settle(experiment):
    """(the experiment with its preprocessing, its images): loaded and measured once for all trials of this process."""
    about = dataclasses.replace(experiment, arguments={}, recipe=training.Recipe())
    preprocessing = _preprocessing(json.dumps(about.to_dict()))
    return experiment.settled(preprocessing), _images_of(experiment)


@functools.lru_cache(maxsize=8)
def _preprocessing(about):
    experiment = zoo.Experiment.from_dict(json.loads(about))
    return resolve(experiment, _images_of(experiment))[0].preprocessing


def _images_of(experiment):
    names = ("data", "data_dir", "validation_fraction", "skip_bad_images")
    return _images(**{name: getattr(experiment, name) for name in names})


@functools.lru_cache(maxsize=1)
def _images(**source):
    return load_data(zoo.Experiment(**source))
