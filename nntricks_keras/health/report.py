"""What a probe found: one row a layer, the findings in words, and how they are printed and kept. No Keras needed."""

import dataclasses
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LayerRow:
    """One layer over the whole stream; None where a quantity has no meaning for the layer, or takes labels or a rate
    that were not given. Gradients are those of one example's own loss: the gradient of a batch's mean loss times the
    number of its examples, so that the batch size does not count.
    """

    name: str  # "block1/conv2" in nested models
    kind: str  # class of the layer
    activation: str = "linear"  # "relu", "elu", ...
    num_units: int = 0  # channels of a map, units of a vector
    mean: float | None = None  # of the outputs, after the layer's own activation, over units, places and examples
    std: float | None = None  # likewise
    dead: float | None = None  # share of units with output 0, or no derivative left, for every example and place
    saturated: float | None = None  # share of outputs where |derivative| < 1 % of its maximum (ELU: at its floor)
    negative: float | None = None  # share of outputs below 0
    gradient_mean: float | None = None  # by the outputs
    gradient_std: float | None = None  # by the outputs
    gradient_norm: float | None = None  # by all outputs of one example: root mean square over the examples
    weight_std: float | None = None  # of the kernel; of all weights where there is no kernel
    weight_gradient_norm: float | None = None  # of one batch's mean loss by those weights: rms over the batches
    update_ratio: float | None = None  # |rate * gradient| / |weights|; see `probe` for optimizers other than SGD
    signal_ratio: float | None = (
        None  # std before the activation, to that of the kernel before (the first: to the input)
    )
    drift: float | None = None  # BatchNorm: how far the moving statistics are from the batch's, in deviations
    equal_units: float | None = None  # share of units whose incoming weights another unit has too
    trainable: bool = True
    non_finite: bool = False  # NaN or infinity in its outputs or its weights
    verdict: str = "ok"  # "ok", or the words of its worst finding


@dataclass(frozen=True)
class InputStatistics:
    """What goes into the model and, named "into ...", into its first kernel, over the whole stream."""

    name: str
    mean: float
    std: float
    minimum: float | None
    maximum: float | None
    constant: float | None  # share of the elements of an input that are the same in every example
    non_finite: bool


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong ("alarm") or worth knowing ("note"): where, what kind, and in words with the remedy."""

    layer: str | None
    kind: str
    severity: str
    text: str


def alarm(layer, kind, text):
    return Finding(layer, kind, "alarm", text)


def note(layer, kind, text):
    return Finding(layer, kind, "note", text)


def has(findings, *kinds):
    return any(finding.kind in kinds for finding in findings)


@dataclass(frozen=True)
class HealthReport:
    """What `probe` found. `.alarms` are the findings that are no mere notes; an empty tuple is a healthy network."""

    layers: tuple[LayerRow, ...]
    findings: tuple[Finding, ...] = ()
    loss: float | None = None  # mean over the examples, in training mode
    num_examples: int = 0
    num_classes: int | None = None
    inputs: tuple[InputStatistics, ...] = ()
    label_shares: tuple[float, ...] | None = None  # of the examples, by class
    steps: int | None = None  # that the optimizer has done
    learning_rate: float | None = None
    scheduled: bool = False  # whether the rate follows a schedule, which may start and end near 0
    epoch: int | None = None  # set by whoever probes in a training
    histograms: dict | None = field(default=None, repr=False)

    @property
    def alarms(self):
        return tuple(finding for finding in self.findings if finding.severity == "alarm")

    @property
    def headline(self):
        """How many examples, their loss, and how many alarms."""
        loss = "" if self.loss is None else f", loss {self.loss:.4g}"
        verdict = "no alarm" if not self.alarms else f"{len(self.alarms)} alarm{'s' * (len(self.alarms) > 1)}"
        return f"{self.num_examples} examples{loss}: {verdict}"

    def table(self):
        """The rows as text, then the findings."""
        header = [title for title, _ in _COLUMNS]
        lines = [header, *([write(row) for _, write in _COLUMNS] for row in self.layers)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
        text = [
            "  ".join(
                cell.ljust(width) if i < _LEFT else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        text += ["", self.headline]
        text += [f"{finding.severity}: {finding.text}" for finding in self.findings]
        return "\n".join(text)

    def plot(self, path=None):
        """Draws the rows as a matplotlib figure, which is returned and, if `path` is given, saved there as a PNG."""
        from nntricks_keras.health.plots import draw_report  # matplotlib takes half a second

        return draw_report(self, path)

    def to_dict(self):
        """Plain dicts, lists and numbers, for JSON; `from_dict` takes them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        values = dict(values)
        for name, kind in [("layers", LayerRow), ("findings", Finding), ("inputs", InputStatistics)]:
            values[name] = tuple(kind(**item) for item in values[name])
        if values["label_shares"] is not None:
            values["label_shares"] = tuple(values["label_shares"])
        return cls(**values)


def _number(name):
    def write(row):
        value = getattr(row, name)
        return "-" if value is None else f"{value:.3g}"

    return write


def _share(name):
    def write(row):
        value = getattr(row, name)
        return "-" if value is None else f"{100 * value:.0f} %"

    return write


_LEFT = 3  # columns of words
_COLUMNS = [
    ("layer", lambda row: row.name),
    ("kind", lambda row: row.kind + ("" if row.trainable else " (frozen)")),
    ("activation", lambda row: row.activation),
    ("units", lambda row: str(row.num_units)),
    ("mean", _number("mean")),
    ("std", _number("std")),
    ("dead", _share("dead")),
    ("saturated", _share("saturated")),
    ("negative", _share("negative")),
    ("gradient std", _number("gradient_std")),
    ("weight std", _number("weight_std")),
    ("update", _number("update_ratio")),
    ("signal", _number("signal_ratio")),
    ("drift", _number("drift")),
    ("equal", _share("equal_units")),
]
