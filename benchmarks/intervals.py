"""How sure a median is. Loads NumPy alone: a process whose memory is measured imports it."""

import numpy as np


def median_interval(values):
    """The 95 % interval of a median, from order statistics."""
    ordered = np.sort(values)
    half = 0.98 * np.sqrt(len(ordered))
    low, high = int(np.floor(len(ordered) / 2 - half)), int(np.ceil(len(ordered) / 2 + half))
    return ordered[max(low, 0)], ordered[min(high, len(ordered) - 1)]


def summary(ratios, digits):
    """The columns that a table keeps of the ratios of some rounds: their median, its 95 % interval, how many."""
    low, high = median_interval(ratios)
    return {
        "ratio": f"{np.median(ratios):.{digits}f}",
        "low": f"{low:.{digits}f}",
        "high": f"{high:.{digits}f}",
        "rounds": len(ratios),
    }
