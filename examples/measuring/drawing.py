"""What the pictures share: colours that everyone can tell apart, and names written beside the lines."""

import numpy as np

from examples.measuring.claims import mean_interval

# Okabe and Ito's, without the yellow, which is too light for lines.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK = "#CC79A7", "#56B4E9", "#000000"
GREY = "#767676"


def draw_band(axes, x, values, color, **line):
    """The mean of `values` (seeds, points) as a line, its 95 % interval as a band."""
    values = np.asarray(values, "float64")
    axes.plot(x, values.mean(axis=0), color=color, **line)
    if len(values) > 1:
        axes.fill_between(x, *mean_interval(values), color=color, alpha=0.2, linewidth=0)


def draw_accuracy(axes, curves, color):
    """Test accuracy of the curves of one setting over the steps."""
    draw_band(axes, curves[0].steps, [curve.accuracy for curve in curves], color, linewidth=1.8)


def write(axes, x, y, text, color, **style):
    """A direct label, at data coordinates."""
    style = {"ha": "left", "va": "center", "fontsize": 9.5, "fontweight": "bold", **style}
    axes.text(x, y, text, color=color, **style)


def plain(axes, title, xlabel, ylabel):
    """Titles, and no frame above and to the right."""
    axes.set_title(title, fontsize=10.5, loc="left")
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    axes.spines[["top", "right"]].set_visible(False)
