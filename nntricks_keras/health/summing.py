"""Numbers of batches added up in float64 to those of the whole stream."""

import math

import numpy as np

from nntricks_keras.health.report import InputStatistics, LayerRow


class Moments:
    """Mean and variance of all values seen (Chan, Golub and LeVeque 1979)."""

    def __init__(self):
        self.count = self.mean = self.total = 0.0

    def add(self, count, mean, variance):
        """Takes in `count` values of this mean and (biased) variance."""
        count, mean, variance = float(count), float(mean), float(variance)
        new, difference = self.count + count, mean - self.mean
        self.total += variance * count + difference * difference * self.count * count / new
        self.mean += difference * count / new
        self.count = new

    @property
    def std(self):
        return math.sqrt(self.total / self.count) if self.total >= 0 else math.nan


class LayerSums:
    """What the batches told of one layer."""

    def __init__(self, place):
        self.place = place
        self.trainable = place.layer.trainable or not place.weights
        self.order = None
        self.entry, self.signal, self.output, self.gradient = Moments(), Moments(), Moments(), Moments()
        self.gradient_squares = 0.0
        self.flat, self.negative = Moments(), Moments()
        self.alive = None
        self.weights = None
        self.weight_gradient = Moments()  # of the squared norm
        self.norm = None
        self.samples = {}

    def add(self, kind, note, num_examples):
        """One note of a batch; see health/observing.py."""
        getattr(self, f"_add_{kind}")(note, num_examples)
        if isinstance(note, dict) and "sample" in note:
            self.samples.setdefault(kind, []).append(note["sample"].astype("float64"))

    def _add_entry(self, note, _):
        self.entry.add(note["count"], note["mean"], note["variance"])

    def _add_signal(self, note, _):
        self.signal.add(note["count"], note["mean"], note["variance"])

    def _add_output(self, note, _):
        self.order = int(note["order"]) if self.order is None else min(self.order, int(note["order"]))
        self.output.add(note["count"], note["mean"], note["variance"])
        self.flat.add(note["count"], note["flat"], 0.0)
        self.negative.add(note["count"], note["negative"], 0.0)
        fits = self.alive is not None and self.alive.shape == note["alive"].shape
        self.alive = self.alive | note["alive"] if fits else note["alive"]

    def _add_gradient(self, note, _):
        self.gradient.add(note["count"], note["mean"], note["variance"])
        self.gradient_squares += float(note["square"]) * float(note["count"])

    def _add_weights(self, note, _):
        self.weights = note  # the same for every batch

    def _add_weight_gradient(self, note, num_examples):
        self.weight_gradient.add(num_examples, note, 0.0)

    def _add_norm(self, note, num_examples):
        values = {name: value.astype("float64") for name, value in note.items()}
        if self.norm is None:
            self.norm = {"count": 0.0, "mean": 0.0, "variance": 0.0}
        for name in ("mean", "variance"):
            self.norm[name] = self.norm[name] + num_examples * values[name]
        self.norm["count"] += num_examples
        self.norm |= {name: values[name] for name in ("moving_mean", "moving_variance")}

    def entry_statistics(self):
        return InputStatistics(
            f"into {self.place.name}",
            self.entry.mean,
            self.entry.std,
            None,
            None,
            None,
            not math.isfinite(self.entry.mean),
        )

    def row(self, num_examples, signal_ratio, optimizer):
        place = self.place
        has_gradient = self.gradient.count > 0
        gradient_norm = math.sqrt(self.weight_gradient.mean) if self.weight_gradient.count else None
        weight_std = self.weight_std
        finite = math.isfinite(self.output.mean + self.output.total)
        return LayerRow(
            name=place.name,
            kind=type(place.layer).__name__,
            activation=place.activation or "linear",
            num_units=len(self.alive),
            mean=self.output.mean,
            std=self.output.std,
            dead=1 - float(np.mean(self.alive)),
            saturated=None if place.flat is None else self.flat.mean,
            negative=self.negative.mean,
            gradient_mean=self.gradient.mean if has_gradient else None,
            gradient_std=self.gradient.std if has_gradient else None,
            gradient_norm=math.sqrt(self.gradient_squares / num_examples) if has_gradient else None,
            weight_std=weight_std,
            weight_gradient_norm=gradient_norm,
            update_ratio=self._update_ratio(gradient_norm, optimizer),
            signal_ratio=signal_ratio,
            drift=self._drift(),
            equal_units=self._equal_units(),
            trainable=self.trainable,
            non_finite=not finite or (weight_std is not None and not math.isfinite(weight_std)),
        )

    @property
    def weight_std(self):
        return None if self.weights is None else math.sqrt(float(self.weights["variance"]))

    def _update_ratio(self, gradient_norm, optimizer):
        if optimizer is None or gradient_norm is None:
            return None
        count = float(self.weights["count"])
        norm = math.sqrt(float(self.weights["square"]) * count)
        if not norm > 0:
            return None
        rate = float(np.asarray(optimizer.learning_rate))
        is_muon = hasattr(optimizer, "turns")  # training.Muon, whose other rule is SGD's
        if is_muon and optimizer.turns(self.place.kernel):
            return rate
        if is_muon or "SGD" in type(optimizer).__name__:
            return rate * (optimizer.others if is_muon else 1) * gradient_norm / norm
        return rate * math.sqrt(count) / norm if gradient_norm > 0 else 0.0

    def _drift(self):
        """Wasserstein distance between the normal distributions of the moving and the batch's statistics, in units of
        the larger deviation; the root mean square over the channels."""
        if self.norm is None:
            return None
        mean, variance = (self.norm[name] / self.norm["count"] for name in ("mean", "variance"))
        deviation, moving = np.sqrt(variance), np.sqrt(np.maximum(self.norm["moving_variance"], 0))
        distance = np.square(mean - self.norm["moving_mean"]) + np.square(deviation - moving)
        unit = np.square(np.maximum(np.maximum(deviation, moving), 1e-12))
        return float(np.sqrt(np.mean(distance / unit)))

    def _equal_units(self):
        if self.weights is None or "units" not in self.weights or self.weights["units"].shape[1] < 2:
            return None
        told = self.weights["units"].astype("float64")
        if not np.all(np.isfinite(told)):
            return None
        tolerance = 1e-6 * max(float(np.abs(told).max()), 1e-30)
        told = told[:, np.lexsort(told[::-1])]
        same = np.all(np.abs(np.diff(told)) <= tolerance, axis=0)
        return float(np.mean(np.append(same, False) | np.insert(same, 0, False)))

    def histograms(self):
        """{"output": ..., "gradient": ...}, each {"edges", "density"}: 101 bins over the values' 0.1 to 99.9 %."""
        found = {}
        for kind, samples in self.samples.items():
            values = np.concatenate(samples)
            values = values[np.isfinite(values)]
            if not len(values):
                continue
            low, high = np.percentile(values, [0.1, 99.9])
            reach = max(abs(low), abs(high), 1e-30)
            counts, edges = np.histogram(values, bins=101, range=(-reach, reach))
            density = counts / (len(values) * np.diff(edges))
            found[kind] = {"edges": edges.tolist(), "density": density.tolist()}
        return found
