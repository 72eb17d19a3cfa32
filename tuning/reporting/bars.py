"""The importance of hyperparameters as rows of a table, each with a bar: a dot and its interval on one common scale."""

from tuning.reporting.drawing import line, picture
from tuning.reporting.importance import MATTERS
from tuning.reporting.markup import element, join

WIDTH, HEIGHT = 260, 26


def importance_rows(rows):
    """The cells and attributes of a table's row for each Importance."""
    told = [row.estimate for row in rows if row.estimate is not None]
    low = min([0.0, *(estimate.low for estimate in told)])
    high = max([0.1, *(estimate.high for estimate in told)])
    return [_row(row, low, high) for row in rows]


def _row(row, low, high):
    estimate = row.estimate
    numbers = _tell(estimate) if estimate else "–"
    cells = [row.name, _bar(estimate, low, high) if estimate else "", numbers, row.num_trials, row.verdict]
    return cells, {"class_": "matters" if row.verdict == MATTERS else "noise"}


def _tell(estimate):
    value, low, high = (f"{round(share, 2) + 0.0:.2f}" for share in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"


def _bar(estimate, low, high):
    def x(share):
        return 6 + (WIDTH - 12) * (share - low) / (high - low)

    middle = HEIGHT / 2
    return picture(
        WIDTH,
        HEIGHT,
        _tell(estimate),
        join(
            line(x(0), 0, x(0), HEIGHT, "axis"),
            line(x(estimate.low), middle, x(estimate.high), middle, "interval"),
            element("circle", cx=x(estimate.value), cy=middle, r=5, class_="estimate"),
        ),
        class_="bar",
    )
