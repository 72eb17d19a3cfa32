"""What the pictures of a network's health show: the quantities, their colours, and which layers are worth a line."""

import dataclasses
import math

import numpy as np

NON_FINITE, NOTHING, LINE, DOT = "#e5007d", "#eceef1", "#c3cad2", "#2f5d8a"


@dataclasses.dataclass(frozen=True)
class Panel:
    """How one quantity is drawn."""

    column: str  # of health.csv
    title: str
    of: str  # "kernels", or "activations": the layers that are drawn
    colors: str = "viridis"
    log: bool = True
    low: float | None = None  # ends of the scale; by default those of the values
    high: float | None = None
    usual: float | None = None  # a value to compare with

    def norm(self, values):
        """The scale from an array of values to colours."""
        from matplotlib.colors import LogNorm, PowerNorm

        if not self.log:
            return PowerNorm(0.5, self.low, self.high)  # the square root: 5 % of dead units are to be seen
        if self.low is not None:
            return LogNorm(self.low, self.high)
        seen = values[np.isfinite(values) & (values > 0)]
        low, high = (seen.min(), seen.max()) if seen.size else (0.1, 1.0)
        widen = max(1.0, 10 / (high / low)) ** 0.5  # a decade at least, or noise would look like a trend
        return LogNorm(low / widen, high * widen)


PANELS = (
    Panel("std", "outputs: standard deviation", "activations"),
    Panel("dead", "dead units: share", "activations", "Reds", log=False, low=0.0, high=1.0),
    Panel("saturated", "saturated outputs: share", "activations", "Reds", log=False, low=0.0, high=1.0),
    Panel("gradient_std", "gradients: standard deviation", "activations"),
    Panel("weight_std", "weights: standard deviation", "kernels"),
    Panel("update_ratio", "update / weights: 0.001 is usual", "kernels", "RdYlBu_r", low=1e-6, high=1.0, usual=1e-3),
)


def lines_of(rows, panel):
    """Names of the layers a panel shows, in forward order; none where the quantity has no meaning.

    A convolution, its normalization and its activation are three layers, of one scale each: drawn together they would
    be stripes. So a panel shows layers with a kernel, or those with an activation and the last; if there are none, all.

    Args:
        rows: dictionaries with the columns of health.csv, of one or more times.
        panel: Panel.
    """
    names = list(dict.fromkeys(row["name"] for row in rows))
    with_value = {row["name"] for row in rows if row[panel.column] is not None}
    if panel.of == "kernels":
        chosen = {row["name"] for row in rows if has_kernel(row)}
    else:
        active = {row["name"] for row in rows if row["activation"] != "linear"}
        chosen = active | {names[-1]} if active else set()
    return [name for name in names if name in with_value and (name in chosen or not chosen & with_value)]


def has_kernel(row):
    """Whether a row is that of a dense layer or a convolution."""
    told = row["equal_units"] is not None or row["signal_ratio"] is not None
    return told or "Conv" in row["kind"] or "Dense" in row["kind"]


def set_log_ticks(axis, low, high):
    """At most about eight ticks from `low` to `high` on a logarithmic axis, with numbers as a person writes them."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    bottom, top = math.log10(low), math.log10(high)
    steps = (1,) if top - bottom > 3 else (1, 3) if top - bottom > 1.5 else (1, 2, 5)
    powers = range(math.floor(bottom), math.ceil(top) + 1, math.ceil((top - bottom) / 7))
    ticks = [step * 10.0**power for power in powers for step in steps]
    axis.set_major_locator(FixedLocator([tick for tick in ticks if low <= tick <= high]))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))


def shorten(name, longest=20):
    """The end of a long name, which tells more than its beginning."""
    return name if len(name) <= longest else "…" + name[1 - longest :]
