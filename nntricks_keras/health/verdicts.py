"""judge: what the numbers of a report mean, in words, with the remedy."""

import dataclasses
import math

from nntricks_keras.health import flow, training_history
from nntricks_keras.health.report import Finding
from nntricks_keras.health.thresholds import Thresholds


def judged(report, history=(), thresholds=Thresholds()):  # noqa: B008 (frozen)
    """The report with its findings, and each row with the words of its worst one."""
    findings = judge(report, history, thresholds)
    worst = {}
    for finding in sorted(findings, key=lambda finding: finding.severity != "alarm"):
        worst.setdefault(finding.layer, finding.text)
    rows = tuple(dataclasses.replace(row, verdict=worst.get(row.name, "ok")) for row in report.layers)
    return dataclasses.replace(report, layers=rows, findings=findings)


def judge(report, history=(), thresholds=Thresholds()):  # noqa: B008
    """The findings of a report, causes before their consequences; a cause that explains the rest is named alone.

    Args:
        report: HealthReport; its own findings are not looked at.
        history: what came before it, oldest first: dicts with the numbers of one epoch ("loss", "val_loss", "top1" or
            "accuracy", "val_..."), a Keras History.history, earlier HealthReports; see `probe`.
        thresholds: Thresholds.

    Returns:
        A tuple of Finding. Kinds: non_finite_inputs, non_finite, unscaled_inputs, constant_inputs, one_class,
        equal_units, dead_units, saturated, vanishing_signal, exploding_signal, vanishing_gradients,
        exploding_gradients, cut_off, small_rate, large_rate, stale_averages, large_loss, chance_loss, exploding_loss,
        shuffled_labels, exploding_weights, frozen, few_examples.
    """
    epochs, earlier = training_history.sorted_out(history)
    findings = [*_inputs(report, thresholds)]
    broken = [*_non_finite(report)]
    findings += broken if not _has(findings, "non_finite_inputs") else []
    findings += training_history.judge_loss(report, epochs, thresholds)
    if not broken and not _has(findings, "non_finite_inputs"):
        findings += _layers(report, earlier, thresholds)
    findings += _notes(report, thresholds)
    return tuple(findings)


_STOPS_GRADIENTS = ("vanishing_signal", "vanishing_gradients", "dead_units", "equal_units", "saturated")


def _has(findings, *kinds):
    return any(finding.kind in kinds for finding in findings)


def _inputs(report, limits):
    for given in report.inputs:
        if given.non_finite:
            yield Finding(
                None,
                "non_finite_inputs",
                "alarm",
                f"{given.name}: the inputs hold NaN or infinity; look for broken files, or a division by a deviation of 0",
            )
            return
    for given in report.inputs:
        if given.constant == 1 and report.num_examples > 1 and not given.name.startswith("into "):
            yield Finding(
                None,
                "constant_inputs",
                "alarm",
                f"all {report.num_examples} inputs of {given.name!r} are equal (mean {given.mean:.3g}): there is nothing "
                "to learn from; look at how they are loaded",
            )
    for given in report.inputs:
        offset = abs(given.mean) > limits.input_offset * given.std
        if given.name.startswith("into ") and given.std > limits.input_std and offset:
            yield Finding(
                given.name.removeprefix("into "),
                "unscaled_inputs",
                "alarm",
                f"what goes {given.name} has mean {given.mean:.3g} and deviation {given.std:.3g}: standardization was "
                "forgotten; subtract the mean and divide by the deviation",
            )
    if report.label_shares and report.num_examples >= limits.few_examples:
        share = max(report.label_shares)
        if share > limits.largest_class:
            yield Finding(
                None,
                "one_class",
                "alarm",
                f"{100 * share:.0f} % of the {report.num_examples} labels are class {report.label_shares.index(share)}: "
                "shuffle the examples, or look at how labels are read",
            )


def _non_finite(report):
    """The layer that went first: in the order of the calls for values, from the loss back for gradients."""
    for row in report.layers:
        if row.non_finite:
            where = "weights" if row.weight_std is not None and not math.isfinite(row.weight_std) else "outputs"
            yield Finding(
                row.name,
                "non_finite",
                "alarm",
                f"the {where} of {row.name} hold NaN or infinity, the first layer of which that is so; go back to a "
                "checkpoint, and take a smaller rate or clip the gradients",
            )
            return
    for row in reversed(report.layers):
        if row.gradient_std is not None and not math.isfinite(row.gradient_std):
            yield Finding(
                row.name,
                "non_finite",
                "alarm",
                f"the gradients of the loss hold NaN or infinity from {row.name} down to the inputs; take a smaller rate, "
                "clip the gradients, or look at the loss",
            )
            return


def _layers(report, earlier, limits):
    findings = [*_equal_units(report, limits)]
    if not findings:
        findings += _dead(report, earlier, limits)
        dead = {finding.layer for finding in findings}  # which explains gradients
        findings += _saturated(report, limits)
        findings += flow.judge_signal(report, limits, dead)
        findings += [] if dead else flow.judge_gradients(report, limits)
    findings += _cut_off(report, explained=_has(findings, "equal_units", "dead_units", "saturated"))
    findings += _updates(report, limits, vanishing=_has(findings, *_STOPS_GRADIENTS))
    findings += _moving_averages(report, limits)
    findings += _weight_growth(report, earlier, limits)
    return findings


