"""Files written whole or not at all (aside, synced, then renamed over the old one), and how they are read."""

import contextlib
import csv
import json
import os
from pathlib import Path

from nntricks_keras.errors import InputError


def write_atomically(path, write):
    """Calls `write(file)` on a binary file beside `path`, which then takes its place in one step.

    A crash or a full disk on the way leaves the old file as it was.
    """
    path = Path(path)
    aside = partial_of(path)
    try:
        with open(aside, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        _take_place(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise OSError(
            error.errno, f"could not write {path} (what was there before is untouched): {error.strerror}"
        ) from error


def partial_of(path):
    """Where `write_atomically` writes what is to be at `path`; a kill on the way leaves it there."""
    path = Path(path)
    return path.with_name(f".{path.name}.partial")


def save_atomically(path, save):
    """Like `write_atomically` for savers that want a file name: calls `save(name)`, whose ending is that of `path`."""
    path = Path(path)
    aside = path.with_name(f".partial-{path.name}")
    try:
        save(aside)
        with open(aside, "rb") as file:
            os.fsync(file.fileno())
        _take_place(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _take_place(aside, path):
    os.replace(aside, path)
    with contextlib.suppress(OSError, AttributeError):  # a folder cannot be opened for syncing on Windows
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_json(path, value):
    """Writes JSON values, indented and with a final newline, atomically."""
    text = json.dumps(value, indent=2) + "\n"
    write_atomically(path, lambda file: file.write(text.encode()))


def read_json(path):
    """The JSON values in a file; InputError when it is missing or is not JSON."""
    path = Path(path)
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"no such file: {path}") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not JSON: {error}") from None


def read_rows(path):
    """The rows of a CSV file, in order, as dictionaries of strings; none where there is no file."""
    path = Path(path)
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
