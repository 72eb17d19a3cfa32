"""Study: a folder with all that a search has tried, readable while the search runs and after a crash.

study.json         what is searched (StudySettings): written first, compared when a study goes on
trials/ID.json     one trial (TrialRecord): its draw, its experiment, every epoch of every execution, how it ended
runs/ID/E/         the run folder of execution E (0, 1, ...) of trial ID, as zoo.train leaves it
best.json          the best trial's experiment, for `python -m zoo train --experiment`
oracle.json        which worker has which trial, how often a trial has killed its worker, whether the search is over
chief.json         where the chief of the search listens; chief.lock is locked while there is one
workers/NAME.log   what a worker process printed

Every file is written aside and renamed, so that another process reads it whole or not at all.
"""

import dataclasses
from pathlib import Path

import zoo
from nntricks_keras import serialization
from nntricks_keras.errors import InputError
from nntricks_keras.files import read_json, write_json

FILE, STATE = "study.json", "oracle.json"
RUNNING, COMPLETED, PRUNED, FAILED = ("running", "completed", "pruned", "failed")


@dataclasses.dataclass(frozen=True)
class Execution:
    """One training of a trial's experiment: a seed, its run folder beside study.json, and a row an epoch."""

    seed: int
    run: str
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    """rows of history.csv: epoch (from 1), learning_rate, loss, top1, val_loss, val_top1, seconds, ..."""


def scores_of(executions, settings):
    """The best epoch's value of the study's objective, of each execution that has begun."""
    best = max if settings.direction == "max" else min
    return [best(row[settings.objective] for row in each.history) for each in executions if each.history]


@dataclasses.dataclass(frozen=True)
class TrialRecord(serialization.Json):
    """A trial as trials/ID.json holds it."""

    trial_id: str
    status: str
    hyperparameters: dict[str, float | int | str | bool]
    experiment: dict
    """of execution 0: zoo.Experiment as JSON values"""
    executions: tuple[Execution, ...] = ()
    score: float | None = None
    """mean over the executions of each one's best epoch by the objective; of a pruned trial: as far as it came"""
    reason: str | None = None
    """why it was pruned or failed, in words"""
    error: str | None = None
    """the traceback of a failed trial"""
    started: str | None = None
    """UTC, ISO 8601"""
    seconds: float = 0.0
    """of work on this trial, all attempts together"""
    notes: tuple[str, ...] = ()
    """what else happened, in words: out of memory at that batch size, ..."""
    tuner: dict[str, int | str] = dataclasses.field(default_factory=dict)
    """what the tuner noted with the draw: Hyperband's bracket and round, its epochs, the trial it goes on from"""

    def curve(self, metric):
        """`metric` by epoch: the mean over those executions that have reached the epoch."""
        longest = max((len(execution.history) for execution in self.executions), default=0)
        curve = []
        for epoch in range(longest):
            reached = [e.history[epoch][metric] for e in self.executions if len(e.history) > epoch]
            curve.append(sum(reached) / len(reached))
        return curve


@dataclasses.dataclass(frozen=True)
class StudySettings(serialization.Json):
    """What a study searches, and how: study.json."""

    experiment: zoo.Experiment
    """what all trials have in common"""
    space: str
    """a name in tuning.spaces, or "module:function" of the user's own"""
    hyperparameters: list = dataclasses.field(default_factory=list)
    """the space as keras-tuner writes it, to notice when it has changed"""
    tuner: str = "random"
    objective: str = "val_top1"
    direction: str = "max"
    """max or min"""
    num_trials: int = 10
    executions: int = 1
    """trainings a trial, each with a seed of its own: the experiment's, that plus one, ..."""
    pruner: str | None = None
    """a name in tuning.pruning"""
    pruner_settings: dict[str, float] = dataclasses.field(default_factory=dict)
    """what differs from the pruner's defaults"""
    keep_best: int = 3
    """so many of the best trials keep model.keras and checkpoints; the other finished ones keep their numbers only"""
    keep_bytes: int | None = None
    """the best trials keep these files as long as they take no more than this in all"""
    seed: int = 0
    first: list[dict] = dataclasses.field(default_factory=list)
    """points given by hand, tried before anything is drawn: {hyperparameter: value}"""
    study_id: str = ""
    """drawn when the study began: workers of another study are turned away by it"""


@dataclasses.dataclass(frozen=True)
class Study:
    """A study folder, opened."""

    folder: Path

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder))

    @classmethod
    def open(cls, folder):
        """The study in an existing folder; InputError when there is none."""
        folder = Path(folder)
        if not (folder / FILE).exists():
            raise InputError(f"{folder} is not a study: it has no {FILE}")
        return cls(folder)

    @property
    def settings(self):
        return StudySettings.from_dict(read_json(self.folder / FILE))

    def write_settings(self, settings):
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / FILE, settings.to_dict())

    @property
    def is_exhausted(self):
        """Whether the search has ended, perhaps with fewer trials than were asked for: nothing else is left to try."""
        try:
            return bool(read_json(self.folder / STATE)["finished"])
        except (InputError, KeyError, TypeError):
            return False  # nothing hangs on this file: it may be gone, or of an earlier version

    def records(self):
        """All trials on disk, in the order of their ids."""
        return [TrialRecord.from_dict(read_json(path)) for path in sorted((self.folder / "trials").glob("*.json"))]

    def record(self, trial_id):
        """The trial of that id, or None."""
        path = self._path(trial_id)
        return TrialRecord.from_dict(read_json(path)) if path.exists() else None

    def write(self, record):
        path = self._path(record.trial_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, record.to_dict())

    def run_folder(self, trial_id, execution):
        return self.folder / "runs" / trial_id / str(execution)

    def ranked(self):
        """Completed trials, the best by the objective first."""
        return self.rank(self.records())

    def rank(self, records):
        """The completed ones of these TrialRecords, the best by the objective first."""
        sign = -1 if self.settings.direction == "max" else 1
        finished = [record for record in records if record.status == COMPLETED]
        return sorted(finished, key=lambda record: sign * record.score)

    def _path(self, trial_id):
        return self.folder / "trials" / f"{trial_id}.json"
