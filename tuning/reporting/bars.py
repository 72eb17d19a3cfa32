"""The importance of hyperparameters as rows of a table, each with a bar: a dot and its interval on one common scale."""

from tuning.reporting.drawing import line, picture
from tuning.reporting.importance import MATTERS
from tuning.reporting.markup import element, join

WIDTH, HEIGHT = 260, 26


def importance_rows(rows):
    """A <tr> for each Importance."""
    told = [row.estimate for row in rows if row.estimate is not None]
    low = min([0.0, *(estimate.low for estimate in told)])
    high = max([0.1, *(estimate.high for estimate in told)])
    return [_row(row, low, high) for row in rows]


def _row(row, low, high):
    estimate = row.estimate
    numbers = f"{estimate.value:.2f} ({estimate.low:.2f} to {estimate.high:.2f})" if estimate else "–"
    return element(
        "tr",
        element("td", row.name),
        element("td", _bar(estimate, low, high) if estimate else None),
        element("td", numbers, class_="number"),
        element("td", row.num_trials, class_="number"),
        element("td", row.verdict, class_="verdict"),
        class_="matters" if row.verdict == MATTERS else "noise",
    )


def _bar(estimate, low, high):
    def x(share):
        return 6 + (WIDTH - 12) * (share - low) / (high - low)

    middle = HEIGHT / 2
    return picture(
        WIDTH,
        HEIGHT,
        f"{estimate.value:.2f}, from {estimate.low:.2f} to {estimate.high:.2f}",
        join(
            line(x(0), 0, x(0), HEIGHT, "axis"),
            line(x(estimate.low), middle, x(estimate.high), middle, "interval"),
            element("circle", cx=x(estimate.value), cy=middle, r=5, class_="estimate"),
        ),
        class_="bar",
    )
