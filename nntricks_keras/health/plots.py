"""One report, drawn: a line a layer, a panel a quantity; and the histograms of outputs and gradients."""

import dataclasses
import math

import numpy as np

from nntricks_keras.files import save_atomically
from nntricks_keras.health.panels import DOT, LINE, NON_FINITE, NOTHING, PANELS, has_kernel, set_log_ticks, shorten

SMOOTHING = (1, 2, 3, 2, 1)  # weights of neighbouring bins of a histogram
NO_REACH = 1e-29  # of a histogram, either side of 0: all its values are 0


def draw_report(report, path=None):
    """Draws one HealthReport; the layers with a finding have their names in colour, histograms go below.

    Args:
        report: HealthReport.
        path: where to save it as a PNG, or None.

    Returns:
        The matplotlib Figure.
    """
    from matplotlib.figure import Figure  # no window, no global state; half a second, so only when a picture is due

    rows = [dataclasses.asdict(row) for row in report.layers]
    panels = [panel for panel in PANELS if any(row[panel.column] is not None for row in rows)]
    heights = [0.9 + max(1.2, 0.17 * len(rows))] + [3.1] * bool(report.histograms)
    figure = Figure(figsize=(15, 0.4 + sum(heights)), layout="constrained")
    figure.suptitle(report.headline, x=0.01, ha="left", fontweight="bold")
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    all_axes = grid[0].subgridspec(1, max(len(panels), 1)).subplots(sharey=True, squeeze=False)[0]
    for panel, axes in zip(panels, all_axes, strict=False):
        _draw_dots(axes, panel, [row[panel.column] for row in rows])
    first = all_axes[0]
    first.set_yticks(range(len(rows)), [shorten(row["name"]) for row in rows], fontsize=7)
    first.set_ylim(len(rows) - 0.4, -0.6)
    for label, row in zip(first.get_yticklabels(), rows, strict=True):
        if row["verdict"] != "ok":
            label.set(color=NON_FINITE, fontweight="bold")
    if report.histograms:
        draw_histograms(*grid[1].subgridspec(1, 2).subplots(), report)
    if path is not None:
        save(figure, path)
    return figure


def draw_histograms(left, right, report):
    """Outputs and back-propagated gradients, one curve a layer, from the first (dark) to the last (bright).

    Drawn as in Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (AISTATS
    2010), figures 6 and 7: of the activations where they saturate, otherwise of what goes into them.

    Args:
        left, right: matplotlib axes, for the outputs and for the gradients.
        report: HealthReport with histograms.
    """
    import matplotlib

    drawn = _curves(report)
    colors = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, max(len(drawn), 2)))
    for axes, kind, title in [(left, "output", "outputs"), (right, "gradient", "gradients by the outputs")]:
        reaches = []
        for (name, found), color in zip(drawn.items(), colors, strict=False):
            if kind in found and found[kind]["edges"][-1] > NO_REACH:
                edges, density = np.array(found[kind]["edges"]), np.array(found[kind]["density"])
                reaches.append(edges[-1])
                smooth = np.convolve(density, SMOOTHING, "same") / sum(SMOOTHING)
                smooth[smooth == 0] = np.nan  # off a logarithmic scale
                axes.plot((edges[1:] + edges[:-1]) / 2, smooth, color=color, lw=1.2, label=shorten(name))
        if reaches:
            reach = 1.5 * float(np.median(reaches))  # by the widest layer, all others would be one spike
            axes.set(xlim=(-reach, reach), yscale="log")
        else:
            axes.text(0.5, 0.5, "all zero, or not finite", ha="center", color=NON_FINITE, transform=axes.transAxes)
        axes.set_title(f"{title}: density by layer", loc="left", fontsize=9)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = left.get_legend_handles_labels()
    outside = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.03), "borderaxespad": 0}
    right.legend(handles, labels, frameon=False, fontsize=6.5, labelspacing=0.25, handlelength=1.4, **outside)


def save(figure, path):
    """Writes a figure to a PNG, whole or not at all."""
    save_atomically(path, lambda name: figure.savefig(name, dpi=110))


def _curves(report):
    """The histograms worth a curve: {name: {kind: histogram}}."""
    rows = [dataclasses.asdict(row) for row in report.layers]
    saturating = {row["name"] for row in rows if row["saturated"] is not None}
    chosen = saturating or {row["name"] for row in rows if has_kernel(row)}
    return {name: found for name, found in report.histograms.items() if name in chosen or not chosen}


def _draw_dots(axes, panel, values):
    """One quantity of one report: a dot a layer, with a line to it from the left."""
    found = [(line, value) for line, value in enumerate(values) if value is not None and math.isfinite(value)]
    left = 0.0
    if panel.log:
        positive = [value for _, value in found if value > 0]
        left, right = min(positive, default=1.0) / 3, max(positive, default=1.0) * 3
        axes.set(xscale="log", xlim=(left, right))
        set_log_ticks(axes.xaxis, left, right)
    else:
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([0, 0.5, 1])
    lines = [line for line, _ in found]
    shown = [max(value, left) for _, value in found]  # a zero lies on the left edge of a logarithmic scale
    if lines:
        axes.hlines(lines, left, shown, color=LINE, lw=1)
        axes.plot(shown, lines, "o", ms=4, color=DOT, clip_on=False)
    for line, value in enumerate(values):
        if value is not None and not math.isfinite(value):
            place = {"transform": axes.get_yaxis_transform(), "ha": "center", "va": "center"}
            axes.text(0.5, line, "NaN or infinite", fontsize=7, color=NON_FINITE, **place)
    if panel.usual:
        axes.axvline(panel.usual, color=LINE, lw=1, ls=(0, (4, 3)), zorder=0)
    axes.set_title(panel.title.replace(": ", ":\n", 1), loc="left", fontsize=9)
    axes.grid(axis="y", color=NOTHING, lw=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(axis="both", length=0, labelsize=7)
    axes.spines[["top", "right", "left"]].set_visible(False)
