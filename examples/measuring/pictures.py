"""What the pictures share: colours that colour-blind eyes tell apart, means with their intervals."""

import numpy as np

from examples.measuring.claims import mean_interval

# Okabe and Ito (2008).
BLUE, ORANGE, GREEN, RED, PURPLE, BLACK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#000000"


def band(axes, x, curves, color, label, **style):
    """The mean of `curves` (seeds, points) over the seeds as a line, the 95 % interval of the mean as a band."""
    curves = np.asarray(curves, dtype="float64")
    low, high = mean_interval(curves)
    axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
    axes.plot(x, curves.mean(axis=0), color=color, label=label, **style)


def dots(axes, groups, colors):
    """A row a group: the seeds as small marks, their mean with its 95 % interval, the mean written beside, in percent.

    Args:
        groups: {label: shares, a value a seed}.
    """
    for row, (values, color) in enumerate(zip(groups.values(), colors, strict=True)):
        values = 100 * np.asarray(values)
        low, high = mean_interval(values)
        mean = values.mean()
        axes.plot(values, np.full(len(values), row + 0.22), "|", color=color, alpha=0.6, markersize=6)
        axes.errorbar(mean, row, xerr=[[mean - low], [high - mean]], fmt="o", color=color, capsize=4)
        axes.annotate(f"{mean:.1f}", (mean, row), (0, 6), textcoords="offset points", ha="center", fontsize=9)
    axes.set_yticks(range(len(groups)), groups)
    axes.set_ylim(len(groups) - 0.5, -0.6)
    axes.grid(axis="x", color="0.9")
    plain(axes)


def plain(axes):
    """Without the frame's upper and right side."""
    axes.spines[["top", "right"]].set_visible(False)
