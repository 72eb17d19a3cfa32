"""Parallel coordinates: an axis a hyperparameter, the score last, a line a trial."""

import dataclasses
import itertools
from collections.abc import Callable

from tuning.reporting.drawing import Box, ScoreAxis, line, mark, picture, shorten, text
from tuning.reporting.markup import element, join
from tuning.reporting.parameters import scored
from tuning.reporting.scales import ranks, score_range

LEFT, RIGHT, HEIGHT = 44, 62, 452
TOP, BOTTOM = 66, 400  # of the axes
UNUSED = 434  # the height at which a trial passes that did not use a hyperparameter
PAGE, NARROWEST, WIDEST = 1230, 92, 160  # the width of a page; the room between two axes
NUM_SHADES = 5  # of the lines, pale for the worst


@dataclasses.dataclass(frozen=True)
class Axis:
    """One vertical axis: its name, a word on its scale, its marks, and where a trial crosses it (0 to 1, or None)."""

    name: str
    scale: str
    ticks: list
    position: Callable


def draw_parallel(settings, records, parameters, best_id):
    """The picture of all trials with a score, or None where fewer than two have one or nothing varied."""
    trials = scored(records)
    if len(trials) < 2 or not parameters:
        return None
    low, high = score_range([record.score for record in trials], settings.direction)
    scores = ScoreAxis(low, high, is_reversed=settings.direction == "min")  # the best is always above
    axes = [_axis_of(parameter) for parameter in parameters]
    axes.append(Axis(settings.objective, "score", scores.ticks(6), lambda record: scores.position(record.score)))
    spacing = min(max((PAGE - LEFT - RIGHT) // len(parameters), NARROWEST), WIDEST)
    xs = [LEFT + spacing * index for index in range(len(axes))]
    shades = ranks([scores.position(record.score) for record in trials]) * NUM_SHADES // len(trials)
    shaded = sorted(zip(shades, trials, strict=True), key=lambda pair: (pair[1].trial_id == best_id, pair[0]))
    lines = [
        _line(record, axes, xs, parameters, "best" if record.trial_id == best_id else f"shade{shade:.0f}")
        for shade, record in shaded
    ]
    return picture(
        xs[-1] + RIGHT,
        HEIGHT,
        "parallel coordinates: an axis a hyperparameter, a line a trial",
        element("g", *lines),
        *(_draw(index, axis, x, trials) for index, (axis, x) in enumerate(zip(axes, xs, strict=True))),
        class_="picture parallel",
    )


def _axis_of(parameter):
    def position(record):
        value = parameter.value(record)
        return None if value is None else parameter.position(value)

    return Axis(parameter.name, "log" if parameter.kind == "log" else "", parameter.ticks(6), position)


def _height(position):
    return float(UNUSED if position is None else Box(0, TOP, 0, BOTTOM).y(position))


def _line(record, axes, xs, parameters, class_):
    """A smooth line; level where it crosses an axis, so that lines with a value in common stay apart."""
    heights = [_height(axis.position(record)) for axis in axes]
    path = f"M{xs[0]} {heights[0]:.1f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(zip(xs, heights, strict=True)):
        bend = 0.35 * (x1 - x0)
        path += f" C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1} {y1:.1f}"
    crossings = " ".join(f"{height:.1f}" for height in heights)
    return mark("path", record, parameters, class_, d=path, data_heights=crossings)


def _draw(index, axis, x, trials):
    """An axis with its name above, its marks to the right, and the area that takes the brush.

    Every other name stands higher: long ones do not run into one another.
    """
    marks = [
        join(line(x - 3, _height(position), x + 3, _height(position), "tick"), _label(x + 7, _height(position), label))
        for position, label in axis.ticks
    ]
    has_unused = any(axis.position(record) is None for record in trials)
    name_y = TOP - (48 if index % 2 else 30)
    return element(
        "g",
        element("title", axis.name),
        line(x, TOP, x, BOTTOM, "axis"),
        *marks,
        text(x, UNUSED + 4, "unused", class_="halo") if has_unused else None,
        text(x, name_y, shorten(axis.name, 22), class_="name"),
        text(x, TOP - 14, axis.scale) if axis.scale else None,
        element("rect", class_="brush-area", data_axis=index, x=x - 16, y=TOP - 8, width=32, height=HEIGHT - TOP),
        class_="score" if axis.scale == "score" else None,
    )


def _label(x, y, label):
    return element("text", shorten(label, 13), element("title", label), x=float(x), y=float(y + 4), class_="halo")
