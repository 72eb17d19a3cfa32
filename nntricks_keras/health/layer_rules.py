"""What is wrong in a layer: its units, its activations, its updates, its moving averages."""

import math

from nntricks_keras.health import flow
from nntricks_keras.health.report import alarm, has, note

_STOPS_GRADIENTS = ("vanishing_signal", "vanishing_gradients", "dead_units", "equal_units", "saturated")


def judge_layers(report, earlier, limits):
    findings = [*_equal_units(report, limits)]
    if not findings:
        findings += _dead(report, earlier, limits)
        dead = {finding.layer for finding in findings}  # which explains gradients
        findings += _saturated(report, limits)
        findings += flow.judge_signal(report, limits, dead)
        findings += [] if dead else flow.judge_gradients(report, limits)
    findings += _cut_off(report, explained=has(findings, "equal_units", "dead_units", "saturated"))
    findings += _updates(report, limits, vanishing=has(findings, *_STOPS_GRADIENTS))
    findings += _moving_averages(report, limits)
    findings += _weight_growth(report, earlier, limits)
    return findings


def _equal_units(report, limits):
    kernels = [row for row in report.layers if row.equal_units is not None]
    for row in kernels[:-1]:  # units of the last layer are told apart by the labels
        if row.equal_units >= limits.equal_units:
            share = "all" if row.equal_units == 1 else f"{round(row.equal_units * row.num_units)} of the"
            cause = "constant initialization" if row.weight_std == 0 else "equal initialization"
            yield alarm(
                row.name,
                "equal_units",
                f"{share} {row.num_units} units of {row.name} are equal: {cause}; they get equal gradients and stay "
                "equal, so break the symmetry with random weights (He for ReLU)",
            )


def _dead(report, earlier, limits):
    if report.num_examples < limits.few_examples:
        return
    before = flow.kernel_before(report)
    for row in report.layers:
        if row.dead is None or row.activation == "linear":  # logits may start at zero
            continue
        alive_before = [(old, old_row) for old, old_row in _same_row(earlier, row) if old_row.dead is not None]
        since = next((old for old, old_row in alive_before if old_row.dead >= row.dead - limits.dead_growth / 2), None)
        grown = bool(alive_before) and row.dead - alive_before[0][1].dead >= limits.dead_growth
        if row.dead < limits.dead and not grown:
            continue
        when = f" since epoch {since.epoch}" if grown and since is not None and since.epoch is not None else ""
        fed = before.get(row.name)
        of = row.name if fed in (None, row.name) else f"{row.name} (units of {fed})"
        remedy = (
            "rate too high, or initial biases too negative: start again with a smaller rate, or use LeakyReLU"
            if row.activation in ("relu", "relu6")
            else "rate or weights too large: start again with a smaller rate"
        )
        yield alarm(
            row.name,
            "dead_units",
            f"{100 * row.dead:.0f} % of {of} is dead{when}, the same for all {report.num_examples} examples: {remedy}",
        )


def _same_row(earlier, row):
    for report in earlier:
        for old in report.layers:
            if old.name == row.name:
                yield report, old


def _saturated(report, limits):
    for row in report.layers:
        has_floor = row.activation.endswith("elu") or row.activation == "softplus"
        limit = limits.at_floor if has_floor else limits.saturated
        if row.saturated is not None and row.saturated > limit:
            end = "at its floor" if has_floor else "saturated"
            yield alarm(
                row.name,
                "saturated",
                f"{row.activation} of {row.name} is {end} in {100 * row.saturated:.0f} % of its outputs, where under "
                "1 % of the gradient passes: weights or inputs too large; scale them down, or normalize before it",
            )


def _cut_off(report, explained):
    if report.loss is None:
        return
    kernels = [row for row in report.layers if row.equal_units is not None]
    # Logits that start at zero let no gradient through, at the start.
    explained = explained or bool(kernels and kernels[-1].weight_std == 0)
    for row in report.layers:
        if row.weight_std is None or not row.trainable:
            continue
        if row.mean is None:
            yield alarm(row.name, "cut_off", f"{row.name} is never called: connect it to the model, or take it out")
        elif not explained and not row.weight_gradient_norm:
            yield alarm(
                row.name,
                "cut_off",
                f"no gradient at all comes to {row.name}: the loss does not depend on it; look for an output without "
                "a loss, a multiplication by 0, or stop_gradient after it",
            )


def _updates(report, limits, vanishing):
    rows = [row for row in report.layers if row.update_ratio is not None and row.equal_units is not None]
    if not rows or not report.learning_rate:
        return
    largest = max(rows, key=lambda row: row.update_ratio)
    learnt = report.num_classes and report.loss < limits.learnt * math.log(report.num_classes)
    if 0 < largest.update_ratio < limits.smallest_update and not learnt and not vanishing:
        say = note if report.scheduled else alarm
        yield say(
            None,
            "small_rate",
            f"rate {report.learning_rate:.3g} changes no layer by more than {largest.update_ratio:.1e} of its weights "
            "a step: too small, float32 rounds most of that away; 1e-3 is usual",
        )
    for row in rows[:-1] or rows:  # the last layer may start with small weights
        if row.update_ratio > limits.largest_update:
            usual = report.learning_rate * 1e-3 / row.update_ratio
            yield alarm(
                row.name,
                "large_rate",
                f"one step changes {row.name} by {row.update_ratio:.2g} of its weights: rate "
                f"{report.learning_rate:.3g} is too large; 1e-3 is usual, which would be a rate of {usual:.1g}",
            )


def _moving_averages(report, limits):
    if report.steps is None or report.steps < limits.settling_steps:
        return
    for row in report.layers:
        if row.drift is not None and row.drift > limits.drift and row.trainable:
            yield alarm(
                row.name,
                "stale_averages",
                f"after {report.steps} steps the moving averages of {row.name} are {row.drift:.2g} deviations from the "
                "batch's statistics: at inference it is another network; give a larger alpha (0.1), or larger batches",
            )


def _weight_growth(report, earlier, limits):
    kernels = [row for row in report.layers if row.equal_units is not None]
    for row in kernels[:-1]:  # logits may start small
        first = next((old for _, old in _same_row(earlier, row) if old.weight_std), None)
        if first is not None and row.weight_std > limits.weight_growth * first.weight_std:
            yield alarm(
                row.name,
                "exploding_weights",
                f"the weights of {row.name} have grown {row.weight_std / first.weight_std:.3g} times: rate too large; "
                "take a smaller one, or weight decay",
            )
