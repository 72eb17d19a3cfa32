"""What a random forest says of each input: permutation importance on held-out rows, with its uncertainty.

Breiman, "Random Forests", 2001, section 10: a row is predicted by the trees that did not see it, once as it is and once
with one input taken from another row; what the error grows by is what that input is worth.
"""

import dataclasses

import numpy as np

from nntricks_keras.errors import InputError

NUM_TREES = 300
MOST_SWAPS = 32  # of a row with others
MOST_ROWS = 100_000  # predicted by a tree: bounds the time of a large study
NUM_RESAMPLES = 2000
LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A figure and its 95 % interval, from a bootstrap over the rows."""

    value: float
    low: float
    high: float


def permutation_importance(inputs, groups, active, targets, seed=0):
    """Importance of groups of columns for a forest that predicts `targets`.

    Args:
        inputs: (rows, columns) array.
        groups: name -> the columns that are swapped together.
        active: name -> (rows,) booleans; a group is swapped among these rows only and costs nothing in the others.
        targets: (rows,) array that varies.
        seed: of the forest, the swaps and the bootstrap.

    Returns:
        (R^2 on held-out rows, {name: importance}), each an Estimate. An importance is a share of the targets' variance:
        half the held-out squared error that the swap adds, by that variance, which for a perfect forest and independent
        inputs is the total effect of Sobol and Jansen. What means nothing lies around 0, on either side.

    Raises:
        InputError: scikit-learn is not installed.
    """
    forest, held_out = _fit(inputs, targets, seed)
    rng = np.random.default_rng(seed)
    predicted = _held_out_predictions(forest, held_out, inputs, np.arange(len(inputs)))
    error = (targets - predicted) ** 2
    variance = np.var(targets)
    chosen = rng.integers(len(targets), size=(NUM_RESAMPLES, len(targets)))  # the same rows for every estimate
    mean_of_others = (targets.sum() - targets) / (len(targets) - 1)  # held out like the forest's
    r_squared = _estimate(1 - error / np.mean((targets - mean_of_others) ** 2), chosen)
    importances = {}
    for name, columns in groups.items():
        rows, swapped = _swap(inputs, columns, np.flatnonzero(active[name]), len(groups), rng)
        added = np.zeros(len(targets))
        if len(rows):
            errors = (targets[rows] - _held_out_predictions(forest, held_out, swapped, rows)) ** 2
            swaps = np.bincount(rows, minlength=len(targets))
            total = np.bincount(rows, weights=errors, minlength=len(targets))
            added = np.where(swaps > 0, total / np.maximum(swaps, 1) - error, 0)
        importances[name] = _estimate(added / (2 * variance), chosen)
    return r_squared, importances


def _fit(inputs, targets, seed):
    """(the forest, (trees, rows) booleans: the tree has not seen the row)."""
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError:
        raise InputError(
            "the importance of hyperparameters needs scikit-learn: pip install 'nntricks-keras[tuning]'"
        ) from None
    forest = RandomForestRegressor(NUM_TREES, min_samples_leaf=2, max_features=0.5, random_state=seed)
    forest.fit(inputs, targets)
    held_out = np.ones((NUM_TREES, len(inputs)), bool)
    for tree, seen in enumerate(forest.estimators_samples_):
        held_out[tree, seen] = False
    return forest, held_out


def _held_out_predictions(forest, held_out, inputs, rows):
    """For each of the inputs, the mean prediction of the trees that have not seen the row it comes from."""
    total, count = np.zeros(len(inputs)), np.zeros(len(inputs))
    inputs = inputs.astype(np.float32)
    for tree, unseen in zip(forest.estimators_, held_out, strict=True):
        counted = unseen[rows]
        total[counted] += tree.predict(inputs[counted], check_input=False) if counted.any() else 0
        count += counted
    return total / np.maximum(count, 1)


def _swap(inputs, columns, rows, num_groups, rng):
    """(the row each swapped input comes from, the inputs with `columns` of another of the rows)."""
    if len(rows) < 2:
        return np.empty(0, int), inputs[:0]
    num_swaps = min(MOST_SWAPS, len(rows) - 1, max(4, MOST_ROWS // (num_groups * len(rows))))
    shifts = rng.permuted(np.tile(np.arange(1, len(rows)), (len(rows), 1)), axis=1)[:, :num_swaps]
    partners = rows[(np.arange(len(rows))[:, None] + shifts) % len(rows)]
    origins = np.repeat(rows, num_swaps)
    swapped = inputs[origins].copy()
    swapped[:, columns] = inputs[partners.ravel()][:, columns]
    return origins, swapped


def _estimate(by_row, chosen):
    low, high = np.quantile(by_row[chosen].mean(axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(float(by_row.mean()), float(low), float(high))
