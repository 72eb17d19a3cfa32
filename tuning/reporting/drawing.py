"""The parts that the pictures of a report share: a frame with axes, and marks that tell which trial they are."""

import dataclasses

from tuning.reporting.markup import element
from tuning.reporting.scales import linear_ticks, show, show_score


@dataclasses.dataclass(frozen=True)
class Box:
    """The rectangle that a picture draws in, in pixels of its viewBox."""

    left: float
    top: float
    right: float
    bottom: float

    def x(self, position):
        """The pixel of a position from 0 (left) to 1."""
        return self.left + position * (self.right - self.left)

    def y(self, position):
        """The pixel of a position from 0 (bottom) to 1."""
        return self.bottom - position * (self.bottom - self.top)


@dataclasses.dataclass(frozen=True)
class ScoreAxis:
    """Scores on a vertical axis."""

    low: float
    high: float
    is_reversed: bool = False
    is_cut: bool = True
    """scores beyond the range are drawn at its edge"""

    def position(self, score):
        position = (score - self.low) / (self.high - self.low)
        if self.is_cut:
            position = min(max(position, 0.0), 1.0)
        return 1 - position if self.is_reversed else position

    def ticks(self, count=5):
        return [(self.position(tick), show(float(tick))) for tick in linear_ticks(self.low, self.high, count)]


def picture(width, height, label, *children, class_="picture"):
    """An <svg> of width x height that grows and shrinks with the page; `label` is read out."""
    return element(
        "svg",
        *children,
        class_=class_,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=label,
        style=f"--width:{width}px",
    )


def text(x, y, content, anchor="middle", class_=None):
    return element("text", content, x=float(x), y=float(y), text_anchor=anchor, class_=class_)


def line(x1, y1, x2, y2, class_):
    return element("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def left_axis(box, ticks):
    """Grid lines and numbers at (position, text) ticks, left of the box."""
    for position, label in ticks:
        y = box.y(position)
        yield line(box.left, y, box.right, y, "grid")
        yield text(box.left - 8, y + 4, label, "end")


def bottom_axis(box, ticks):
    """Numbers at (position, text) ticks below the box; one that would touch the one before is left out."""
    free_from = float("-inf")
    for position, label in ticks:
        x, half = box.x(position), 3.6 * len(label)
        yield line(x, box.bottom, x, box.bottom + 4, "tick")
        if x - half >= free_from:
            free_from = x + half + 6
            yield text(x, box.bottom + 18, label)


def shorten(label, most):
    """A text of at most `most` characters."""
    return label if len(label) <= most else label[: most - 1] + "…"


def tip(record, parameters):
    """What a person wants to know of a trial in one line."""
    parts = [f"trial {record.trial_id}", record.status]
    if record.score is not None:
        parts.append(show_score(record.score))
    parts += [f"{p.name} {show(p.value(record))}" for p in parameters if p.value(record) is not None]
    return " · ".join(parts)


def mark(name, record, parameters, class_, **attributes):
    """An element that stands for a trial: pointing at it lights the trial up in every picture."""
    title = element("title", tip(record, parameters))
    return element(
        name, title, class_=f"trial {record.status} {class_}".rstrip(), data_trial=record.trial_id, **attributes
    )
