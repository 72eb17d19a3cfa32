"""Where values lie on an axis, and the numbers written beside it."""

import math

import numpy as np


def show(value):
    """A value as a person reads it: 4 significant digits; true, false; a text as it is; a dash for none."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def show_score(score):
    """A score: 4 decimals, of a large one 4 significant digits."""
    if score is None:
        return "–"
    return f"{score:.4f}" if abs(score) < 10 else f"{score:.4g}"


def show_seconds(seconds):
    """12 s, 3 min 20 s, 2 h 05 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    return f"{seconds // 3600:,} h {seconds % 3600 // 60:02d} min"


def linear_ticks(low, high, count=5):
    """About `count` round numbers from low to high."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next((factor * power for factor in (1, 2, 2.5, 5) if factor * power >= raw * 0.999), 10 * power)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) + 0.0 for index in range(first, last + 1)]


def log_ticks(low, high, count=5):
    """Powers of ten from low to high, with their doubles and fives where there is room; linear ones below a decade."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        ticks = [factor * 10.0**power for power in decades for factor in factors]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(ticks) <= count:
            break
    every = -(-len(ticks) // count) if ticks else 1
    return ticks[::every] if len(ticks) >= 2 else linear_ticks(low, high, count)


def ranks(values):
    """Each value's place among them, from 0; equal ones share the middle of their places."""
    values = np.asarray(values, float)
    below = (values[None, :] < values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    return below + (equal - 1) / 2


def score_range(scores, direction):
    """(low, high) to draw scores on. The few far worse than nine in ten are cut: they would flatten the others."""
    scores = np.asarray(scores, float)
    best, worst = (scores.max(), scores.min()) if direction == "max" else (scores.min(), scores.max())
    tenth = np.quantile(scores, 0.1 if direction == "max" else 0.9)
    if abs(worst - best) > 3 * abs(tenth - best) > 0:
        worst = tenth
    low, high = sorted((float(best), float(worst)))
    margin = 0.04 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin
