"""When the loss is no number any more: which layer went first, as far as the weights and the last measurements tell."""

import math

GROWTH = 2.0  # between two measurements; less is what healthy layers do in an epoch


def first_to_go(report, rows):
    """One sentence.

    The update of the very step that diverged usually spreads NaN over all weights. Then the measurements before it
    tell which layer had grown.

    Args:
        report: HealthReport of the network as it is now.
        rows: rows of health.csv from before.
    """
    lost = [row for row in report.layers if row.non_finite]
    if not lost:
        return "every layer is finite on the held examples: look for NaN or infinity in the images of that step"
    first = lost[0]
    with_weights = [row for row in report.layers if row.weight_std is not None]
    lost_weights = [row for row in with_weights if not math.isfinite(row.weight_std)]
    if not lost_weights:
        return f"{first.name} went first: its outputs overflow, its weights are finite"
    if len(lost_weights) < len(with_weights):
        return f"{lost_weights[0].name} went first: its weights are NaN or infinite, {_others(with_weights)} are finite"
    return f"all weights were lost in one update; {_before(rows)}"


def _others(with_weights):
    finite = [row.name for row in with_weights if math.isfinite(row.weight_std)]
    return f"those of {finite[0]}" if len(finite) == 1 else f"those of {finite[0]} and {len(finite) - 1} more layers"


def _before(rows):
    """What the measurements before it tell."""
    measured = {}
    for row in rows:
        measured.setdefault(row["step"], []).append(row)
    kept = [(step, found) for step, found in measured.items() if any(_has_finite_weights(row) for row in found)]
    if not kept:
        return "there is no measurement from before"
    for step, found in kept:
        for row in found:
            if row["non_finite"]:
                return f"{row['name']} went first: it was not finite at step {step} already"
    (first_step, first), (last_step, last) = kept[0], kept[-1]
    if len(kept) == 1:
        return f"at step {last_step} every layer was finite, so the first updates were too large"
    at_first = {row["name"]: row for row in first}
    growths = [
        (row[column] / at_first[row["name"]][column], row["name"], words, at_first[row["name"]][column], row[column])
        for row in last
        for column, words in (("std", "outputs"), ("weight_std", "weights"), ("gradient_std", "gradients"))
        if row[column] and row["name"] in at_first and at_first[row["name"]][column]
    ]
    growth, name, words, before, after = max(growths, default=(1.0, "", "", 0.0, 0.0))
    if growth < GROWTH:
        return f"at step {last_step} every layer was finite and none had grown: the update after it was too large"
    return (
        f"{name} had grown most: its {words} from {before:.3g} at step {first_step} to {after:.3g} at step {last_step}"
    )


def _has_finite_weights(row):
    return row["weight_std"] is not None and math.isfinite(row["weight_std"])
