"""The hyperparameters of a study as axes: what kind each is, its range, and where a trial's value lies on it."""

import dataclasses
import math

from tuning.reporting.scales import linear_ticks, log_ticks, show
from tuning.studies import COMPLETED, PRUNED

OWN_OF_TUNER = "tuner/"  # Hyperband's entries among the hyperparameters: not of the space


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A hyperparameter that took more than one value, or none in some trials."""

    name: str
    kind: str
    """linear, log or choice"""
    levels: tuple[str, ...] = ()
    """of a choice: its values as text, from the bottom up"""
    is_ordered: bool = False
    """of a choice: its levels are numbers in order"""
    low: float = 0.0
    high: float = 1.0
    alternatives: tuple = ()
    """conditions as keras-tuner has them: it is used where all (parent, values) pairs of one alternative hold"""

    @property
    def parents(self):
        return {parent for alternative in self.alternatives for parent, _ in alternative}

    def value(self, record):
        """The value in a trial; None where it was not used."""
        drawn = record.hyperparameters

        def holds(alternative):
            return all(parent in drawn and drawn[parent] in values for parent, values in alternative)

        used = not self.alternatives or any(holds(alternative) for alternative in self.alternatives)
        return drawn.get(self.name) if used else None

    def position(self, value):
        """Where a value lies, from 0 to 1."""
        if self.kind == "choice":
            return (self.levels.index(show(value)) + 0.5) / len(self.levels)
        if self.kind == "log":
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, count=5):
        """(position, text) of each mark on the axis."""
        if self.kind == "choice":
            return [((index + 0.5) / len(self.levels), level) for index, level in enumerate(self.levels)]
        marks = (log_ticks if self.kind == "log" else linear_ticks)(self.low, self.high, count)
        return [(self.position(mark), f"{mark:.4g}") for mark in marks]


def parameters_of(settings, records):
    """The Parameters that varied, in the order of the space; those that only trials know come last."""
    described = {}
    for entry in settings.hyperparameters:
        described.setdefault(entry["config"]["name"], []).append(entry)
    names = dict.fromkeys([*described, *(name for record in records for name in record.hyperparameters)])
    found = (_parameter(name, described.get(name, []), records) for name in names if not name.startswith(OWN_OF_TUNER))
    return [parameter for parameter in found if parameter is not None]


def _parameter(name, entries, records):
    conditions = [
        tuple((each["config"]["name"], each["config"]["values"]) for each in entry["config"].get("conditions", []))
        for entry in entries
    ]
    alternatives = () if () in conditions else tuple(conditions)  # () : one of the entries is always used
    drawn = [
        value
        for value in (Parameter(name, "", alternatives=alternatives).value(r) for r in records)
        if value is not None
    ]
    if not drawn or (len({show(value) for value in drawn}) == 1 and len(drawn) == len(records)):
        return None
    configs = [entry["config"] for entry in entries]
    is_choice = any("values" in config or "min_value" not in config for config in configs)
    numbers = [value for value in drawn if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if is_choice or len(numbers) < len(drawn):
        return _choice(name, alternatives, [*(value for c in configs for value in c.get("values", [])), *drawn])
    ends = [*drawn, *(config[end] for config in configs for end in ("min_value", "max_value"))]
    low, high = float(min(ends)), float(max(ends))
    if low == high:
        low, high = low - 0.5, high + 0.5
    in_logs = low > 0 and any(config.get("sampling") in ("log", "reverse_log") for config in configs)
    return Parameter(name, "log" if in_logs else "linear", low=low, high=high, alternatives=alternatives)


def _choice(name, alternatives, values):
    is_ordered = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    levels = tuple(dict.fromkeys(show(value) for value in (sorted(values) if is_ordered else values)))
    return Parameter(name, "choice", levels, is_ordered, alternatives=alternatives)


def scored(records):
    """The trials whose score counts: completed ones, and pruned ones with what they had reached.

    Of a trial that Hyperband has promoted only the one that goes on from it counts: the two are one draw.
    """
    counted = [r for r in records if r.status in (COMPLETED, PRUNED) and r.score is not None and math.isfinite(r.score)]
    gone_on_from = {record.tuner.get("trial_id") for record in counted}
    return [record for record in counted if record.trial_id not in gone_on_from]
