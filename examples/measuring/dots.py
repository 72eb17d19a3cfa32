"""Means side by side, as dots with their intervals."""

import numpy as np

from examples.measuring.claims import mean_interval
from examples.measuring.drawing import plain


def draw_dots(axes, groups, colors, title):
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
    plain(axes, title, "", "")
