"""DependableOracle: keras-tuner's oracle with nothing in memory that a killed process could take along.

keras-tuner keeps its state in oracle.json and trial_ID/trial.json, writes neither in one step, and looks at neither
when a worker dies. Here trials/ID.json is the truth of what was drawn and how it ended, and a draw is a function of
the study's seed, the trial's number and the trials before it. oracle.json only says who has which trial, and whether
the search is over.
"""

import collections
import dataclasses
import math
import threading
import time
import traceback

import keras_tuner as kt
import numpy as np

from nntricks_keras.errors import InputError
from nntricks_keras.files import read_json, write_json
from tuning.spaces import undescribe
from tuning.studies import COMPLETED, FAILED, PRUNED, RUNNING, STATE, TrialRecord

STATUS = kt.engine.trial.TrialStatus
LOCAL = "local-"  # names of the chief's own workers begin so: when it has died, they have too
LOST_AFTER_SECONDS = 60  # without a sign of life from a worker, its trial goes back to the queue
DEATHS_OF_A_TRIAL = 3  # so often may a trial take its worker along before it has failed
MOST_COLLISIONS = 1000  # draws tried already, before a space counts as exhausted; keras-tuner's 20 leave much of one
NOTE = "tuner/"  # keras-tuner's prefix for what a tuner notes among the hyperparameters


