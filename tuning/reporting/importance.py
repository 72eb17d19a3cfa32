"""How much each hyperparameter of a study matters, how sure that is, and when it cannot be told."""

import dataclasses

import numpy as np

from nntricks_keras.errors import InputError
from tuning.reporting.forest import Estimate, permutation_importance
from tuning.reporting.parameters import scored
from tuning.reporting.scales import ranks

FEWEST_TRIALS = 20
"""In 80 simulated studies of 6 hyperparameters, one of which carries most of the score, that one was told from noise in
20 with 12 trials, in 60 with 20 and in 78 with 30. Pure noise: 3, 3 and 0 of the 80 called something important."""
FEWEST_VALUES = 10  # trials that used a conditional hyperparameter
SMALLEST_SHARE = 0.01  # below it a hyperparameter may be told from noise, and still not be worth a thought

MATTERS = "matters"
NEXT_TO_NOTHING = "next to nothing"
NOT_TOLD = "not told from noise"


@dataclasses.dataclass(frozen=True)
class Importance:
    """One hyperparameter: a share of the variance of the trials' ranks, and what to make of it."""

    name: str
    num_trials: int
    """that used it"""
    verdict: str
    estimate: Estimate | None = None


@dataclasses.dataclass(frozen=True)
class Importances:
    """Of all hyperparameters, the most important first."""

    num_trials: int
    rows: tuple[Importance, ...] = ()
    r_squared: Estimate | None = None
    """of the forest on trials it has not seen; None where there was nothing to fit"""
    problem: str | None = None
    """why the rows tell nothing, in words"""


def importances_of(parameters, records, seed=0):
    """The importance of each hyperparameter for the score, by permutation on a random forest.

    Completed trials count with their score, pruned ones with what they had reached; the forest predicts ranks, so that
    one trial that went astray does not outweigh the others. A hyperparameter is swapped together with those that depend
    on it, and one that depends on another is swapped among the trials that used it.

    Args:
        parameters: list of Parameter.
        records: the study's TrialRecords.
        seed: of the forest and the bootstrap; the same records give the same figures.

    Returns:
        Importances; without rows, and with the reason, where there are too few trials or scikit-learn is not installed.
    """
    trials = scored(records)
    if len(trials) < FEWEST_TRIALS:
        return Importances(
            len(trials),
            problem=f"Too few trials to tell: {len(trials)} with a score, and it takes {FEWEST_TRIALS} to tell even a "
            "strong hyperparameter from chance.",
        )
    scores = ranks([record.score for record in trials])
    if np.ptp(scores) == 0:
        return Importances(len(trials), problem="All trials have the same score: nothing made a difference.")
    columns, inputs, active = _inputs(parameters, trials)
    told = [p for p in parameters if _can_be_told(inputs[active[p.name]][:, columns[p.name]])]
    if not told:
        return Importances(len(trials), problem="No hyperparameter took two values in enough trials to tell.")
    groups = {p.name: _with_dependants(p.name, parameters, columns) for p in told}
    try:
        r_squared, estimates = permutation_importance(inputs, groups, active, scores, seed)
    except InputError as error:  # the rest of a report can do without
        return Importances(len(trials), problem=f"Not computed: {error}")
    predicts = r_squared.low > 0
    rows = [
        Importance(p.name, int(active[p.name].sum()), _verdict(estimates.get(p.name), predicts), estimates.get(p.name))
        for p in parameters
    ]
    rows.sort(key=lambda row: -row.estimate.value if row.estimate else np.inf)
    problem = (
        None
        if predicts
        else (
            "The forest does not predict trials that it has not seen better than their mean does: the shares below are "
            "noise."
        )
    )
    return Importances(len(trials), tuple(rows), r_squared, problem)


def _verdict(estimate, predicts):
    if estimate is None:
        return "too few trials with different values"
    if not predicts or estimate.low <= 0:
        return NOT_TOLD
    return MATTERS if estimate.value >= SMALLEST_SHARE else NEXT_TO_NOTHING


def _can_be_told(values):
    """Whether the trials that used a hyperparameter are enough and had different values of it."""
    return len(values) >= FEWEST_VALUES and np.ptp(values, axis=0).max() > 0


def _inputs(parameters, records):
    """(name -> its columns, (trials, columns) array, name -> which trials used it).

    A number is its position on the axis, a choice without order a column a level; 1/2 where it was not used.
    """
    columns, blocks, active = {}, [], {}
    for parameter in parameters:
        values = [parameter.value(record) for record in records]
        active[parameter.name] = np.array([value is not None for value in values])
        positions = np.array([0.5 if value is None else parameter.position(value) for value in values])
        block = positions[:, None]
        if parameter.kind == "choice" and not parameter.is_ordered:
            levels = np.array([position for position, _ in parameter.ticks()])
            block = np.where(active[parameter.name][:, None], np.isclose(block, levels), 0.5)
        start = sum(each.shape[1] for each in blocks)
        columns[parameter.name] = list(range(start, start + block.shape[1]))
        blocks.append(block)
    return columns, np.concatenate(blocks, axis=1) if blocks else np.empty((len(records), 0)), active


def _with_dependants(name, parameters, columns):
    """The columns of a hyperparameter and of all that are used only for some of its values.

    Were those left behind, their being used or not would give away the value that was swapped.
    """
    family = {name}
    while True:
        more = {parameter.name for parameter in parameters if parameter.parents & family} - family
        if not more:
            return [column for member in columns if member in family for column in columns[member]]
        family |= more
