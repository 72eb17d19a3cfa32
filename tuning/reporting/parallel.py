"""Parallel coordinates: an axis a hyperparameter, the score last, a line a trial."""

import itertools

from tuning.reporting.drawing import Box, ScoreAxis, line, mark, picture, shorten, text
from tuning.reporting.markup import element, join
from tuning.reporting.scales import ranks, score_range

AXIS_SPACING, LEFT, RIGHT, HEIGHT = 124, 62, 84, 420
TOP, BOTTOM, UNUSED = (
    52,
    HEIGHT - 56,
    HEIGHT - 22,
)  # pixels from above; UNUSED: where a trial passes that did not use it
NUM_SHADES = 5  # of the lines, pale for the worst


def draw_parallel(settings, records, parameters, best_id):
    """The picture of all trials with a score, or None where fewer than two have one or nothing varied."""
    scored = [record for record in records if record.score is not None and record.score == record.score]
    if len(scored) < 2 or not parameters:
        return None
    low, high = score_range([record.score for record in scored], settings.direction)
    score_axis = ScoreAxis(low, high, is_reversed=settings.direction == "min")  # the best is always above
    width = LEFT + AXIS_SPACING * len(parameters) + RIGHT
    box = Box(LEFT, TOP, LEFT + AXIS_SPACING * len(parameters), BOTTOM)
    has_unused = [any(parameter.value(record) is None for record in scored) for parameter in parameters]
    goodness = ranks([score_axis.position(record.score) for record in scored]) / (len(scored) - 1)
    shades = {
        record.trial_id: min(int(good * NUM_SHADES), NUM_SHADES - 1)
        for record, good in zip(scored, goodness, strict=True)
    }
    order = sorted(scored, key=lambda r: (r.trial_id == best_id, shades[r.trial_id]))
    axes = [
        _axis(index, LEFT + index * AXIS_SPACING, parameter.name, parameter.ticks(6), unused, box, parameter.kind)
        for index, (parameter, unused) in enumerate(zip(parameters, has_unused, strict=True))
    ]
    axes.append(_axis(len(parameters), box.right, settings.objective, score_axis.ticks(6), False, box, "score"))
    lines = [
        _line(
            record,
            parameters,
            score_axis,
            box,
            "best" if record.trial_id == best_id else f"shade{shades[record.trial_id]}",
        )
        for record in order
    ]
    return picture(
        width,
        HEIGHT,
        "parallel coordinates: an axis a hyperparameter, a line a trial",
        element("g", *lines),
        *axes,
        class_="picture parallel",
    )


def _line(record, parameters, score_axis, box, class_):
    heights = [
        UNUSED if value is None else box.y(parameter.position(value))
        for parameter, value in ((parameter, parameter.value(record)) for parameter in parameters)
    ]
    heights.append(box.y(score_axis.position(record.score)))
    places = [(LEFT + index * AXIS_SPACING, height) for index, height in enumerate(heights)]
    path = f"M{places[0][0]} {places[0][1]:.1f}"
    for (x0, y0), (x1, y1) in itertools.pairwise(places):
        bend = AXIS_SPACING * 0.35  # level where it crosses an axis: lines that share a category stay apart
        path += f" C{x0 + bend:.1f} {y0:.1f} {x1 - bend:.1f} {y1:.1f} {x1} {y1:.1f}"
    return mark(
        "path", record, parameters, class_, d=path, data_heights=" ".join(f"{height:.1f}" for height in heights)
    )


def _axis(index, x, name, ticks, has_unused, box, kind):
    """An axis with its name above, its marks to the right, and the area that takes the brush."""
    marks = [
        join(line(x - 3, box.y(position), x + 3, box.y(position), "tick"), _label(x + 7, box.y(position) + 4, label))
        for position, label in ticks
    ]
    unused = text(x, UNUSED + 4, "unused", class_="halo") if has_unused else None
    kinds = {"log": "log", "score": "score", "linear": "", "choice": ""}
    return element(
        "g",
        line(x, box.top, x, box.bottom, "axis"),
        *marks,
        unused,
        element("title", name),
        text(x, TOP - 30, shorten(name, 17), class_="name"),
        text(x, TOP - 15, kinds[kind], class_="muted"),
        element(
            "rect",
            class_="brush-area",
            data_axis=index,
            x=float(x - 16),
            y=float(TOP - 8),
            width=32,
            height=HEIGHT - TOP,
        ),
        class_="score axis-group" if kind == "score" else "axis-group",
    )


def _label(x, y, label):
    return element("text", shorten(label, 13), element("title", label), x=float(x), y=float(y), class_="halo")
