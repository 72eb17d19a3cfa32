"""What pruning a search saves, and what it loses: recorded learning curves of a random search, replayed.

    python -m benchmarks.tuning [--curves FILE.csv] [--orders 200]

The curves come from benchmarks/tuning_curves.py. A replay is the search again, its trials in another order, on one, two
or eight workers; after each epoch the pruner decides by what is on record at that moment, with the code that decides in
a search. An epoch takes each trial a time of its own, drawn from [0.5, 2], so that trials overtake each other. The five
seeds of the claim are the orders 0 to 4; all orders say how much of it was luck. "Reached" is strict: the trial that is
the best of the full search came to its end. The gap is that of the best completed trial's score to it.
"""

import argparse
import dataclasses
import heapq
from pathlib import Path

import numpy as np

from benchmarks.pages import RESULTS, write_rows
from nntricks_keras.files import read_rows
from tuning.pruning import pruner
from tuning.studies import COMPLETED, PRUNED, RUNNING, Execution, TrialRecord

CURVES = RESULTS / "tuning_curves_fashion_mnist_mini.csv"
SEEDS = 5
PRUNERS = [
    ("asha", {}),
    *(
        ("asha", {"min_epochs": first, "eta": eta})
        for first in (1, 2, 3)
        for eta in (2, 3, 4)
        if (first, eta) != (1, 3)
    ),
    ("median", {}),
    *(("median", {"startup_trials": trials, "warmup_epochs": 1}) for trials in (1, 3, 10)),
]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Of one replay."""

    epochs: float
    """trained, as a share of those of the full search"""
    reached: bool
    """whether the best trial of the full search was not pruned"""
    gap: float
    """the full search's best score less that of the best completed trial"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--curves", type=Path, default=CURVES)
    parser.add_argument("--orders", type=int, default=200)
    options = parser.parse_args()
    rows = []
    for machine, curves in read_curves(options.curves).items():
        best = max(map(max, curves))
        print(f"{len(curves)} trials of {len(curves[0])} epochs; the best {best:.4f}; orders 0 to {SEEDS - 1} | all")
        rows += [{**row, "machine": machine} for row in compare(curves, options.orders)]
    write_rows(RESULTS / "tuning_pruning.csv", rows)


def compare(curves, num_orders):
    """A row a pruner and number of workers."""
    for name, settings in PRUNERS:
        for num_workers in (1, 2, 8):
            outcomes = [replay(curves, name, settings, num_workers, order) for order in range(num_orders)]
            row = {"pruner": name, "settings": " ".join(f"{key}={value}" for key, value in settings.items())}
            row |= {"workers": num_workers, **summary("5", outcomes[:SEEDS]), **summary("all", outcomes)}
            print("  ".join(f"{value:.4f}" if isinstance(value, float) else str(value) for value in row.values()))
            yield row


def read_curves(path):
    """{machine: the validation top-1 by epoch of every trial}; the machine is "" where it was not noted."""
    curves = {}
    for row in read_rows(path):
        of_machine = curves.setdefault(row.get("machine", ""), {})
        of_machine.setdefault(row["trial"], []).append(float(row["val_top1"]))
    return {machine: list(found.values()) for machine, found in curves.items()}


def replay(curves, name, settings, num_workers, order):
    """The Outcome of a search over the curves in the order of that seed; a worker takes the next trial when free."""
    decide = pruner(name, **settings).decide
    rng = np.random.default_rng(order)
    waiting = rng.permutation(len(curves)).tolist()
    epoch_times = rng.uniform(0.5, 2, len(curves))
    records, epochs = {}, 0
    workers = [(0.0, worker, None) for worker in range(num_workers)]  # (when its epoch ends, worker, trial)
    while workers:
        now, worker, number = heapq.heappop(workers)
        if number is not None:
            epochs += 1
            record = with_epoch(records[number], curves[number])
            others = [other for key, other in records.items() if key != number]
            if decide(record, others, "val_top1", "max", len(curves[number])):
                record = dataclasses.replace(record, status=PRUNED)
            elif len(record.executions[0].history) == len(curves[number]):
                record = dataclasses.replace(record, status=COMPLETED)
            records[number] = record
            if record.status != RUNNING:
                number = None
        if number is None and waiting:
            number = waiting.pop(0)
            records[number] = TrialRecord(str(number), RUNNING, {}, {}, (Execution(0, ""),))
        if number is not None:
            heapq.heappush(workers, (now + epoch_times[number], worker, number))
    scores = [max(curve) for curve in curves]
    completed = {number: scores[number] for number, record in records.items() if record.status == COMPLETED}
    best = scores.index(max(scores))
    return Outcome(epochs / sum(map(len, curves)), best in completed, scores[best] - max(completed.values()))


def with_epoch(record, curve):
    """The record with the next epoch of the curve."""
    (execution,) = record.executions
    row = {"epoch": len(execution.history) + 1, "val_top1": curve[len(execution.history)]}
    return dataclasses.replace(record, executions=(Execution(0, "", [*execution.history, row]),))


def summary(name, outcomes):
    """Means over the replays."""
    return {
        f"epochs_{name}": round(float(np.mean([outcome.epochs for outcome in outcomes])), 4),
        f"reached_{name}": round(float(np.mean([outcome.reached for outcome in outcomes])), 4),
        f"gap_{name}": round(float(np.mean([outcome.gap for outcome in outcomes])), 5),
    }


if __name__ == "__main__":
    main()
