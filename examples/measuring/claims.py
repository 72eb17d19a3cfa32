"""What a claim is, and how a verdict follows from numbers.

An example states its claim as one or more Checks, each a number a seed and a threshold. A check is confirmed when the
whole 95 % interval of the mean lies on the claimed side of the threshold, refuted when all of it lies on the other
side, and undecided otherwise. Where all seeds happen to give one number there is no interval: then the sign-flip test
of tuning.ablation.paired decides, which takes six seeds. The verdict on the claim follows from its checks and is never
written by hand.
"""

import dataclasses
import math
import re

import numpy as np
from scipy.stats import t as student

from tuning.ablation.paired import mean_of

CONFIDENCE = 0.95
UNDECIDED, CONFIRMED, REFUTED = "undecided", "confirmed", "refuted"


@dataclasses.dataclass(frozen=True)
class Claim:
    """A statement of the lecture, as the docstring of an example puts it.

    Args:
        number: its place in the gallery, the example's NUMBER.
        title: the docstring's first sentence: the claim in a few words.
        statement: the part that begins with "Claim": the slide, and what it says.
        source: the part that begins with "Source": the paper behind it.
        note: the part that begins with "Note", if there is one: what to make of the numbers.
    """

    number: int
    title: str
    statement: str
    source: str
    note: str = ""

    @classmethod
    def of(cls, example):
        """Reads it from the module of an example."""
        parts = dict(re.findall(r"^(\w+) {2,}(.*(?:\n {10}.*)*)", example.__doc__, re.MULTILINE))
        statement, source, note = (" ".join(parts.get(name, "").split()) for name in ("Claim", "Source", "Note"))
        return cls(example.NUMBER, example.__doc__.splitlines()[0].rstrip("."), statement, source, note)


@dataclasses.dataclass(frozen=True)
class Check:
    """One number that the claim predicts something about.

    Args:
        statement: what should hold, as a sentence, such as "ReLU needs fewer steps than tanh (ratio of steps)".
        values: the number, a value a seed. Paired wherever two settings are compared: the difference or the ratio of
            the two with the same seed.
        threshold: what the number is compared with.
        above: whether the claim says it is above the threshold; otherwise below.
        unit: of the number; empty for shares and ratios.
        exact: whether no chance is in the number, so that equal values are no accident: the interval is a point then.
    """

    statement: str
    values: tuple[float, ...]
    threshold: float
    above: bool = True
    unit: str = ""
    exact: bool = False

    def __post_init__(self):
        object.__setattr__(self, "values", tuple(float(value) for value in self.values))
        if len(self.values) < 2:
            raise ValueError(f"{self.statement}: a check needs two values at least, received {len(self.values)}")
        if not all(math.isfinite(value) for value in self.values):
            raise ValueError(f"{self.statement}: not finite: {self.values}")

    @property
    def mean(self):
        return float(np.mean(self.values))

    @property
    def interval(self):
        """The 95 % interval of the mean, by Student's t: (low, high), or None where equal values tell no spread."""
        return mean_interval(self.values) if self.exact or mean_of(self.values).low is not None else None

    @property
    def outcome(self):
        if self.interval is None:
            p = mean_of(np.subtract(self.values, self.threshold)).p
            low, high = (self.mean, self.mean) if p < 1 - CONFIDENCE else (-math.inf, math.inf)
        else:
            low, high = self.interval
        if (low > self.threshold) if self.above else (high < self.threshold):
            return CONFIRMED
        if (high < self.threshold) if self.above else (low > self.threshold):
            return REFUTED
        return UNDECIDED


def mean_interval(values):
    """The 95 % interval of the mean of `values` by Student's t, along the first axis: (low, high)."""
    values = np.asarray(values, dtype="float64")
    number = len(values)
    if number < 2:
        raise ValueError(f"an interval needs two values at least, received {number}")
    half = student.ppf((1 + CONFIDENCE) / 2, number - 1) * values.std(axis=0, ddof=1) / math.sqrt(number)
    return values.mean(axis=0) - half, values.mean(axis=0) + half


def verdict(checks):
    """ "confirmed" when every check is, "not confirmed" when none is, "depends" between the two."""
    confirmed = sum(check.outcome == CONFIRMED for check in checks)
    if confirmed == len(checks):
        return "confirmed"
    return "depends" if confirmed else "not confirmed"
