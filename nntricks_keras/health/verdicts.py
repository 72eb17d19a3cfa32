"""judge: what the numbers of a report mean, in words, with the remedy."""

import dataclasses

from nntricks_keras.health import input_rules, layer_rules, training_history
from nntricks_keras.health.report import has, note
from nntricks_keras.health.thresholds import Thresholds


def judged(report, history=()):
    """The report with its findings, and each row with the words of its worst one."""
    findings = judge(report, history)
    worst = {}
    for finding in sorted(findings, key=lambda finding: finding.severity != "alarm"):
        worst.setdefault(finding.layer, finding.text)
    rows = tuple(dataclasses.replace(row, verdict=worst.get(row.name, "ok")) for row in report.layers)
    return dataclasses.replace(report, layers=rows, findings=findings)


def judge(report, history=(), thresholds=Thresholds()):  # noqa: B008 (frozen)
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
    findings = [*input_rules.judge_inputs(report, thresholds)]
    broken = [*input_rules.judge_finite(report)]
    findings += broken if not has(findings, "non_finite_inputs") else []
    findings += training_history.judge_loss(report, epochs, thresholds)
    if not broken and not has(findings, "non_finite_inputs"):
        findings += layer_rules.judge_layers(report, earlier, thresholds)
    findings += _notes(report, thresholds)
    return tuple(findings)


def _notes(report, limits):
    for row in report.layers:
        if not row.trainable:
            yield note(row.name, "frozen", f"{row.name} is frozen: it does not learn, as asked for")
    if report.num_examples < limits.few_examples:
        yield note(
            None,
            "few_examples",
            f"{report.num_examples} examples are too few to tell dead units; give some hundred",
        )
