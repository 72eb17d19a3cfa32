"""Runs one example: its measurement for every seed, its picture, its rows in results.csv."""

import argparse
import contextlib
import csv
import dataclasses
import inspect
import io
import os
import time
from pathlib import Path

from matplotlib.figure import Figure

from examples.measuring.claims import Claim, verdict
from nntricks_keras.files import read_rows, write_atomically
from nntricks_keras.hardware import processor_name, usable_cores
from nntricks_keras.locks import BusyError, held

# How many threads an operation, all operations and NumPy may have; where examples run side by side, one each.
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
EXAMPLES = Path(__file__).resolve().parents[1]


@dataclasses.dataclass(frozen=True)
class Result:
    """What `measure` of an example returns.

    Args:
        checks: tuple of Check, the headline first.
        data: whatever `draw` needs.
    """

    checks: tuple
    data: object


def run(example, size="default", num_seeds=5, folder=EXAMPLES):
    """Measures an example, draws its picture and puts its rows into results.csv.

    Args:
        example: the module: a docstring as Claim reads it, NUMBER, SIZES (settings by name),
            measure(settings, seeds) -> Result, draw(figure, data).
        size: a key of its SIZES: "tiny" (for tests), "default" (a few minutes) or "full".
        num_seeds: seeds 0, 1, ...
        folder: gets pictures/NAME.png and results.csv.

    Returns:
        The rows, one a check, the headline first.
    """
    began = time.perf_counter()
    result = example.measure(example.SIZES[size], tuple(range(num_seeds)))
    seconds = time.perf_counter() - began
    name = name_of(example)
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    example.draw(figure, result.data)
    figure.suptitle(Claim.of(example).title, x=0.01, ha="left", fontweight="bold")
    picture = Path(folder) / "pictures" / f"{name}.png"
    picture.parent.mkdir(exist_ok=True)
    figure.savefig(picture, dpi=110)
    rows = [_row(example, check, verdict(result.checks), size, seconds) for check in result.checks]
    _replace_rows(Path(folder) / "results.csv", name, rows)
    return rows


def main(example):
    """The command line of every example: `python -m examples.NAME [--full] [--seeds N]`."""
    parser = argparse.ArgumentParser(description=example.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="the long version: larger, longer, and 10 seeds")
    parser.add_argument("--seeds", type=int, help="how many seeds (5, or 10 with --full)")
    options = parser.parse_args()
    size = "full" if options.full else "default"
    rows = run(example, size, options.seeds or (10 if options.full else 5))
    print(f"{rows[0]['verdict']}: {Claim.of(example).title} ({rows[0]['seconds']} s)")
    for row in rows:
        print(f"  {row['outcome']:<10} {row['check']}: {spread(row)}, claimed {row['claimed']}")


def spread(row):
    """A row's mean with its interval, as text."""
    unit = f" {row['unit']}" if row["unit"] else ""
    interval = f"{shown(row['low'])} .. {shown(row['high'])}" if row["low"] else "all equal: no interval"
    return f"{shown(row['mean'])}{unit} ({interval}), n = {row['n']}"


def shown(number):
    """A number to three digits, without an exponent where it can be helped."""
    number = float(number)
    text = f"{number:.3g}"
    return f"{number:,.0f}" if "e+" in text and abs(number) < 1e7 else text


def name_of(example):
    return Path(inspect.getfile(example)).stem


def _row(example, check, of_claim, size, seconds):
    low, high = (f"{end:.5g}" for end in check.interval) if check.interval else ("", "")
    return {
        "number": example.NUMBER,
        "name": name_of(example),
        "verdict": of_claim,
        "check": check.statement,
        "outcome": check.outcome,
        "mean": f"{check.mean:.5g}",
        "low": low,
        "high": high,
        "threshold": f"{check.threshold:.5g}",
        "claimed": f"{'above' if check.above else 'below'} {check.threshold:.5g}",
        "unit": check.unit,
        "n": len(check.values),
        "size": size,
        "seconds": round(seconds),
        "processor": processor_name(),
        "cores": usable_cores(),
        "threads": int(os.environ.get(THREADS[0]) or 0) or usable_cores(),
        "date": time.strftime("%Y-%m-%d"),
    }


def _replace_rows(path, name, rows):
    """Puts an example's rows in the place of its old ones, under a lock: two examples may end at the same time."""
    with _alone():
        kept = [row for row in read_rows(path) if row["name"] != name]
        everything = sorted([*kept, *rows], key=lambda row: int(row["number"]))
        text = io.StringIO()
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(everything)
        write_atomically(path, lambda file: file.write(text.getvalue().encode()))


@contextlib.contextmanager
def _alone():
    """Holds the lock of all that writes results; waits for whoever holds it."""
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(held(Path(__file__), "results.csv"))  # this file: nothing is left behind
                break
            except BusyError:
                time.sleep(0.05)
        yield
