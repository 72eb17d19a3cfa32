"""probe: batches through the model, forward and backward; the numbers of all batches become one row a layer."""

import math

import keras
import numpy as np
from keras import ops

from nntricks_keras.errors import InputError
from nntricks_keras.health import verdicts
from nntricks_keras.health.observing import Observer
from nntricks_keras.health.report import HealthReport, InputStatistics, LayerRow
from nntricks_keras.health.streams import batches, class_numbers, num_classes_of, num_examples, resolve_loss
from nntricks_keras.health.summing import LayerSums, Moments
from nntricks_keras.health.tracing import places_of


def probe(model, x, y=None, *, loss=None, histograms=False, history=None, max_examples=None):
    """One pass forward and backward over some examples: what happens in each layer, and what is wrong with it.

    The pass is that of a training step, without the update: BatchNorm takes the batch's statistics, Dropout drops the
    units that the next step would drop (the same ones in every batch), and the model is left exactly as it is.

    Args:
        model: a built keras.Model, compiled or not; nested and subclassed models too. A compiled one brings its loss
            and its learning rate along.
        x: an array or tensor of examples, a list or dict of them for several inputs, or a stream: a tf.data.Dataset or
            any iterable of batches x or (x, y). Arrays are cut into batches of 128. Some hundred examples are enough.
        y: labels for arrays: integers or one-hot for cross-entropy, else what the loss takes. Without labels
            there are no gradients.
        loss: name, function or keras.losses.Loss; the compiled one by default, and cross-entropy without one.
        histograms: whether the report keeps histograms of each layer's outputs and of their gradients.
        history: what happened before, for the verdicts: rows of a training's history (dicts with "loss", "val_loss",
            "top1" or "accuracy", ...), keras.callbacks.History.history, and earlier HealthReports, in one sequence.
        max_examples: how much of x to look at; all by default.

    Returns:
        HealthReport. Rows are in the order of the calls; `update_ratio` is that of plain SGD where the optimizer is
        SGD (with momentum, weights move 1 / (1 - momentum) as far); of training.Muon it is the rate for the kernels
        that it turns, and SGD's at `others` times the rate for its other ones; elsewhere that of an optimizer which
        moves every weight by about the rate, as Adam's first step does.

    Raises:
        InputError: the model is not built or has no weights; inputs or labels do not fit it; nothing to look at.

    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010), look at
    networks in this way; section 4.
    """
    return Prober(model, loss=loss, histograms=histograms, compiled=False)(
        x, y, history=history, max_examples=max_examples
    )


class Prober:
    """`probe` for many times: the pass is compiled once and used again.

    Args:
        model, loss, histograms: as `probe` takes them.
        compiled: whether to compile; worth it from some ten batches on.
    """

    def __init__(self, model, *, loss=None, histograms=False, compiled=True):
        self.model, self.loss = model, loss
        self.places = places_of(model)
        self.observer = Observer(model, self.places, resolve_loss(model, loss), histograms, compiled)

    def __call__(self, x, y=None, *, history=None, max_examples=None, epoch=None):
        """As `probe`; `epoch` is kept in the report."""
        sums = [LayerSums(place) for place in self.places]
        inputs, labels, losses, count = {}, [], Moments(), 0
        num_classes = num_classes_of(self.model, self.loss)
        for batch_x, batch_y in batches(self.model, x, y, max_examples):
            numbers = class_numbers(batch_y, num_classes)
            if numbers is not None:
                labels.append(np.bincount(numbers, minlength=num_classes))
            notes = self.observer(keras.tree.map_structure(ops.convert_to_tensor, batch_x), _tensors(batch_y))
            size = num_examples(batch_x)
            count += size
            if "loss" in notes:
                losses.add(size, float(notes["loss"]), 0.0)
            for name, array in zip(self._input_names(batch_x), keras.tree.flatten(batch_x), strict=True):
                inputs.setdefault(name, _InputSums()).add(array)
            for key, note in notes.items():
                if key != "loss":
                    kind, index, *_ = key.split("/")
                    sums[int(index)].add(kind, note, size)
        if not count:
            raise InputError("probe: there are no examples to look at")
        optimizer = self._optimizer()
        rows, entry = self._rows(sums, count, optimizer)
        report = HealthReport(
            layers=rows,
            loss=losses.mean if losses.count else None,
            num_examples=count,
            num_classes=num_classes if labels else None,
            inputs=(*(sums_.statistics(name) for name, sums_ in inputs.items()), *entry),
            label_shares=tuple((np.sum(labels, axis=0) / count).tolist()) if labels else None,
            steps=None if optimizer is None else int(ops.convert_to_numpy(optimizer.iterations)),
            learning_rate=None if optimizer is None else _rate(optimizer),
            scheduled=_is_scheduled(optimizer),
            epoch=epoch,
            histograms={s.place.name: s.histograms() for s in sums if s.samples} or None,
        )
        return verdicts.judged(report, history or ())

    def _optimizer(self):
        """The one that moves the weights: under mixed_float16 the model has one around it that scales the loss."""
        optimizer = getattr(self.model, "optimizer", None)
        return getattr(optimizer, "inner_optimizer", optimizer)

    def _input_names(self, x):
        if isinstance(x, dict):
            return sorted(x)
        tensors = getattr(self.model, "inputs", None)
        flat = keras.tree.flatten(x)
        return [tensor.name for tensor in tensors] if tensors else [f"input {i + 1}" for i in range(len(flat))]

    def _rows(self, sums, count, optimizer):
        """The rows in the order of the calls, and what the first kernel takes."""
        called = sorted((s for s in sums if s.order is not None), key=lambda s: s.order)
        rows, entry, signal = [], (), None
        for layer in called:
            ratio = None
            if layer.entry.count:
                if signal is None:
                    signal = layer.entry.std
                    entry = (layer.entry_statistics(),)
                own = layer.signal.std if layer.signal.count else layer.output.std
                ratio = own / signal if signal else None
                signal = own
            rows.append(layer.row(count, ratio, optimizer))
        rows += [
            LayerRow(
                name=s.place.name,
                kind=type(s.place.layer).__name__,
                activation=s.place.activation or "linear",
                weight_std=s.weight_std,
                trainable=s.trainable,
            )
            for s in sums
            if s.order is None
        ]
        return tuple(rows), entry


class _InputSums:
    """Statistics of one input of the model."""

    def __init__(self):
        self.values = Moments()
        self.lowest = self.highest = None

    def add(self, array):
        array = array.astype("float64")
        with np.errstate(invalid="ignore", over="ignore"):
            self.values.add(array.size, float(array.mean()), float(array.var()))
        lowest, highest = array.min(axis=0), array.max(axis=0)
        same = self.lowest is not None and self.lowest.shape == lowest.shape
        self.lowest = np.minimum(self.lowest, lowest) if same else lowest
        self.highest = np.maximum(self.highest, highest) if same else highest

    def statistics(self, name):
        return InputStatistics(
            name=name,
            mean=self.values.mean,
            std=self.values.std,
            minimum=float(self.lowest.min()),
            maximum=float(self.highest.max()),
            constant=float(np.mean(self.lowest == self.highest)),
            non_finite=not math.isfinite(self.values.mean),
        )


def _tensors(y):
    return None if y is None else keras.tree.map_structure(ops.convert_to_tensor, y)


def _rate(optimizer):
    return float(ops.convert_to_numpy(optimizer.learning_rate))


def _is_scheduled(optimizer):
    return isinstance(getattr(optimizer, "_learning_rate", None), keras.optimizers.schedules.LearningRateSchedule)
