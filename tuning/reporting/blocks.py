"""What the sections of a page are made of: a heading with a note, tables, and what scrolls rather than breaks."""

import math

from tuning.reporting.markup import Markup, element
from tuning.reporting.scales import show_score, show_seconds
from tuning.reporting.tables import num_epochs


def section(heading, note, *children):
    return element("section", element("h2", heading), element("p", note, class_="muted") if note else None, *children)


def scroll(drawn):
    """Wide content that scrolls by itself, with the keyboard too, so that the page does not."""
    return element("div", drawn, class_="scroll", tabindex="0")


def table(columns, rows, is_sortable=False):
    """A table that scrolls rather than breaks.

    Args:
        columns: (heading, whether it holds numbers) of each.
        rows: (cells, attributes of the row) of each; a cell is its content, or (content, the number to sort it by).
        is_sortable: a click on a heading sorts by that column.
    """
    heads = [
        element(
            "th",
            element("button", head, type="button") if is_sortable else head,
            scope="col",
            class_="number" if is_number else None,
        )
        for head, is_number in columns
    ]
    body = [
        element("tr", *map(_cell, cells, [is_number for _, is_number in columns]), **attributes)
        for cells, attributes in rows
    ]
    return scroll(
        element(
            "table",
            element("thead", element("tr", *heads)),
            element("tbody", *body),
            class_="sortable" if is_sortable else None,
        )
    )


def _cell(cell, is_number):
    content, value = cell if isinstance(cell, tuple) else (cell, None)
    content = content if isinstance(content, str) else str(content)
    sortable = isinstance(value, (int, float)) and math.isfinite(value)
    class_ = "number" if is_number else "long" if len(content) > 40 and not isinstance(content, Markup) else None
    return element("td", content, class_=class_, data_value=repr(value) if sortable else None)


def outcome(record):
    """A trial's id, score, epochs and time as cells of a table."""
    epochs = num_epochs(record)
    times = show_seconds(record.seconds), record.seconds
    return [record.trial_id, (show_score(record.score), record.score), (f"{epochs:,}", epochs), times]
