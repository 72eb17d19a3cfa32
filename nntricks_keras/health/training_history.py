"""What the loss tells, now and over the epochs."""

import math

from nntricks_keras.health.report import HealthReport, alarm

SMALL_LOSS = 0.01  # one that is nearer to 0 counts as this: a loss of 1e-6 that triples tells nothing


def sorted_out(history):
    """(rows of epochs as dicts, earlier reports) of a sequence of both; a dict of lists becomes a row an epoch.

    A list of fewer epochs than the others, as `fit(validation_freq=2)` leaves, does not say of which, and is left out.
    """
    epochs, reports = [], []
    for item in [history] if isinstance(history, dict) else history:
        if isinstance(item, HealthReport):
            reports.append(item)
        elif any(isinstance(value, list) for value in item.values()):
            lists = {name: values for name, values in item.items() if isinstance(values, list)}
            longest = max(map(len, lists.values()))
            lists = {name: values for name, values in lists.items() if len(values) == longest}
            epochs += [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]
        else:
            epochs.append(item)
    return epochs, reports


def judge_loss(report, epochs, limits):
    """Findings of the loss: larger than a guess's, not finite or growing, still that of a guess; and of accuracies."""
    losses = [float(row["loss"]) for row in epochs if row.get("loss") is not None]
    guess = math.log(report.num_classes) if report.num_classes else None
    yield from _growth(losses, limits)
    if guess is None:
        return
    if report.loss is not None and math.isfinite(report.loss) and report.loss > limits.large_loss * guess:
        why = (
            "initialization or inputs too large"
            if not report.steps and not losses
            else "rate too large, or other labels than it was trained on"
        )
        yield alarm(
            None,
            "large_loss",
            f"loss {report.loss:.3g} is {report.loss / guess:.2g} times that of a guess, ln({report.num_classes}) = "
            f"{guess:.3g}: {why}",
        )
    yield from _accuracies(report, epochs, limits)
    last = losses[-1] if losses else report.loss
    trained = bool(losses) if report.steps is None else report.steps >= limits.learning_steps
    if trained and last is not None and abs(last / guess - 1) <= limits.chance_margin:
        when = f"after epoch {len(losses)}" if losses else f"after {report.steps} steps"
        yield alarm(
            None,
            "chance_loss",
            f"loss still ln({report.num_classes}) = {guess:.3g} {when} (it is {last:.3g}): nothing is learnt; look at "
            "the rate, the initialization, and whether labels belong to their inputs",
        )


def _growth(losses, limits):
    for epoch, loss in enumerate(losses, 1):
        if not math.isfinite(loss):
            yield alarm(
                None,
                "exploding_loss",
                f"the loss became {loss} in epoch {epoch}: rate too large; take a smaller one, or clip the gradients",
            )
            return
    lowest = min(losses, default=0.0)
    if losses and losses[-1] - lowest > (limits.loss_growth - 1) * max(abs(lowest), SMALL_LOSS):
        yield alarm(
            None,
            "exploding_loss",
            f"the loss grew from {lowest:.3g} in epoch {losses.index(lowest) + 1} to {losses[-1]:.3g} in "
            f"epoch {len(losses)}: rate too large; take a smaller one, or clip the gradients",
        )


def _accuracies(report, epochs, limits):
    """Learnt by heart: training accuracy well above chance, validation accuracy at chance."""
    last = epochs[-1] if epochs else {}
    name = next(
        (
            name
            for name in ("top1", "accuracy", "categorical_accuracy", "sparse_categorical_accuracy", "acc")
            if last.get(name) is not None and last.get(f"val_{name}") is not None
        ),
        None,
    )
    if name is None:
        return
    chance = max([1 / report.num_classes, *(report.label_shares or ())])
    training, validation = ((last[key] - chance) / max(1 - chance, 1e-9) for key in (name, f"val_{name}"))
    if training > limits.memorized and validation < limits.generalized:
        yield alarm(
            None,
            "shuffled_labels",
            f"accuracy is {last[name]:.2f} in training and {last[f'val_{name}']:.2f} in validation, where a guess has "
            f"{chance:.2f}: learnt by heart; labels do not belong to their inputs (shuffled), or validation is "
            "prepared in another way",
        )