class DependableOracle:
    """Goes before one of keras-tuner's oracles in a class's bases.

    It replaces what keras-tuner does between the draw and the score; what to draw stays with the oracle behind it.
    Every method may be called from any thread.

    Args:
        study: Study, whose records are read.
        settings: its StudySettings.
        space: function (hp, experiment) -> experiment.
        kwargs: for keras-tuner's oracle.
    """

    def __init__(self, study, settings, space, **kwargs):
        super().__init__(
            objective=kt.Objective(settings.objective, settings.direction),
            hyperparameters=undescribe(settings.hyperparameters),
            seed=settings.seed or 1,  # keras-tuner takes 0 for none; every draw is seeded anew below
            **kwargs,
        )
        self.study = study
        self.settings = settings
        self.space = space
        self.lock = threading.RLock()
        self.stopping = False  # no trial is given out any more
        self._finished = False
        self.records = {}  # id -> TrialRecord, of the trials that have ended
        self._ended = []  # ids, for `newly_ended`
        self._seen = {}  # worker -> time.monotonic() of its last sign of life
        self._processes = {}  # trial id -> the process it was given to
        self._deaths = collections.Counter()  # trial id -> workers it has taken along
        self._max_collisions = MOST_COLLISIONS
        self._set_project_dir(study.folder.parent, study.folder.name)
        self.reload()

    def create_trial(self, tuner_id, process=None):
        """The trial for a worker: its own again after its process has died, one that waits, or a new draw.

        Args:
            tuner_id: the worker's name, which its next process keeps.
            process: tells its processes apart.

        Returns:
            kt Trial; its status is RUNNING, IDLE (ask again) or STOPPED.
        """
        with self.lock:
            self._seen[tuner_id] = time.monotonic()
            trial = self.ongoing_trials.get(tuner_id)
            if self.stopping:
                return self._no_trial(STATUS.STOPPED)
            if trial is not None:
                if self._processes.setdefault(trial.trial_id, process) == process:
                    return trial  # the answer was lost on its way, or the chief's memory of who asked was
                self.give_up(tuner_id, "its worker died")
            trial = self._waiting() or self._draw()
            if trial.status == STATUS.RUNNING:
                self.ongoing_trials[tuner_id] = trial
                self._processes[trial.trial_id] = process
                self.save()
            return trial

    def end_trial(self, trial):
        """Takes in how a trial ended, from its record. Said twice, or by a worker taken for dead, it changes nothing.

        A worker that ends a trial whose record says that it is running has gone wrong: the trial is given up.
        """
        with self.lock:
            trial = self.trials[trial.trial_id]
            if trial.trial_id in self.records:
                return
            record = self.study.record(trial.trial_id)
            if record.status != RUNNING:
                self._settle(trial, record)
            else:
                for tuner_id in [name for name, other in self.ongoing_trials.items() if other is trial]:
                    self.give_up(tuner_id, "its worker ended without a result")
            self.save()

    def update_trial(self, trial_id, metrics, step=0):
        """keras-tuner's report of a score; the record has it already."""
        return self.trials[trial_id]

    def give_up(self, tuner_id, why):
        """Puts the trial of a worker that is gone back into the queue, or ends it if it is the trial that kills."""
        with self.lock:
            trial = self.ongoing_trials.pop(tuner_id, None)
            if trial is None:
                return
            self._deaths[trial.trial_id] += 1
            record = self.study.record(trial.trial_id)
            if record.status != RUNNING:  # it had just ended
                self._settle(trial, record)
            elif self._deaths[trial.trial_id] >= DEATHS_OF_A_TRIAL:
                reason = f"{why}, {DEATHS_OF_A_TRIAL} times; perhaps there was too little memory"
                self._settle(trial, dataclasses.replace(record, status=FAILED, reason=reason))
            else:
                self._wait(trial)
            self.save()

    def give_up_lost(self):
        """Gives up the trials of workers silent for LOST_AFTER_SECONDS; returns the workers' names."""
        with self.lock:
            now = time.monotonic()
            lost = [name for name in self.ongoing_trials if now - self._seen[name] > LOST_AFTER_SECONDS]
            for tuner_id in lost:
                self.give_up(tuner_id, f"its worker was silent for {LOST_AFTER_SECONDS} s")
            return lost

    def saw(self, tuner_id, trial_id):
        """Notes a sign of life; says whether that worker still has that trial."""
        with self.lock:
            self._seen[tuner_id] = time.monotonic()
            trial = self.ongoing_trials.get(tuner_id)
            return trial is not None and trial.trial_id == trial_id

    def last_seen(self):
        """{worker: seconds since its last sign of life}."""
        with self.lock:
            return {name: time.monotonic() - seen for name, seen in self._seen.items()}

    def newly_ended(self):
        """TrialRecords of the trials that have ended since the last call."""
        with self.lock:
            ended, self._ended = self._ended, []
            return [self.records[trial_id] for trial_id in ended]

    def is_finished(self):
        """Whether all trials the study asks for have ended, or no other values are left to try."""
        with self.lock:
            if self._finished or self.ongoing_trials or self._retry_queue:
                return self._finished
            if len(self.trials) < self.settings.num_trials:
                if self.stopping:
                    return False
                trial = self._draw()
                if trial.status == STATUS.RUNNING:
                    self._wait(trial)
                    return False
            self._finished = True
            self.save()
            return True

    def get_state(self):
        ongoing = {name: trial.trial_id for name, trial in self.ongoing_trials.items()}
        return {"ongoing_trials": ongoing, "deaths": dict(self._deaths), "finished": self._finished}

    def save(self):
        write_json(self.study.folder / STATE, self.get_state())

    def reload(self):
        """Takes in all records on disk; what was running waits for a worker, or for its own if that is elsewhere."""
        try:
            state = read_json(self.study.folder / STATE)
            owners = {trial_id: name for name, trial_id in state["ongoing_trials"].items()}
            self._deaths.update(state["deaths"])
        except (InputError, KeyError, TypeError, AttributeError):
            owners = {}  # nothing in it is needed
        for record in self.study.records():
            trial = self._add(record.trial_id, with_notes(record))
            owner = owners.get(record.trial_id, LOCAL)
            if record.status != RUNNING:
                self._settle(trial, record)
            elif owner.startswith(LOCAL):
                self._wait(trial)
            else:
                self.ongoing_trials[owner] = trial
                self._seen[owner] = time.monotonic()
        self._ended.clear()

    def _waiting(self):
        if not self._retry_queue:
            return None
        trial = self.trials[self._retry_queue.pop(0)]
        trial.status = STATUS.RUNNING
        return trial

    def _wait(self, trial):
        trial.status = STATUS.INVALID  # for keras-tuner's Bayesian oracle, which takes RUNNING for ongoing
        self._retry_queue.append(trial.trial_id)

    def _draw(self):
        """A new trial, its record on disk."""
        while len(self.trials) < self.settings.num_trials:
            number = 1 + max(map(int, self.trials), default=-1)
            trial_id = f"{number:04d}"
            self._seed_state = int(np.random.SeedSequence([self.settings.seed, number]).generate_state(1)[0])
            response = self.populate_space(trial_id)
            if response["status"] != STATUS.RUNNING:
                return self._no_trial(self._nothing_left() if response["status"] == STATUS.STOPPED else STATUS.IDLE)
            trial = self._begin(trial_id, response["values"])
            if trial is not None:
                return trial
        return self._no_trial(self._nothing_left())

    def _nothing_left(self):
        return STATUS.IDLE if self.ongoing_trials or self._retry_queue else STATUS.STOPPED

    def _begin(self, trial_id, values):
        """The trial of a draw; None if the space makes no experiment of it: then it has failed."""
        started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        notes = {name.removeprefix(NOTE): value for name, value in values.items() if name.startswith(NOTE)}
        drawn = {name: value for name, value in values.items() if not name.startswith(NOTE)}
        record = TrialRecord(trial_id, RUNNING, drawn, {}, started=started, tuner=notes)
        source = self.records.get(notes.get("trial_id"))  # goes on from this trial, whose batch may have been halved
        if source is not None:
            record = dataclasses.replace(record, notes=source.notes)
        try:
            experiment = source.experiment if source is not None else self._experiment(drawn).to_dict()
        except Exception as error:
            reason = f"the space makes no experiment of these values: {type(error).__name__}: {error}"
            told = "".join(traceback.format_exception(error))
            experiment = self.settings.experiment.to_dict()
            record = dataclasses.replace(record, status=FAILED, reason=reason.splitlines()[0], error=told)
        record = dataclasses.replace(record, experiment=experiment)
        self.study.write(record)
        trial = self._add(trial_id, values)
        if record.status == RUNNING:
            return trial
        self._settle(trial, record)
        return None

    def _experiment(self, drawn):
        hyperparameters = self.hyperparameters.copy()
        hyperparameters.values = dict(drawn)
        return self.space(hyperparameters, self.settings.experiment)

    def _add(self, trial_id, values):
        hyperparameters = self.hyperparameters.copy()
        hyperparameters.values = dict(values)
        trial = kt.engine.trial.Trial(hyperparameters, trial_id, STATUS.RUNNING)
        self._record_values(trial)
        self.trials[trial_id] = trial
        self.start_order.append(trial_id)
        return trial

    def _settle(self, trial, record):
        """The trial has ended as its record says. A score that is no number is a failure."""
        if record.status in (COMPLETED, PRUNED) and not (record.score is not None and math.isfinite(record.score)):
            reason = f"its {self.settings.objective} is {record.score}"
            record = dataclasses.replace(record, status=FAILED, reason=reason, score=None)
        if record != self.study.record(record.trial_id):
            self.study.write(record)
        trial.status = STATUS.FAILED if record.status == FAILED else STATUS.COMPLETED
        trial.score = record.score
        trial.message = record.reason
        self.records[record.trial_id] = record
        self.end_order.append(record.trial_id)
        self._ended.append(record.trial_id)
        for tuner_id in [name for name, other in self.ongoing_trials.items() if other is trial]:
            del self.ongoing_trials[tuner_id]
        if record.trial_id in self._retry_queue:
            self._retry_queue.remove(record.trial_id)

    def _no_trial(self, status):
        return kt.engine.trial.Trial(kt.HyperParameters(), "", status)

    def _random_values(self):
        return self._given_by_hand() or super()._random_values()

    def _given_by_hand(self):
        """The next of the points given by hand that has not been tried, or None."""
        return next((dict(point) for point in self.settings.first if not self._duplicate(point)), None)


def with_notes(record):
    """A record's hyperparameters and its tuner's notes, as keras-tuner mixes them."""
    return {**record.hyperparameters, **{NOTE + name: value for name, value in record.tuner.items()}}
