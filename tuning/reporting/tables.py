"""The figures of a report as CSV files, for whatever else one wants to draw."""

import csv
import io

from nntricks_keras.files import write_atomically


def write_tables(folder, records, importances):
    """Writes trials.csv, curves.csv and importance.csv into a folder."""
    _write(folder / "trials.csv", _trials(records))
    _write(folder / "curves.csv", _curves(records))
    _write(folder / "importance.csv", _importance(importances))


def _trials(records):
    """A row a trial; its hyperparameters in columns hp.NAME, empty where one was not drawn."""
    names = list(dict.fromkeys(name for record in records for name in record.hyperparameters))
    head = ["trial", "status", "score", "epochs", "seconds", "started", "reason", "notes"]
    yield [*head, *(f"hp.{name}" for name in names)]
    for record in records:
        row = [record.trial_id, record.status, record.score, num_epochs(record), record.seconds, record.started]
        row += [record.reason, "; ".join(record.notes)]
        yield [*row, *(record.hyperparameters.get(name) for name in names)]


def _curves(records):
    """A row an epoch of each execution, with every metric."""
    rows = [
        (record.trial_id, index, execution.seed, epoch)
        for record in records
        for index, execution in enumerate(record.executions)
        for epoch in execution.history
    ]
    metrics = list(dict.fromkeys(metric for *_, epoch in rows for metric in epoch))
    yield ["trial", "execution", "seed", *metrics]
    for trial, index, seed, epoch in rows:
        yield [trial, index, seed, *(epoch.get(metric) for metric in metrics)]


def _importance(importances):
    """A row a hyperparameter; the last one is the R^2 of the forest on trials it has not seen."""
    yield ["hyperparameter", "share", "low", "high", "trials", "verdict"]
    for row in importances.rows:
        yield [row.name, *_numbers(row.estimate), row.num_trials, row.verdict]
    verdict = importances.problem or "the forest predicts"
    yield ["(R^2 of the forest)", *_numbers(importances.r_squared), importances.num_trials, verdict]


def num_epochs(record):
    """Epochs trained, all executions together."""
    return sum(len(execution.history) for execution in record.executions)


def _numbers(estimate):
    return ["", "", ""] if estimate is None else [estimate.value, estimate.low, estimate.high]


def _write(path, rows):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_atomically(path, lambda file: file.write(text.getvalue().encode(errors="backslashreplace")))
