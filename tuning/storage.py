"""The disk cap of a study: only the best trials keep what is large, model.keras and checkpoints/."""

import contextlib
import shutil

from tuning.studies import COMPLETED, RUNNING

LARGE = ("model.keras", "checkpoints")


def keep_best(study, records, count, max_bytes=None, needed=()):
    """Deletes the large files of the finished trials that are not among the best.

    Any number of processes may call it at any time: a trial that is not among the best of the trials finished so far
    never will be again, and what another process has deleted already is no error.

    Args:
        study: Study.
        records: its TrialRecords, read once: what is written meanwhile is in neither the ranks nor `needed`, and stays.
        count: so many of the best completed trials keep their files.
        max_bytes: the best ones keep theirs as long as they take no more than this in all; None: no limit.
        needed: ids of trials that keep theirs in any case.
    """
    kept, total = set(needed), 0
    for record in study.rank(records)[:count]:
        total += sum(_size(path) for path in _large(study, record))
        if max_bytes is not None and total > max_bytes:
            break
        kept.add(record.trial_id)
    for record in records:
        if record.trial_id in kept or record.status == RUNNING:
            continue
        for path in _large(study, record):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def short_of(records, num_epochs):
    """Ids of the completed trials that were given fewer epochs and that Hyperband may still go on from."""
    gone_on_from = {record.tuner.get("trial_id") for record in records if record.status != RUNNING}
    return [
        record.trial_id
        for record in records
        if record.status == COMPLETED
        and record.trial_id not in gone_on_from
        and any(len(execution.history) < num_epochs for execution in record.executions)
    ]


def _large(study, record):
    folder = study.folder / "runs" / record.trial_id
    return [path for name in LARGE for path in folder.glob(f"*/{name}")]


def _size(path):
    with contextlib.suppress(FileNotFoundError):  # another process is deleting it
        if path.is_dir():
            return sum(_size(file) for file in path.iterdir())
        return path.stat().st_size
    return 0
