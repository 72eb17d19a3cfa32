"""TrialTuner: keras-tuner's tuner, which asks for trials and tells how they ended; a trial is a run folder here."""

import dataclasses
import os
import sys
import threading
import time
import traceback

import keras_tuner as kt

import zoo
from nntricks_keras.locks import BusyError
from tuning.clients import BETWEEN_TRIES_SECONDS, PatientClient
from tuning.memory import resident_megabytes
from tuning.studies import FAILED, Study
from tuning.worker import HEARTBEAT_SECONDS, REPLACE_ME


class TrialTuner(kt.Tuner):
    """Trains the trials that the chief gives out.

    Args:
        options: study_dir, memory_limit (megabytes) and patience (seconds) of the worker.
        run_trial: tuning.trials.run_trial, or one of the same arguments.
        name: of this worker.
        address: "HOST:PORT" of the chief.
    """

    def __init__(self, options, run_trial, name, address):
        self.study = Study.open(options.study_dir)
        self.settings = self.study.settings
        self.run_trial_of_study = run_trial
        self.memory_limit = options.memory_limit
        self.patience = options.patience
        self.address = address
        self.current = {}  # trial_id while a trial is being trained
        self.asked_to_stop = threading.Event()  # by the chief
        self.num_done = 0
        oracle = kt.Oracle(objective=kt.Objective(self.settings.objective, self.settings.direction))
        folder = self.study.folder.absolute()
        super().__init__(oracle, directory=folder.parent, project_name=folder.name)
        self.tuner_id = name
        self.oracle = self.make_client()

    def make_client(self):
        """A PatientClient; a thread needs one of its own."""
        return PatientClient(
            self.oracle, self.address, self.tuner_id, f"{os.getpid()}", self.settings.study_id, self.patience
        )

    def pre_create_trial(self):
        """Ends this process when it has grown too large: another takes its place."""
        megabytes = resident_megabytes()
        if self.num_done and megabytes > self.memory_limit:
            print(f"{megabytes:.0f} MB in use, above {self.memory_limit:.0f}: another process goes on", flush=True)
            sys.exit(REPLACE_ME)

    def run_trial(self, trial, *args, **kwargs):
        self.current["trial_id"] = trial.trial_id
        try:
            record = self._train(self.study.record(trial.trial_id))
        except BusyError as error:
            raise kt.errors.FailedTrialError(
                str(error)
            ) from error  # its record says running: the chief knows what to do
        except Exception as error:  # a mistake of ours rather than of the trial
            record = dataclasses.replace(
                self.study.record(trial.trial_id),
                status=FAILED,
                reason=f"{type(error).__name__}: {error}".splitlines()[0],
                error=traceback.format_exc(),
            )
            self.study.write(record)
        finally:
            self.current.clear()
        self.num_done += 1
        if record.status == FAILED:
            raise kt.errors.FailedTrialError(record.reason)
        return {self.settings.objective: record.score}

    def _train(self, record):
        """Trains a trial once it is free: a worker that was taken for dead may have it, and notices in its patience."""
        deadline = time.monotonic() + self.patience + HEARTBEAT_SECONDS
        while True:
            try:
                return self.run_trial_of_study(
                    self.study,
                    self.settings,
                    record.trial_id,
                    record.hyperparameters,
                    zoo.Experiment.from_dict(record.experiment),
                    num_epochs=record.tuner.get("epochs"),
                    start_from=record.tuner.get("trial_id"),
                )
            except BusyError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(BETWEEN_TRIES_SECONDS)

    def on_trial_end(self, trial):
        self.oracle.end_trial(trial)

    def save(self):
        """Nothing: what keras-tuner keeps of a tuner is nothing, and a worker writes records only."""

    def reload(self):
        """Nothing, likewise."""
