"""The tuners of a search: keras-tuner's random, Bayesian, Hyperband and grid oracles, made dependable."""

import itertools
import math
import warnings

import keras_tuner as kt
import numpy as np

from nntricks_keras.errors import InputError, check_name
from tuning.dependable import NOTE, STATUS, DependableOracle

HYPERBAND_FACTOR = 3


class RandomOracle(DependableOracle, kt.oracles.RandomSearchOracle):
    """Independent draws."""


class GridOracle(DependableOracle, kt.oracles.GridSearchOracle):
    """Every combination in turn, the last hyperparameter changing fastest; a Float without a step has ten values.

    keras-tuner's own grid forgets where it was when it is stopped.
    """

    def populate_space(self, trial_id):
        values = self._given_by_hand()
        if values is None:
            values = self._next_of_grid()
        return {"status": STATUS.STOPPED if values is None else STATUS.RUNNING, "values": values}

    def _next_of_grid(self):
        tried = [trial.hyperparameters.values for trial in self.trials.values()]
        by_hand = self.settings.first
        values = next((dict(point) for point in reversed(tried) if point not in by_hand), None)
        if values is None:
            values = defaults(self.hyperparameters)
        while values is not None and self._duplicate(values):
            values = self._get_next_combination(values)
        return values


class BayesianOracle(DependableOracle, kt.oracles.BayesianOptimizationOracle):
    """A Gaussian process and its upper confidence bound, after a third of the trials at random.

    keras-tuner's own may draw the same values twice.
    """

    def populate_space(self, trial_id):
        values = self._given_by_hand()
        if values is not None:
            return {"status": STATUS.RUNNING, "values": values}
        self._random_state = np.random.RandomState(self._seed_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the process not converging on few points
            response = super().populate_space(trial_id)
        if response["values"] is not None and self._duplicate(response["values"]):
            return self._random_populate_space()
        return response


class HyperbandOracle(DependableOracle, kt.oracles.HyperbandOracle):
    """Brackets of successive halving. A promoted trial is a trial of its own, and goes on from the one before it.

    What a bracket holds is read from the trials' notes. A failed trial counts as one that is not promoted;
    keras-tuner's own waits for it in vain, and its bracket is never filled.
    """

    def populate_space(self, trial_id):
        for iteration in range(math.ceil(self.settings.num_trials / self.trials_an_iteration())):
            for bracket in reversed(range(self._get_num_brackets())):
                values = self._next_of_bracket(iteration, bracket)
                if values is not None:
                    return {"status": STATUS.RUNNING, "values": values}
        return {"status": STATUS.STOPPED, "values": None}

    def trials_an_iteration(self):
        """How many trials all brackets have together, promoted ones counted anew."""
        return sum(
            self._get_size(bracket, number)
            for bracket in range(self._get_num_brackets())
            for number in range(self._get_num_rounds(bracket))
        )

    def _next_of_bracket(self, iteration, bracket):
        rounds = [self._round(iteration, bracket, number) for number in range(self._get_num_rounds(bracket))]
        notes = {"iteration": iteration, "bracket": bracket, "round": 0, "initial_epoch": 0}
        if len(rounds[0]) < self._get_size(bracket, 0):
            values = self._random_values()
            if values is not None:
                notes["epochs"] = self._get_epochs(bracket, 0)
                return {**values, **{NOTE + name: value for name, value in notes.items()}}
        for number, (before, after) in enumerate(itertools.pairwise(rounds), start=1):
            num_dropped = self._get_size(bracket, number - 1) - self._get_size(bracket, number)
            best = self._to_promote(before, after, num_dropped)
            if best is not None:
                notes |= {
                    "round": number,
                    "trial_id": best.trial_id,
                    "initial_epoch": self._get_epochs(bracket, number - 1),
                    "epochs": self._get_epochs(bracket, number),
                }
                return {**best.hyperparameters.values, **{NOTE + name: value for name, value in notes.items()}}
        return None

    def _to_promote(self, before, after, num_dropped):
        """The best trial of a round that is sure to be among those not dropped, or None."""
        promoted = {trial.hyperparameters.values[NOTE + "trial_id"] for trial in after}
        ended = [trial for trial in before if trial.status in (STATUS.COMPLETED, STATUS.FAILED)]
        waiting = [trial for trial in ended if trial.trial_id not in promoted]
        candidates = [trial for trial in waiting if trial.status == STATUS.COMPLETED]
        if len(waiting) <= num_dropped or not candidates:
            return None
        best = max if self.objective.direction == "max" else min
        return best(candidates, key=lambda trial: trial.score)

    def _round(self, iteration, bracket, number):
        place = {NOTE + "iteration": iteration, NOTE + "bracket": bracket, NOTE + "round": number}
        return [trial for trial in self.trials.values() if place.items() <= trial.hyperparameters.values.items()]


ORACLES = {"random": RandomOracle, "bayesian": BayesianOracle, "hyperband": HyperbandOracle, "grid": GridOracle}


def make_oracle(study, settings, space):
    """The oracle of a study, with all that is on disk taken in.

    Args:
        study: Study.
        settings: its StudySettings; `tuner` is one of random, bayesian, hyperband and grid.
        space: function (hp, experiment) -> experiment.

    Raises InputError for an unknown tuner, or when scikit-learn, which the Bayesian one needs, is missing.
    """
    kind = ORACLES[check_name("tuner", settings.tuner, ORACLES)]
    arguments = {}
    if settings.tuner == "hyperband":
        arguments = {"max_epochs": settings.experiment.recipe.epochs, "factor": HYPERBAND_FACTOR}
    elif settings.tuner == "bayesian":
        arguments = {"num_initial_points": num_at_random(settings)}
    try:
        return kind(study, settings, space, **arguments)
    except ImportError as error:
        raise InputError(f"the tuner {settings.tuner} needs scikit-learn: pip install scikit-learn") from error


def num_at_random(settings):
    """Trials before the Gaussian process: a third of all, at least 3, at most 3 a hyperparameter, keras-tuner's own."""
    return max(3, min(3 * len(settings.hyperparameters), settings.num_trials // 3))


def num_trials_by_default(tuner, experiment):
    """10; of Hyperband one whole iteration, which depends on the recipe's epochs."""
    if tuner != "hyperband":
        return 10
    plain = kt.oracles.HyperbandOracle(kt.Objective("val_top1", "max"), experiment.recipe.epochs, HYPERBAND_FACTOR)
    return HyperbandOracle.trials_an_iteration(plain)


def defaults(hyperparameters):
    """{name: default} of the hyperparameters that apply when all have their defaults."""
    filled = kt.HyperParameters()
    filled.merge(hyperparameters)
    return dict(filled.values)
