"""When to stop a trial early. Each decision is a function of the curves on disk: no state, so it survives any crash and
any number of processes.

Only the first execution of a trial is judged, by the others' first executions at the same epoch: a trial that has come
through it is worth all of its executions.
"""

import dataclasses
import statistics

from nntricks_keras.errors import InputError, check_name
from tuning.studies import COMPLETED, FAILED


@dataclasses.dataclass(frozen=True)
class NoPruner:
    """Lets every trial come to its end."""

    def decide(self, record, others, objective, direction, max_epochs):
        return None


@dataclasses.dataclass(frozen=True)
class Asha:
    """Asynchronous successive halving, in the form that stops trials rather than pausing them.

    At each rung, after min_epochs * eta^k epochs, a trial goes on only if its best score so far is in the top 1 / eta
    of those seen there by then, its own among them (at least one always is). No trial waits for another.
    Li et al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020).

    Args:
        min_epochs: where the first rung is, at least 1.
        eta: one in so many goes on, above 1.

    Raises:
        InputError: an argument out of range.
    """

    min_epochs: int = 1
    eta: float = 3

    def __post_init__(self):
        if not self.min_epochs >= 1:
            raise InputError(f"min_epochs of asha has to be at least 1, received {self.min_epochs}")
        if not self.eta > 1:
            raise InputError(f"eta of asha has to be above 1, received {self.eta}")

    def decide(self, record, others, objective, direction, max_epochs):
        """Why the trial should stop after the epoch it has just ended, in words, or None.

        Args:
            record: TrialRecord of the trial.
            others: TrialRecords of the study; those of failed trials do not count.
            objective: a column of the histories.
            direction: "max" or "min".
            max_epochs: of a whole trial.
        """
        curve = first_curve(record, objective)
        epoch = len(curve)
        if len(record.executions) != 1 or epoch not in self.rungs(max_epochs):
            return None
        best = max if direction == "max" else min
        mine = best(curve)
        seen = [best(other[:epoch]) for other in _curves(record, others, objective) if len(other) >= epoch]
        better = sum(score > mine if direction == "max" else score < mine for score in seen)
        places = max(int((len(seen) + 1) / self.eta), 1)
        if better < places:
            return None
        return (
            f"asha: after epoch {epoch}, {better} of {len(seen)} other trials were better than its best {objective} "
            f"{mine:.4g}, and {places} of {len(seen) + 1} go on"
        )

    def rungs(self, max_epochs):
        """After which epochs trials are compared."""
        rungs, rung = [], self.min_epochs
        while round(rung) < max_epochs:
            rungs.append(round(rung))
            rung *= self.eta
        return rungs


@dataclasses.dataclass(frozen=True)
class Median:
    """The median rule: stops a trial whose best score so far is worse than the median of the others' running averages.

    The running average of a trial at epoch e is the mean of its scores up to e; the trials that reached e count.
    Golovin et al., "Google Vizier" (KDD 2017), section 3.2.2.

    Args:
        startup_trials: nothing is stopped before so many trials have been completed.
        warmup_epochs: nor in the first epochs of a trial, so many.

    Raises:
        InputError: an argument out of range.
    """

    startup_trials: int = 5
    warmup_epochs: int = 1

    def __post_init__(self):
        if not self.startup_trials >= 1:
            raise InputError(f"startup_trials of median has to be at least 1, received {self.startup_trials}")
        if not self.warmup_epochs >= 0:
            raise InputError(f"warmup_epochs of median has to be at least 0, received {self.warmup_epochs}")

    def decide(self, record, others, objective, direction, max_epochs):
        """As Asha.decide."""
        curve = first_curve(record, objective)
        epoch = len(curve)
        completed = sum(other.status == COMPLETED for other in others if other.trial_id != record.trial_id)
        if len(record.executions) != 1 or not self.warmup_epochs < epoch < max_epochs:
            return None
        averages = [
            statistics.fmean(other[:epoch]) for other in _curves(record, others, objective) if len(other) >= epoch
        ]
        if completed < self.startup_trials or not averages:
            return None
        middle = statistics.median(averages)
        mine = max(curve) if direction == "max" else min(curve)
        if mine >= middle if direction == "max" else mine <= middle:
            return None
        return (
            f"median: after epoch {epoch}, its best {objective} {mine:.4g} was worse than {middle:.4g}, the median of "
            f"the running averages of {len(averages)} other trials"
        )


PRUNERS = {"median": Median, "asha": Asha}


def pruner(name, **settings):
    """The pruner of that name, "median" or "asha", or for None one that never stops a trial.

    It has `decide(record, others, objective, direction, max_epochs)`, see Asha.decide. `settings` are the arguments of
    its class. InputError for a name or a setting that there is not.
    """
    if name is None:
        return NoPruner()
    cls = PRUNERS[check_name("pruner", name, PRUNERS)]
    for setting in settings:
        check_name(f"setting of the pruner {name}", setting, [field.name for field in dataclasses.fields(cls)])
    return cls(**settings)


def first_curve(record, objective):
    """The objective by epoch of a trial's first execution."""
    return [row[objective] for row in record.executions[0].history] if record.executions else []


def _curves(record, others, objective):
    return [
        first_curve(other, objective)
        for other in others
        if other.trial_id != record.trial_id and other.status != FAILED
    ]
