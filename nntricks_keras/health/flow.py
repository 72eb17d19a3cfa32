"""How signals go up through the layers and gradients come down: where they fall or grow, and how fast."""

import math

from nntricks_keras.health.report import alarm

_INITIALIZER = {
    "relu": "He",
    "relu6": "He",
    "leaky_relu": "He",
    "prelu": "He",
    "rrelu": "He",
    "sigmoid": "Glorot",
    "tanh": "Glorot",
    "scaled_tanh": "Xavier",
}
_SLOPES = {"sigmoid": "sigmoid passes on a quarter at most", "tanh": "tanh passes on all only near zero"}


def kernel_before(report):
    """{name of a row: name of the last row with a kernel that was called before it, or itself}."""
    found, last = {}, None
    for row in report.layers:
        last = row.name if row.equal_units is not None or row.signal_ratio is not None else last
        found[row.name] = last
    return found


def judge_signal(report, limits, dead=()):
    """Signals that fall or grow by more than the limit over consecutive layers with no normalization between them.

    dead: names of layers with dead units; what goes into them and comes out of them is not compared.
    """
    for run in _unnormalized_runs(report.layers, dead):
        run = [row for row in run if row.name != _last_kernel(report)]  # small logits are a good start
        for sign, kind, words in [(-1, "vanishing_signal", "falls"), (1, "exploding_signal", "grows")]:
            first, last, change = _steepest(run, sign)
            if change <= math.log(limits.signal_change) or last == first:
                continue
            rows = run[first : last + 1]
            a_layer = math.exp(sign * change / len(rows))
            activation = _activation(report, rows[0].name)
            cause = "weights" if report.steps else "initialization"
            remedy = _INITIALIZER.get(activation, "for_activation")
            size = "too small" if sign < 0 else "too large"
            yield alarm(
                rows[0].name,
                kind,
                f"signal {words} by {a_layer:.2g} a layer from {rows[0].name} to {rows[-1].name}: {cause} {size} for "
                f"{activation}; {remedy} would keep it, or BatchNorm",
            )


def judge_gradients(report, limits):
    """Gradients, by the norm of a whole layer's, that fall or grow from the last hidden kernel down by more than the
    limit; through small logits they all fall alike."""
    last = _last_kernel(report)
    rows = [row for row in report.layers if row.signal_ratio is not None and row.gradient_norm and row.name != last]
    if len(rows) < 2:
        return
    lowest = min(rows[:-1], key=lambda row: row.gradient_norm)
    highest = max(rows[:-1], key=lambda row: row.gradient_norm)
    top = rows[-1]
    for row, ratio, kind in [
        (lowest, top.gradient_norm / lowest.gradient_norm, "vanishing_gradients"),
        (highest, highest.gradient_norm / top.gradient_norm, "exploding_gradients"),
    ]:
        if ratio <= limits.gradient_change:
            continue
        steps = rows.index(top) - rows.index(row)
        activation = _activation(report, row.name)
        words = "fall" if kind == "vanishing_gradients" else "grow"
        if kind == "exploding_gradients" and any(_is_normalization(other) for other in report.layers):
            remedy = "more layers than BatchNorm can hold together; take fewer, or add shortcuts"
        elif activation in ("sigmoid", "tanh"):
            remedy = f"{_SLOPES[activation]}; use ReLU with He, or BatchNorm before it"
        else:
            remedy = "initialization off, or too deep without BatchNorm; He for ReLU, or BatchNorm"
        yield alarm(
            row.name,
            kind,
            f"gradients {words} {ratio ** (1 / steps):.2g}x a layer from {top.name} down to {row.name}, "
            f"{ratio:.2g}x in all: {remedy}",
        )


def _activation(report, name):
    """The activation that a kernel's outputs go through: its own, or that of the next layer which has one."""
    names = [row.name for row in report.layers]
    for row in report.layers[names.index(name) :]:
        if row.activation != "linear":
            return row.activation
    return "linear"


def _is_normalization(row):
    return row.kind.endswith(("Norm", "Normalization")) and row.kind != "LocalResponseNorm"


def _last_kernel(report):
    return next((row.name for row in reversed(report.layers) if row.signal_ratio is not None), None)


def _unnormalized_runs(rows, dead):
    """Lists of rows with kernels; a normalization by statistics, which sets the scale anew, ends a list, and so does a
    dead layer."""
    run, after_dead = [], False
    for row in rows:
        if _is_normalization(row):
            if run:
                run.pop()  # its signal is normalized: whatever it is does not matter
                yield run
            run = []
        elif row.name in dead:
            yield run if row.signal_ratio else run[:-1]
            run, after_dead = [], True
        elif row.signal_ratio and math.isfinite(row.signal_ratio):
            if not after_dead:
                run.append(row)
            after_dead = False
    yield run


def _steepest(run, sign):
    """(first, last, logarithm of the change) of the consecutive rows that change the signal most in one direction."""
    best, begin, total = (0, 0, 0.0), 0, 0.0
    for i, row in enumerate(run):
        if total <= 0:
            begin, total = i, 0.0
        total += sign * math.log(row.signal_ratio)
        if total > best[2]:
            best = (begin, i, total)
    return best
