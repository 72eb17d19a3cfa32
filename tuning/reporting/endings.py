"""The trials that did not complete: what was pruned, and what failed with its traceback."""

from tuning.reporting.blocks import cell, section, table
from tuning.reporting.markup import element
from tuning.reporting.scales import show, show_score, show_seconds
from tuning.reporting.tables import num_epochs
from tuning.studies import FAILED, PRUNED


def pruned(found):
    records = [record for record in found.records if record.status == PRUNED]
    if not records:
        return None
    rows = [
        element(
            "tr",
            element("td", r.trial_id),
            cell(num_epochs(r), num_epochs(r)),
            cell(show_score(r.score), r.score),
            cell(show_seconds(r.seconds), r.seconds),
            element("td", r.reason or "no reason was kept"),
            class_="trial",
            data_trial=r.trial_id,
        )
        for r in records
    ]
    return section(
        f"Pruned: {len(records)}",
        "Stopped early, as they fell behind the others.",
        table(["trial", "epochs", found.settings.objective, "time", "reason"], rows, "sortable"),
    )


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
            f"trial {record.trial_id}, epoch {num_epochs(record) + 1}: {record.reason or 'no reason was kept'}",
        ),
        element("p", drawn),
        element("pre", record.error)
        if record.error
        else element("p", "No traceback: it ended by itself.", class_="muted"),
    )
