"""The tuners of a search: keras-tuner's random, Bayesian, Hyperband and grid oracles, made dependable."""

import itertools
import math
import warnings

import keras_tuner as kt
import numpy as np

from nntricks_keras.errors import InputError, check_name
from tuning.dependable import NOTE, STATUS, DependableOracle

HYPERBAND_FACTOR = 3
NUM_CANDIDATES = 500  # at a time, for the Gaussian process to choose from
NUM_FITS = 3  # of its length scale, from other starts


class RandomOracle(DependableOracle, kt.oracles.RandomSearchOracle):
    """Independent draws."""


class GridOracle(DependableOracle, kt.oracles.GridSearchOracle):
    """Every combination in turn, the last hyperparameter changing fastest; a Float without a step has ten values
    and its default.

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
    """keras-tuner's Gaussian process and lower confidence bound, after a third of the trials at random.

    Only what is not tried yet is looked at, as a batch: keras-tuner's own draws the same values again, and searches
    for them by gradients that it takes by differences, which takes seconds in a small space.
    """

    def populate_space(self, trial_id):
        values = self._given_by_hand()
        completed = [trial for trial in self.trials.values() if trial.status == STATUS.COMPLETED]
        if values is None and len(completed) >= self.num_initial_points:
            values = self._most_promising(completed)
        if values is None:
            return self._random_populate_space()
        return {"status": STATUS.RUNNING, "values": values}

    def _most_promising(self, completed):
        sign = -1 if self.objective.direction == "max" else 1
        rng = np.random.default_rng(self._seed_state)
        gpr = self._make_gpr()
        gpr.set_params(n_restarts_optimizer=NUM_FITS, random_state=self._seed_state)
        x = np.array([self._vector(trial.hyperparameters.values) for trial in completed])
        y = np.array([sign * trial.score for trial in completed])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a length scale at its bound, after few points
            gpr.fit(x, y)
            if self.ongoing_trials:  # taken to end badly, so that the next is sought elsewhere
                theirs = np.array([self._vector(t.hyperparameters.values) for t in self.ongoing_trials.values()])
                mean, deviation = gpr.predict(theirs, return_std=True)
                gpr.fit(np.vstack([x, theirs]), np.concatenate([y, mean + deviation]))
            best, least = None, math.inf
            for spread in (None, 0.1, 0.03):  # anywhere, then around the best
                if spread is None:
                    vectors = rng.uniform(size=(NUM_CANDIDATES, x.shape[1]))
                elif best is None:
                    break
                else:
                    vectors = self._vector(best) + rng.normal(0, spread, size=(NUM_CANDIDATES, x.shape[1]))
                candidates = [self._values(vector) for vector in np.clip(vectors, 0, 1 - 1e-9)]
                candidates = [values for values in candidates if not self._duplicate(values)]
                if candidates:
                    mean, deviation = gpr.predict(np.array([self._vector(v) for v in candidates]), return_std=True)
                    bound = mean - self.beta * deviation
                    if bound.min() < least:
                        best, least = candidates[int(bound.argmin())], bound.min()
        return best

    def _vector(self, values):
        """Values as a point of the unit cube; what does not apply has its default."""
        return [
            hp.value_to_prob(values[hp.name] if hp.name in values and _is_active(hp, values) else hp.default)
            for hp in self._nonfixed_space()
        ]

    def _values(self, vector):
        """The other way: conditions come before what hangs on them."""
        values, numbers = {}, iter(vector)
        for hp in self.hyperparameters.space:
            value = hp.value if isinstance(hp, kt.engine.hyperparameters.Fixed) else hp.prob_to_value(next(numbers))
            if _is_active(hp, values):
                values[hp.name] = value
        return values


class HyperbandOracle(DependableOracle, kt.oracles.HyperbandOracle):
    """Brackets of successive halving. A promoted trial is a trial of its own, and goes on from the one before it.

    What a bracket holds is read from the trials' notes. A failed trial counts as one that is not promoted;
    keras-tuner's own waits for it in vain, and its bracket is never filled. A round that has fewer trials than it
    should, since the space has no more or too many have failed, drops as many fewer.
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
        is_closed = len(rounds[0]) == self._get_size(bracket, 0)  # nothing comes to the round any more
        if not is_closed:
            values = self._random_values()
            if values is not None:
                notes["epochs"] = self._get_epochs(bracket, 0)
                return {**values, **{NOTE + name: value for name, value in notes.items()}}
            is_closed = True
        for number, (before, after) in enumerate(itertools.pairwise(rounds), start=1):
            size = len(before) if is_closed else self._get_size(bracket, number - 1)
            best = self._to_promote(before, after, max(size - self._get_size(bracket, number), 0))
            if best is not None:
                notes |= {
                    "round": number,
                    "trial_id": best.trial_id,
                    "initial_epoch": self._get_epochs(bracket, number - 1),
                    "epochs": self._get_epochs(bracket, number),
                }
                return {**best.hyperparameters.values, **{NOTE + name: value for name, value in notes.items()}}
            is_closed = is_closed and all(_has_ended(trial) for trial in before)
        return None

    def _to_promote(self, before, after, num_dropped):
        """The best trial of a round that is sure to be among those not dropped, or None."""
        promoted = {trial.hyperparameters.values[NOTE + "trial_id"] for trial in after}
        waiting = [trial for trial in before if _has_ended(trial) and trial.trial_id not in promoted]
        candidates = [trial for trial in waiting if trial.status == STATUS.COMPLETED]
        if len(waiting) <= num_dropped or not candidates:
            return None
        best = max if self.objective.direction == "max" else min
        return best(candidates, key=lambda trial: trial.score)

    def _compute_values_hash(self, values):
        told_apart_by = NOTE + "trial_id"  # a promoted trial has the values of the one it goes on from
        drawn = {name: value for name, value in values.items() if not name.startswith(NOTE) or name == told_apart_by}
        return super()._compute_values_hash(drawn)

    def _round(self, iteration, bracket, number):
        place = {NOTE + "iteration": iteration, NOTE + "bracket": bracket, NOTE + "round": number}
        return [trial for trial in self.trials.values() if place.items() <= trial.hyperparameters.values.items()]


def _has_ended(trial):
    return trial.status in (STATUS.COMPLETED, STATUS.FAILED)


def _is_active(hp, values):
    return all(condition.is_active(values) for condition in hp.conditions)


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
        raise InputError(
            f"the tuner {settings.tuner} needs scikit-learn: pip install 'nntricks-keras[tuning]'"
        ) from error


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
