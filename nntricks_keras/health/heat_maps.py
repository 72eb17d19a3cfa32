"""health.png: what happens inside a network as the training goes on, layers by time, one panel a quantity."""

import math

import numpy as np

from nntricks_keras.health.panels import NON_FINITE, NOTHING, PANELS, lines_of, set_log_ticks, shorten
from nntricks_keras.health.plots import draw_histograms

MOST_COLUMNS = 240  # measurements that a heat map shows; of more, evenly chosen ones
ACROSS = 3  # panels
# All sizes in inches. They are set here because matplotlib takes a second to find a layout by itself.
WIDTH, TITLE, HEADLINE, TIMES, LINE_HEIGHT, BAR, BAR_LABELS, GAP = 15.0, 0.45, 0.3, 0.42, 0.17, 0.11, 0.42, 0.2
HISTOGRAMS, LEGEND = 2.6, 1.5


def draw_health(rows, title, report=None):
    """Heat maps of layers by time, with the newest histograms below.

    Args:
        rows: rows of health.csv (records.read_records), at least one measurement.
        title: the headline.
        report: the newest HealthReport, for its histograms; or None.

    Returns:
        A matplotlib Figure.
    """
    from matplotlib.figure import Figure  # no window, no global state; half a second, so only when a picture is due

    lines = {panel: lines_of(rows, panel) for panel in PANELS}
    panels = [panel for panel in PANELS if lines[panel]]
    map_height = max(1.5, LINE_HEIGHT * max(len(lines[panel]) for panel in panels))
    band = HEADLINE + map_height + TIMES
    num_bands = math.ceil(len(panels) / ACROSS)
    has_histograms = report is not None and report.histograms is not None
    height = TITLE + num_bands * band + has_histograms * (HEADLINE + HISTOGRAMS + TIMES)
    figure = Figure(figsize=(WIDTH, height))
    figure.text(0.1 / WIDTH, 1 - 0.1 / height, title, va="top", fontsize=12, fontweight="bold")

    def axes_at(left, top, width, tall):
        return figure.add_axes([left / WIDTH, 1 - (top + tall) / height, width / WIDTH, tall / height])

    names = max(len(shorten(name)) for panel in panels for name in lines[panel])
    labels = 0.12 + 0.062 * names  # of a line, at 7 points
    across = (WIDTH - 0.1) / ACROSS
    map_width = across - labels - BAR - BAR_LABELS - GAP
    for index, panel in enumerate(panels):
        left = 0.1 + index % ACROSS * across + labels
        top = TITLE + index // ACROSS * band + HEADLINE
        axes = axes_at(left, top, map_width, map_height)
        image = _draw_map(axes, panel, lines[panel], rows)
        _draw_scale(figure, axes_at(left + map_width + 0.06, top, BAR, min(map_height, 1.6)), image, panel)
    if has_histograms:
        half = (WIDTH - LEGEND - 0.2) / 2
        top = TITLE + num_bands * band + HEADLINE
        draw_histograms(*(axes_at(0.1 + 0.5 + part * half, top, half - 0.6, HISTOGRAMS) for part in (0, 1)), report)
    return figure


def _draw_map(axes, panel, names, rows):
    """The layers down, the times across."""
    import matplotlib

    times = list(dict.fromkeys((row["epoch"], row["step"]) for row in rows))
    if len(times) > MOST_COLUMNS:
        times = [times[round(place)] for place in np.linspace(0, len(times) - 1, MOST_COLUMNS)]
    line_of = {name: index for index, name in enumerate(names)}
    column_of = {time: index for index, time in enumerate(times)}
    values = np.ma.masked_all((len(names), len(times)))  # masked: not measured
    for row in rows:
        line, column = line_of.get(row["name"]), column_of.get((row["epoch"], row["step"]))
        if line is not None and column is not None and row[panel.column] is not None:
            # A share of outputs that are no numbers is no share.
            counted = row["std"] is not None and math.isfinite(row["std"])
            values[line, column] = row[panel.column] if panel.log or counted else math.nan
    norm = panel.norm(values.compressed())
    lost = np.ma.filled(~np.isfinite(values), False)
    remarks = [("■ NaN or infinite", NON_FINITE)] if lost.any() else []
    if panel.log:
        remarks += [("■ zero", "black")] if np.ma.filled(values <= 0, False).any() else []
        values = np.ma.where(values <= 0, norm.vmin / 10, values)  # zero is off a logarithmic scale: below it
    colors = matplotlib.colormaps[panel.colors].with_extremes(bad=NOTHING, under="black" if panel.log else None)
    image = axes.pcolormesh(np.ma.masked_where(lost, values), norm=norm, cmap=colors)
    if lost.any():
        only = matplotlib.colors.ListedColormap([NON_FINITE])
        axes.pcolormesh(np.ma.masked_where(~lost, np.ones(lost.shape)), cmap=only)
    for place, (remark, color) in enumerate(remarks):
        axes.text(1 - 0.3 * place, 1.015, remark, transform=axes.transAxes, ha="right", fontsize=7, color=color)
    axes.invert_yaxis()  # the first layer above
    axes.set_yticks(np.arange(len(names)) + 0.5, [shorten(name) for name in names], fontsize=7)
    axes.tick_params(axis="both", length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(panel.title, loc="left", fontsize=9)
    _label_times(axes, times)
    return image


def _draw_scale(figure, axes, image, panel):
    """The colour bar."""
    bar = figure.colorbar(image, cax=axes)
    if panel.log:
        set_log_ticks(bar.ax.yaxis, image.norm.vmin, image.norm.vmax)
    else:
        bar.set_ticks([0, 0.05, 0.25, 0.5, 1], labels=["0", "0.05", "0.25", "0.5", "1"])
    bar.ax.tick_params(labelsize=6.5, length=2, pad=1.5)
    bar.outline.set_visible(False)


def _label_times(axes, times):
    """At most eight labels below the columns: epochs, or steps where several columns share an epoch."""
    by_epoch = len({epoch for epoch, _ in times}) == len(times)
    chosen = sorted({round(place) for place in np.linspace(0, len(times) - 1, min(8, len(times)))})
    labels = [f"{times[index][0 if by_epoch else 1]:,}" for index in chosen]
    axes.set_xticks([index + 0.5 for index in chosen], labels, fontsize=7)
    axes.set_xlabel("epochs trained" if by_epoch else "steps trained", fontsize=7.5, labelpad=2)