def _equal_units(report, limits):
    kernels = [row for row in report.layers if row.equal_units is not None]
    for row in kernels[:-1]:  # units of the last layer are told apart by the labels
        if row.equal_units >= limits.equal_units:
            share = "all" if row.equal_units == 1 else f"{round(row.equal_units * row.num_units)} of the"
            cause = "zeros initialization" if row.weight_std == 0 else "equal initialization"
            yield Finding(
                row.name,
                "equal_units",
                "alarm",
                f"{share} {row.num_units} units of {row.name} are equal: {cause}; they get equal gradients and stay "
                "equal, so break the symmetry with random weights (He for ReLU)",
            )


def _dead(report, earlier, limits):
    if report.num_examples < limits.few_examples:
        return
    before = flow.kernel_before(report)
    for row in report.layers:
        if row.dead is None or (row.activation == "linear" and row.kind not in ("Dense",) and row.dead < 1):
            continue
        if row.activation == "linear" and row.weight_std is not None and row.equal_units is None:
            continue  # a normalization of what is dead already
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
        yield Finding(
            row.name,
            "dead_units",
            "alarm",
            f"{100 * row.dead:.0f} % of {of} is dead{when}, the same for all {report.num_examples} examples: {remedy}",
        )


def _same_row(earlier, row):
    for report in earlier:
        for old in report.layers:
            if old.name == row.name:
                yield report, old


def _saturated(report, limits):
    for row in report.layers:
        if row.saturated is not None and row.saturated > limits.saturated:
            end = "at its floor" if "elu" in row.activation else "saturated"
            yield Finding(
                row.name,
                "saturated",
                "alarm",
                f"{row.activation} of {row.name} is {end} in {100 * row.saturated:.0f} % of its outputs, where under 1 % of "
                "the gradient passes: weights or inputs too large; scale them down (Glorot), or normalize before it",
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
            yield Finding(
                row.name, "cut_off", "alarm", f"{row.name} is never called: connect it to the model, or take it out"
            )
        elif not explained and not row.weight_gradient_norm:
            yield Finding(
                row.name,
                "cut_off",
                "alarm",
                f"no gradient at all comes to {row.name}: the loss does not depend on it; look for an output without "
                "a loss, a multiplication by 0, or stop_gradient after it",
            )


def _updates(report, limits, vanishing):
    rows = [row for row in report.layers if row.update_ratio is not None and row.equal_units is not None]
    if not rows or not report.learning_rate:
        return
    largest = max(rows, key=lambda row: row.update_ratio)
    learnt = report.num_classes and report.loss < limits.memorized * math.log(report.num_classes)
    if 0 < largest.update_ratio < limits.smallest_update and not learnt and not vanishing:
        yield Finding(
            None,
            "small_rate",
            "note" if report.scheduled else "alarm",
            f"rate {report.learning_rate:.3g} changes no layer by more than {largest.update_ratio:.1e} of its weights a "
            "step: too small, float32 rounds most of that away; 1e-3 is usual",
        )
    for row in rows[:-1] or rows:  # the last layer may start with small weights
        if row.update_ratio > limits.largest_update:
            yield Finding(
                row.name,
                "large_rate",
                "alarm",
                f"one step changes {row.name} by {row.update_ratio:.2g} of its weights: rate {report.learning_rate:.3g} is "
                f"too large; 1e-3 is usual, which would be a rate of {report.learning_rate * 1e-3 / row.update_ratio:.1g}",
            )


def _moving_averages(report, limits):
    if report.steps is None or report.steps < limits.settling_steps:
        return
    for row in report.layers:
        if row.drift is not None and row.drift > limits.drift and row.trainable:
            yield Finding(
                row.name,
                "stale_averages",
                "alarm",
                f"after {report.steps} steps the moving averages of {row.name} are {row.drift:.2g} deviations from the "
                "batch's statistics: at inference it is another network; give a larger alpha (0.1), or larger batches",
            )


def _weight_growth(report, earlier, limits):
    for row in report.layers:
        first = next((old for _, old in _same_row(earlier, row) if old.weight_std), None)
        if (
            first is not None
            and row.equal_units is not None
            and row.weight_std > limits.weight_growth * first.weight_std
        ):
            yield Finding(
                row.name,
                "exploding_weights",
                "alarm",
                f"the weights of {row.name} have grown {row.weight_std / first.weight_std:.3g} times: rate too large; "
                "take a smaller one, or weight decay",
            )


def _notes(report, limits):
    for row in report.layers:
        if not row.trainable:
            yield Finding(row.name, "frozen", "note", f"{row.name} is frozen: it does not learn, as asked for")
    if report.num_examples < limits.few_examples:
        yield Finding(
            None,
            "few_examples",
            "note",
            f"{report.num_examples} examples are too few to tell dead units; give some hundred",
        )
