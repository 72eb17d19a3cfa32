"""health.csv: a row a layer and time, appended as the training goes on, so that a kill loses nothing measured."""

import csv
import dataclasses
import io
import os
from pathlib import Path

from nntricks_keras.errors import InputError
from nntricks_keras.files import write_atomically
from nntricks_keras.health.report import LayerRow

TIME = ("epoch", "step")
COLUMNS = (*TIME, *(field.name for field in dataclasses.fields(LayerRow)))
TEXT = tuple(field.name for field in dataclasses.fields(LayerRow) if field.type in (str, "str"))


class HealthRecords:
    """The measurements of one training, in memory and in a CSV file.

    Args:
        path: the file, or None to keep them in memory only.
        last_step: the step the training goes on from. Rows of later steps are dropped: they will be measured again.
            0 begins a new file.

    Attributes:
        rows: dictionaries with COLUMNS as keys, in the order measured; a quantity without meaning for a layer is None.
    """

    def __init__(self, path=None, last_step=0):
        self.path = Path(path) if path else None
        self.rows = []
        if self.path is None:
            return
        if last_step and self.path.exists():
            self.rows = [row for row in read_records(self.path) if row["step"] <= last_step]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = _csv([dict(zip(COLUMNS, COLUMNS, strict=True)), *self.rows])
        write_atomically(self.path, lambda file: file.write(text.encode()))

    def add(self, report, epoch, step):
        """Appends a HealthReport; it is on the disk when this returns."""
        rows = [{"epoch": epoch, "step": step, **dataclasses.asdict(row)} for row in report.layers]
        self.rows += rows
        if self.path is not None:
            with open(self.path, "ab") as file:
                file.write(_csv(rows).encode())
                file.flush()
                os.fsync(file.fileno())

    @property
    def last_step(self):
        """Of the newest measurement; None when there is none."""
        return self.rows[-1]["step"] if self.rows else None


def read_records(path):
    """The rows of a health.csv; a measurement that a kill cut short is left out.

    Raises:
        InputError: no such file, or the columns are others.
    """
    try:
        text = Path(path).read_text()
    except FileNotFoundError:
        raise InputError(f"no such file: {path}") from None
    whole = text[: text.rfind("\n") + 1]  # what follows the last line break was cut short
    reader = csv.DictReader(io.StringIO(whole))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise InputError(f"{path} is not a health.csv of this version: its columns are {reader.fieldnames}")
    rows = [{name: _value(name, text) for name, text in row.items()} for row in reader]
    num_layers = len([row for row in rows if row["step"] == rows[0]["step"]])
    incomplete = rows and sum(row["step"] == rows[-1]["step"] for row in rows) < num_layers
    return [row for row in rows if row["step"] != rows[-1]["step"]] if incomplete else rows


def _value(name, text):
    if name in TEXT:
        return text
    if text == "":
        return None
    if text in ("True", "False"):
        return text == "True"
    return int(text) if name in TIME or name == "num_units" else float(text)


def _csv(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=COLUMNS, lineterminator="\n")
    writer.writerows({name: _text(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _text(value):
    return f"{value:.6g}" if isinstance(value, float) else value
