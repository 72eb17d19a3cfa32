"""Layer-sequential unit variance: not a formula, but a measurement on a real batch."""

import dataclasses
import math

import keras
from keras import ops

from nntricks_keras.errors import InputError
from nntricks_keras.initializers.xavier import Xavier


@dataclasses.dataclass(frozen=True)
class LsuvRow:
    """What was done to one layer: the variance of its outputs (before its own activation), over the whole batch."""

    layer: str
    variance_before: float  # with the orthogonal kernel, or with the kernel as it was
    variance: float
    steps: int


@dataclasses.dataclass(frozen=True)
class LsuvReport:
    """One row a layer, in the order in which the batch met them."""

    rows: tuple[LsuvRow, ...]

    def table(self):
        width = max(len(row.layer) for row in self.rows)
        lines = [f"{'layer':{width}}  variance before  variance  steps"]
        for row in self.rows:
            lines.append(f"{row.layer:{width}}  {row.variance_before:15.4g}  {row.variance:8.4f}  {row.steps:5d}")
        return "\n".join(lines)


def lsuv(model, batch, *, tolerance=0.02, max_steps=10, orthogonal=True, seed=None):
    """Scales every kernel, in place, so that each layer's outputs on `batch` have variance 1.

    The batch runs through the model once. Where it meets a layer with a kernel (dense, convolution) the kernel is
    divided by the deviation of the layer's outputs, until their variance is within 1 +- `tolerance`, and only then the
    outputs go on to the next layer. Biases are left alone. Dropout and BatchNorm are in inference mode.

    Args:
        model: any Keras model; nested models are gone through.
        batch: inputs as the model takes them; some hundred examples make the variance a good estimate.
        tolerance: how far from 1 a variance may be.
        max_steps: divisions to try on one layer; more than one is needed only where biases are not zero.
        orthogonal: whether kernels are drawn anew, orthogonal within each group, as published; otherwise the present
            kernels are scaled.
        seed: integer or None, for the orthogonal kernels.

    Returns:
        LsuvReport: one row a layer; `.table()` prints it.

    Raises:
        ValueError: the model has no kernels; a layer's outputs are constant or not finite on this batch; a variance
            that `max_steps` divisions do not bring within the tolerance.

    Mishkin and Matas, "All you need is a good init" (ICLR 2016), algorithm 1.
    """
    if not model.built:
        model(batch, training=False)
    layers = [layer for layer in _layers_within(model) if getattr(layer, "kernel", None) is not None]
    if not layers:
        raise InputError(f"lsuv: model {model.name!r} has no layer with a kernel, so there is nothing to scale")
    seeds = keras.random.SeedGenerator(seed)
    if orthogonal:
        for layer in layers:
            draw = Xavier("orthogonal", groups=getattr(layer, "groups", 1), seed=seeds)
            layer.kernel.assign(draw(layer.kernel.shape, layer.kernel.dtype))
    rows = []
    try:
        for layer in layers:
            layer.call = _scaling_call(layer, rows, tolerance, max_steps)
        model(batch, training=False)
    finally:
        for layer in layers:
            layer.__dict__.pop("call", None)
    return LsuvReport(tuple(rows))


def _layers_within(model):
    """All layers in it, those of nested models included, each once."""
    found = {}
    for layer in model.layers:
        for inner in _layers_within(layer) if isinstance(layer, keras.Model) else [layer]:
            found.setdefault(id(inner), inner)
    return list(found.values())


def _scaling_call(layer, rows, tolerance, max_steps):
    """`layer.call`, but the first time it is called it scales the layer's kernel by what it sees."""
    call = layer.call
    kernel = ops.convert_to_numpy(layer.kernel).astype("float64")  # here, not in a call, where it may be cast to half
    scaled = False

    def scale_then_call(*args, **kwargs):
        nonlocal scaled
        if not scaled:
            rows.append(_scale(layer, kernel, lambda: call(*args, **kwargs), tolerance, max_steps))
            scaled = True
        return call(*args, **kwargs)

    return scale_then_call


def _scale(layer, kernel, run, tolerance, max_steps):
    activation = getattr(layer, "activation", None)
    try:
        if activation is not None:
            layer.activation = keras.activations.linear
        before = variance = _variance(run())
        steps = 0
        while not abs(variance - 1) <= tolerance:  # NaN is not within it
            if not 0 < variance < math.inf:
                raise InputError(
                    f"lsuv: the outputs of layer {layer.name!r} have variance {variance} on this batch; it takes "
                    "examples that differ, finite inputs, and a kernel that is not zero"
                )
            if steps == max_steps:
                raise InputError(
                    f"lsuv: after {steps} steps the outputs of layer {layer.name!r} have variance {variance:.4g}, not "
                    f"1 +- {tolerance}; its biases may be too large, or the tolerance too small for its dtype"
                )
            kernel = kernel / math.sqrt(variance)
            layer.kernel.assign(kernel)
            variance = _variance(run())
            steps += 1
    finally:
        if activation is not None:
            layer.activation = activation
    return LsuvRow(layer.name, before, variance, steps)


def _variance(outputs):
    return float(ops.convert_to_numpy(ops.var(ops.cast(outputs, "float32"))))
