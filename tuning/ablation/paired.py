"""Statistics of paired differences: Student's t, and Holm's correction for asking of several tricks."""

import dataclasses
import math

import numpy as np
from scipy.stats import t as student

CONFIDENCE = 0.95
NO_SPREAD = 1e-9  # shares of images and logarithms of ratios: what is left below it is rounding


@dataclasses.dataclass(frozen=True)
class Mean:
    """The mean of differences, its 95 % interval, and the two-sided p value of "it is 0"."""

    mean: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


def mean_of(differences):
    """Student's t over independent differences, one a seed. Of a single one there is no interval and no p.

    Differences without a spread, as a few small validation splits give them, say nothing of how large the spread is:
    there is no interval then, and p is that of the exact sign-flip test: of the 2^n ways to choose n signs two are as
    far from 0. If all are 0, p is 1.
    """
    values = np.asarray(differences, "float64")
    mean, number = float(values.mean()), len(values)
    if number < 2:
        return Mean(mean)
    error = float(values.std(ddof=1)) / math.sqrt(number)
    if error < NO_SPREAD:
        return Mean(mean, p=1.0 if abs(mean) < NO_SPREAD else 2.0 ** (1 - number))
    half = float(student.ppf((1 + CONFIDENCE) / 2, number - 1)) * error
    return Mean(mean, mean - half, mean + half, 2 * float(student.sf(abs(mean) / error, number - 1)))


def holm(p_values):
    """p values corrected by Holm's method (1979): if all null hypotheses hold, the chance that any is below 0.05 is.

    Args:
        p_values: floats, or None where there is no test; these stay None and do not count.
    """
    order = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected, largest = list(p_values), 0.0
    for rank, (p, index) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - rank)))
        corrected[index] = largest
    return corrected
