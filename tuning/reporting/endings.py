"""The trials that did not complete: what was pruned, and what failed with its traceback."""

import re

from tuning.reporting.blocks import outcome, section, table
from tuning.reporting.markup import element
from tuning.reporting.scales import show
from tuning.reporting.tables import num_epochs
from tuning.studies import FAILED, PRUNED

COLOURS = re.compile(r"\x1b\[[0-9;]*m")  # Keras writes bold into its errors


def pruned(found):
    records = [record for record in found.records if record.status == PRUNED]
    if not records:
        return None
    rows = [([*outcome(r), _told(r)], {"class_": "trial", "data_trial": r.trial_id}) for r in records]
    columns = [("trial", False), (found.settings.objective, True), ("epochs", True), ("time", True), ("reason", False)]
    return section(
        f"Pruned: {len(records)}",
        "Stopped early, as they fell behind the others; the score is what they had reached.",
        table(columns, rows, is_sortable=True),
    )


def _told(record):
    """Why a trial ended early, and what else happened."""
    return "; ".join([record.reason or "no reason was kept", *record.notes])


def failed(found):
    records = [record for record in found.records if record.status == FAILED]
    if not records:
        return None
    return section(f"Failed: {len(records)}", "They count for nothing above.", *map(_failure, records))


def _failure(record):
    drawn = ", ".join(f"{name} {show(value)}" for name, value in record.hyperparameters.items())
    return element(
        "details",
        element(
            "summary",
            f"trial {record.trial_id}, after {num_epochs(record)} epochs: {_told(record)}",
        ),
        element("p", drawn),
        element("pre", COLOURS.sub("", record.error))
        if record.error
        else element("p", "No traceback: it ended by itself.", class_="muted"),
    )
