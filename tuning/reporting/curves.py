"""The learning curves of all trials in one picture: the best one stands out, pruned ones end in a cross."""

import math

import numpy as np

from tuning.reporting.drawing import Box, ScoreAxis, bottom_axis, left_axis, mark, picture, text
from tuning.reporting.markup import element, join
from tuning.reporting.scales import linear_ticks, score_range

WIDTH, HEIGHT = 960, 400
BOX = Box(58, 14, WIDTH - 16, HEIGHT - 46)


def curves_of(record, objective):
    """[(epoch from 1, value)] of the objective, without what is not a number."""
    if any(objective not in row for execution in record.executions for row in execution.history):
        return []
    return [(epoch, value) for epoch, value in enumerate(record.curve(objective), 1) if math.isfinite(value)]


def draw_curves(settings, records, parameters, best_id):
    """The picture, or None before the first epoch."""
    curves = {record.trial_id: curves_of(record, settings.objective) for record in records}
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return None
    last_epoch = max(epoch for epoch, _ in points)
    axis = ScoreAxis(*_range(curves.values(), settings.direction), is_cut=False)

    def place(epoch, value):
        return BOX.x((epoch - 1) / (last_epoch - 1) if last_epoch > 1 else 0.5), BOX.y(axis.position(value))

    drawn = [
        _curve(record, parameters, [place(*point) for point in curves[record.trial_id]], best_id)
        for record in sorted(records, key=lambda record: record.trial_id == best_id)
        if curves[record.trial_id]
    ]
    marks = [epoch for epoch in linear_ticks(1, last_epoch, 10) if epoch == int(epoch)] if last_epoch > 1 else [1]
    marks = [1, *[epoch for epoch in marks if epoch > 1]]
    ticks = [((epoch - 1) / (last_epoch - 1) if last_epoch > 1 else 0.5, f"{epoch:.0f}") for epoch in marks]
    frame = element(
        "rect", x=BOX.left - 6, y=BOX.top - 6, width=BOX.right - BOX.left + 12, height=BOX.bottom - BOX.top + 6
    )
    frame = element("clipPath", frame, id="frame")
    return picture(
        WIDTH,
        HEIGHT,
        f"{settings.objective} by epoch, a line a trial",
        *left_axis(BOX, axis.ticks(8)),
        *bottom_axis(BOX, ticks),
        text(BOX.x(0.5), HEIGHT - 8, "epoch"),
        frame,
        element("g", *drawn, clip_path="url(#frame)"),
    )


def _range(curves, direction):
    """Scores to draw: where the curves end and what they reached, and all epochs but the worst tenth.

    Most begin far outside, and would flatten what matters.
    """
    best, tenth = (max, 0.1) if direction == "max" else (min, 0.9)
    scores = [[score for _, score in curve] for curve in curves if curve]
    reached = [score for curve in scores for score in (curve[-1], best(curve))]
    return score_range([*reached, np.quantile([score for curve in scores for score in curve], tenth)], direction)


def _curve(record, parameters, points, best_id):
    """A line, with a round end where the training ended and a cross where it was cut short."""
    path = "M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    x, y = points[-1]
    best = "best" if record.trial_id == best_id else ""
    if record.status in ("pruned", "failed"):
        path += f" M{x - 4:.1f} {y - 4:.1f} l8 8 m-8 0 l8 -8"
        end = None
    else:
        end = element(
            "circle", class_=f"end trial {record.status} {best}", data_trial=record.trial_id, cx=x, cy=y, r=2.5
        )
    return join(mark("path", record, parameters, best, d=path), end)
