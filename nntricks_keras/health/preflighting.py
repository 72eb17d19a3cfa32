"""preflight: look at a network and its data before the training, when a mistake still costs nothing."""

import dataclasses
import math

import keras
import numpy as np

from nntricks_keras.errors import InputError
from nntricks_keras.health.held import hold
from nntricks_keras.health.probing import Prober
from nntricks_keras.health.report import Finding
from nntricks_keras.health.streams import is_cross_entropy, num_classes_of

MOSTLY = 0.5  # share of constant numbers in the inputs; the frame of MNIST's digits comes to 0.2


def preflight(model, x, y=None, *, prober=None):
    """Probes a network before its training and looks at its data; prints one line if all is well, else what is not.

    Beyond what `probe` finds (NaN, forgotten standardization, constant inputs, one class only, a loss far above
    ln(classes), dead or equal units, a signal that dies out or explodes) it tells of inputs that are mostly constant,
    of labels that do not fit the outputs, and of a loss that takes logits for probabilities or the other way round.

    Args:
        model: a built keras.Model, compiled as it will be trained. It is left as it is.
        x: examples as `probe` takes them: an array, several of them, or a stream of a few batches.
        y: their labels, integers or one-hot; not with a stream.
        prober: a Prober of this model, to use what it has compiled.

    Returns:
        HealthReport, as of `probe`, with these findings added.

    Raises:
        InputError: what `probe` raises; labels that cannot belong to the model's outputs.
    """
    x, y = hold(x, y)
    classes = num_classes_of(model)
    labels = [y] if y is not None else [batch[1] for batch in x if isinstance(batch, tuple) and len(batch) > 1]
    if classes:
        for some in labels:
            _check_width(np.asarray(keras.ops.convert_to_numpy(some)), classes)
    report = (prober or Prober(model, compiled=False))(x, y)
    found = [*_constant_pixels(report), *_logits_or_probabilities(model, report)]
    if classes:
        found += _not_distributions([np.asarray(keras.ops.convert_to_numpy(some)) for some in labels], classes)
    report = dataclasses.replace(report, findings=(*report.findings, *found))
    print(_words(report), flush=True)
    return report


def _words(report):
    told = [finding for finding in report.findings if finding.severity == "alarm" or finding.kind == "constant_pixels"]
    if told:
        return "\n".join(f"preflight: {finding.text}" for finding in told)
    loss = ""
    if report.loss is not None:
        loss = f", loss {report.loss:.3g}"
        if report.num_classes:
            loss += f" (ln {report.num_classes} = {math.log(report.num_classes):.3g})"
    return f"preflight: {len(report.layers)} layers on {report.num_examples} examples{loss}: all well"


def _check_width(labels, classes):
    if labels.ndim == 2 and labels.shape[1] not in (1, classes):
        raise InputError(
            f"preflight: labels of shape {labels.shape} are for {labels.shape[1]} classes, and the model has {classes} "
            "outputs; they have to be as many"
        )


def _constant_pixels(report):
    """A note: frames of photographs and digits are constant too."""
    for given in report.inputs:
        if given.constant is not None and MOSTLY < given.constant < 1 and report.num_examples > 1:
            yield Finding(
                None,
                "constant_pixels",
                "note",
                f"{given.constant:.0%} of the numbers in {given.name!r} are the same in all {report.num_examples} "
                "examples: they carry nothing; look whether images are cut or scaled as meant",
            )


def _not_distributions(labels, classes):
    """One-hot labels, smoothed and mixed ones too, are distributions: not negative, of sum 1."""
    rows = [some for some in labels if some.ndim == 2 and some.shape[1] == classes > 1]
    wrong = sum(int(np.sum((some < 0).any(axis=1) | ~(np.abs(some.sum(axis=1) - 1) < 1e-3))) for some in rows)
    if wrong:
        yield Finding(
            None,
            "labels",
            "alarm",
            f"{wrong} of {sum(map(len, rows))} labels are no distribution over the {classes} classes (not negative, of "
            "sum 1): cross-entropy takes one-hot labels; for several classes an image, use a sigmoid and binary "
            "cross-entropy",
        )


def _logits_or_probabilities(model, report):
    last = report.layers[-1]
    outputs = getattr(model, "outputs", None)
    takes_classes = is_cross_entropy(getattr(model, "loss", None))
    if not takes_classes or not outputs or outputs[0]._keras_history.operation.name != last.name:
        return
    takes_logits = bool(getattr(model.loss, "from_logits", False))
    if takes_logits and last.activation in ("softmax", "sigmoid"):
        yield Finding(
            last.name,
            "double_softmax",
            "alarm",
            f"{last.name} ends in a {last.activation} and the loss takes its outputs for logits, so that it is applied "
            "twice: use from_logits=False, or leave the activation out",
        )
    if not takes_logits and last.activation == "linear":
        yield Finding(
            last.name,
            "logits_as_probabilities",
            "alarm",
            f"{last.name} gives logits, and the loss takes them for probabilities: use from_logits=True",
        )
