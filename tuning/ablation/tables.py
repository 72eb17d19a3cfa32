"""The answer in words: a table of the tricks, and plainly which of them lose."""

from tuning.ablation import published
from tuning.ablation.designs import TITLES, name_of
from tuning.ablation.effects import BARELY, HELPS, HURTS, NOTHING, TIME_MEASURES
from tuning.ablation.outcomes import write_csv
from tuning.ablation.paired import mean_of

MEASURES = {
    "val_top1": "validation top-1, points",
    "test_top1": "test top-1, points",
    "epochs": "epochs to the target, with / without",
    "seconds": "seconds to the target, with / without",
}


def report(settings, outcomes, effects):
    """All that is printed at the end of an ablation."""
    return "\n\n".join(
        part
        for part in [
            _head(settings),
            _recipes(settings, outcomes),
            *(_measure(settings, outcomes, effects, measure) for measure in MEASURES),
            _interactions(effects),
            _verdicts(settings, effects),
        ]
        if part
    )


def _head(settings):
    experiment, number = settings.experiment, settings.num_seeds
    head = (
        f"{experiment.model} on {experiment.data}: {experiment.recipe.epochs} epochs, "
        f"{number} seed{'s' * (number > 1)} a recipe, {len(settings.runs())} runs"
    )
    rows = [["trick", "bare", "full"], *([trick.name, *str(trick).split(" → ")] for trick in settings.tricks)]
    return f"{head}\n\n{_aligned(rows)}"


def _recipes(settings, outcomes):
    rows = [["recipe", "validation top-1", "test top-1", "seconds an epoch", ""]]
    for recipe in settings.recipes:
        of_recipe = [outcomes[recipe, seed] for seed in settings.seeds]
        diverged = sum(outcome.diverged for outcome in of_recipe)
        rows.append(
            [
                name_of(recipe, settings.names),
                *(_accuracy([getattr(one, measure) for one in of_recipe]) for measure in ("val_top1", "test_top1")),
                f"{mean_of([one.epoch_seconds for one in of_recipe]).mean:.2f}",
                f"{diverged} diverged, counted as chance" if diverged else "",
            ]
        )
    return _aligned(rows)


def _measure(settings, outcomes, effects, measure):
    rows = [[MEASURES[measure], *(TITLES[design] for design in settings.designs)]]
    with_published = measure == "val_top1" and any(published.find(trick) for trick in settings.tricks)
    if with_published:
        rows[0].append("CaffeNet, ImageNet")
    for trick in settings.tricks:
        row = [trick.name]
        for design in settings.designs:
            row.append(effect_in_words(_find(effects, design, trick.name, measure)))
        if with_published:
            known = published.find(trick)
            row.append(f"{100 * known.effect:+.1f} ({known.setting})" if known else "")
        rows.append(row)
    lines = [_aligned(rows)]
    if measure == "epochs":
        lines += _targets(settings, outcomes, effects)
    if with_published:
        lines.append(f"CaffeNet: {published.SOURCE}")
    return "\n".join(lines)


def _targets(settings, outcomes, effects):
    chance = next(iter(outcomes.values())).chance
    lines = []
    for design in settings.designs:
        target = _find(effects, design, settings.names[0], "epochs").target
        note = "; that is chance, so these epochs say nothing" if target < chance + BARELY else ""
        lines.append(f"target, {TITLES[design]}: validation top-1 of {target:.4f}{note}")
    return lines


def _interactions(effects):
    found = [effect for effect in effects if effect.design == "interaction" and effect.measure == "val_top1"]
    if not found:
        return ""
    rows = [["interaction, points of validation top-1", "gain of the one with the other, minus without it"]]
    return _aligned([*rows, *([effect.trick, effect_in_words(effect)] for effect in found)])


def _verdicts(settings, effects):
    """One line a verdict: which tricks, in which design."""
    if settings.num_seeds == 1:
        return "One seed has no interval: which trick helps cannot be said. Give --seeds 5."
    lines = ["On validation top-1 (95 %, corrected by Holm over the tricks):"]
    for verdict, words in [(HELPS, "help"), (HURTS, "LOSE"), (NOTHING, "cannot be told from nothing")]:
        for design in settings.designs:
            names = [name for name in settings.names if _find(effects, design, name, "val_top1").verdict == verdict]
            if names:
                lines.append(f"  {words}, {TITLES[design]}: {', '.join(names)}")
    return "\n".join(lines)


def effect_in_words(effect):
    """+1.2 [+0.4, +2.0] p 0.012 helps; or x0.50 [0.40, 0.62]; or at most x0.5 (3 never get there without it)."""
    is_ratio = effect.measure in TIME_MEASURES
    if effect.effect is None:
        return f"? ({effect.missed_without} without it and {effect.missed_with} with it never get there)"
    number = f"×{effect.effect:.2f}" if is_ratio else f"{100 * effect.effect:+.1f}"
    if effect.bound:
        missed, where = (
            (effect.missed_without, "without") if effect.bound == "at most" else (effect.missed_with, "with")
        )
        return f"{effect.bound} {number} ({missed} {where} it never get there)"
    if effect.p_holm is None:
        return f"{number} (one seed: no interval)"
    interval = "(all seeds alike: no interval)"
    if effect.low is not None:
        ends = [f"{end:.2f}" if is_ratio else f"{100 * end:+.1f}" for end in (effect.low, effect.high)]
        interval = f"[{', '.join(ends)}]"
    faster_or_slower = {HELPS: "faster", HURTS: "slower", NOTHING: "?"}
    verdict = faster_or_slower[effect.verdict] if is_ratio else effect.verdict.replace(NOTHING, "?")
    return f"{number} {interval} p {effect.p_holm:.2g} {verdict}"


def write_effects(path, settings, effects):
    """effects.csv: a row an effect, with the published figure where the trick matches."""
    by_name = {trick.name: trick for trick in settings.tricks}
    rows = []
    for effect in effects:
        trick = by_name.get(effect.trick)
        known = published.find(trick) if trick and effect.measure == "val_top1" else None
        rows.append(
            {
                "design": effect.design,
                "trick": effect.trick,
                "change": str(trick) if trick else "",
                "measure": effect.measure,
                "unit": "ratio with / without" if effect.measure in TIME_MEASURES else "share of images",
                **{
                    name: getattr(effect, name)
                    for name in ("effect", "low", "high", "p", "p_holm", "num_seeds", "bound", "verdict", "target")
                },
                "missed_without": effect.missed_without,
                "missed_with": effect.missed_with,
                "published_effect": round(known.effect, 3) if known else None,
                "published_source": f"{published.SOURCE}; {known.setting}" if known else None,
            }
        )
    write_csv(path, rows)


def _find(effects, design, trick, measure):
    return next(one for one in effects if (one.design, one.trick, one.measure) == (design, trick, measure))


def _accuracy(values):
    mean = mean_of(values)
    half = "" if mean.low is None else f" ± {100 * (mean.high - mean.mean):.2f}"
    return f"{100 * mean.mean:.2f}{half} %"


def _aligned(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
