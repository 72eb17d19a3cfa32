"""What each trick buys, from the outcomes: paired over seeds, with intervals and a corrected test."""

import dataclasses
import itertools
import math
import statistics

from tuning.ablation import designs
from tuning.ablation.paired import holm, mean_of

SIGNIFICANT = 0.05
TARGET_SHARE = 0.98  # of the weakest recipe's median, so that the spread of its seeds does not keep half of them below
BARELY = 0.05  # above chance: a recipe that stays below it learns nothing, and is no measure for the others
TOP1_MEASURES = ("val_top1", "test_top1")
TIME_MEASURES = ("epochs", "seconds")  # to the target
HELPS, HURTS, NOTHING = "helps", "hurts", "cannot be told from nothing"


@dataclasses.dataclass(frozen=True)
class Effect:
    """What one trick does to one measure in one design.

    Of val_top1 and test_top1 the effect is with minus without the trick. Of epochs and seconds to the target it is the
    ratio with / without, averaged and tested as a logarithm: below 1 is faster. For the interaction of two tricks it is
    how much larger the one's effect is with the other than without it.

    A run that never reaches the target needed more epochs than it was given. The ratio is then a bound ("at most" where
    it is the runs without the trick that do not get there), without interval and test.
    """

    design: str
    trick: str
    measure: str
    effect: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_holm: float | None = None
    num_seeds: int = 0
    bound: str = ""
    """"", "at most", "at least", or "unknown" where bounds contradict each other or no run reaches the target"""
    missed_without: int = 0
    """runs that do not reach the target, without and with the trick"""
    missed_with: int = 0
    target: float | None = None

    @property
    def verdict(self):
        """helps, hurts, or cannot be told from nothing: by the corrected p."""
        if self.p_holm is None or self.p_holm >= SIGNIFICANT:
            return NOTHING
        better = self.effect < 1 if self.measure in TIME_MEASURES else self.effect > 0
        return HELPS if better else HURTS


def all_effects(settings, outcomes):
    """The effects by design, measure and trick, p corrected over the tricks; then the factorial's interactions."""
    found = []
    for design in settings.designs:
        pairs = designs.pairs(design, settings.names)
        target = target_of(design, settings, outcomes)
        for measure in TOP1_MEASURES:
            found += _corrected(
                [_difference(settings, outcomes, design, name, measure, pairs[name]) for name in settings.names]
            )
        for measure in TIME_MEASURES:
            found += _corrected(
                [_ratio(settings, outcomes, design, name, measure, pairs[name], target) for name in settings.names]
            )
    if designs.FACTORIAL in settings.designs and len(settings.names) > 1:
        for measure in TOP1_MEASURES:
            found += _corrected(
                [_interaction(settings, outcomes, *two, measure) for two in itertools.combinations(settings.names, 2)]
            )
    return found


def target_of(design, settings, outcomes):
    """The validation top-1 whose epochs are counted: the settings', or 98 % of the weakest recipe's median.

    A recipe that comes less than half the way from chance to the best one does not count as the weakest: it has not
    learnt, and a target within its reach would be reached by the others in their first epoch.
    """
    if settings.target is not None:
        return settings.target
    chance = next(iter(outcomes.values())).chance
    medians = [
        statistics.median_low(outcomes[recipe, seed].val_top1 for seed in settings.seeds)
        for recipe in designs.recipes([design], settings.names)
    ]
    learnt = max(chance + BARELY, (chance + max(medians)) / 2)
    return TARGET_SHARE * min([median for median in medians if median > learnt] or medians)


def _difference(settings, outcomes, design, trick, measure, pairs):
    def gain(pair, seed):
        return getattr(outcomes[pair.with_it, seed], measure) - getattr(outcomes[pair.without, seed], measure)

    values = [statistics.fmean(gain(pair, seed) for pair in pairs) for seed in settings.seeds]
    return _effect(design, trick, measure, values)


def _interaction(settings, outcomes, one, other, measure):
    def gain(pair, seed):
        return getattr(outcomes[pair.with_it, seed], measure) - getattr(outcomes[pair.without, seed], measure)

    pairs = designs.pairs(designs.FACTORIAL, settings.names)[one]
    values = [
        statistics.fmean(gain(pair, seed) for pair in pairs if other in pair.without)
        - statistics.fmean(gain(pair, seed) for pair in pairs if other not in pair.without)
        for seed in settings.seeds
    ]
    return _effect("interaction", f"{one} × {other}", measure, values)


def _effect(design, trick, measure, values):
    mean = mean_of(values)
    return Effect(design, trick, measure, mean.mean, mean.low, mean.high, mean.p, num_seeds=len(values))


def _ratio(settings, outcomes, design, trick, measure, pairs, target):
    logs, bounds, without, with_it = [], set(), 0, 0
    for seed in settings.seeds:
        of_seed = []
        for pair in pairs:
            before, after = outcomes[pair.without, seed], outcomes[pair.with_it, seed]
            missed_before, missed_after = before.epochs_to(target) is None, after.epochs_to(target) is None
            without, with_it = without + missed_before, with_it + missed_after
            if (missed_before and missed_after) or not (before.curve and after.curve):
                bounds |= {"at most", "at least"}  # anything is possible
                continue
            bounds |= {"at most"} if missed_before else {"at least"} if missed_after else set()
            of_seed.append(math.log(_cost(after, target, measure) / _cost(before, target, measure)))
        if of_seed:
            logs.append(statistics.fmean(of_seed))
    missed = {"missed_without": without, "missed_with": with_it, "target": target, "num_seeds": len(logs)}
    if not bounds:
        mean = mean_of(logs)
        low, high = (None if end is None else math.exp(end) for end in (mean.low, mean.high))
        return Effect(design, trick, measure, math.exp(mean.mean), low, high, mean.p, **missed)
    if len(bounds) == 2:
        return Effect(design, trick, measure, None, bound="unknown", **missed)
    return Effect(design, trick, measure, math.exp(statistics.fmean(logs)), bound=bounds.pop(), **missed)


def _cost(outcome, target, measure):
    """Epochs or seconds to the target; of a run that never reaches it, what it was given."""
    epochs = outcome.epochs_to(target) or len(outcome.curve)
    return epochs * outcome.epoch_seconds if measure == "seconds" else epochs


def _corrected(effects):
    p_values = holm([effect.p for effect in effects])
    return [dataclasses.replace(effect, p_holm=p) for effect, p in zip(effects, p_values, strict=True)]
