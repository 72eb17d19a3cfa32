"""How well our networks learn the whole of Fashion-MNIST on this machine: one command a run, three seeds.

    python -m benchmarks.accuracy [quick alexnet vgg shipped] [--seeds 0 1 2] [--data-dir DIR] [--write]

Each run is a command that a user can give, printed before it starts; one that was cut short goes on. The test images
are looked at once, at the end of a run, one view each. --write puts the results into results/accuracy.csv, accuracy.md
and the model cards.
"""

import argparse
import csv
import dataclasses
import json
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.pages import machine, write_table
from nntricks_keras import training
from nntricks_keras.files import write_json

HERE = Path(__file__).resolve().parent
CARDS = HERE.parent / "zoo" / "cards"
RESULTS = HERE / "results" / "accuracy.csv"
PAGE = HERE / "accuracy.md"
PROTOCOL = "one view of each of the 10,000 test images, looked at once at the end"


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is trained, as flags of `python -m zoo train`, and what is wanted of it."""

    model: str
    flags: str
    wanted: float
    minutes: int
    """that a run may take"""


SETTINGS = {
    "quick": Setting("vgg_mini", "--recipe quick", 0.930, 6),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("settings", nargs="*", default=list(SETTINGS), choices=[*SETTINGS, []])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps Fashion-MNIST")
    parser.add_argument("--runs", type=Path, default=Path("runs/accuracy"), help="the folder of the run folders")
    parser.add_argument("--write", action="store_true", help="write the CSV, the page and the cards")
    options = parser.parse_args()
    for name in options.settings:
        setting = SETTINGS[name]
        rows = [run(name, setting, seed, options.runs, options.data_dir) for seed in options.seeds]
        mean, spread = mean_and_spread(rows)
        print(
            f"{name}: test top-1 {mean:.4f}, standard deviation {spread:.4f}, n = {len(rows)}; wanted {setting.wanted}"
        )
        if options.write:
            write(name, setting, rows)


def run(name, setting, seed, runs, data_dir):
    """Trains one, unless it is done already, and returns its row."""
    folder = runs / f"{name}-{seed}"
    if not (folder / "metrics.json").exists():
        where = ["--data-dir", data_dir] if data_dir else []
        again = ["--resume"] if (folder / "experiment.json").exists() else []
        command = [*command_of(setting).split(), "--seed", str(seed), *where, "--run-dir", str(folder), *again]
        print(" ".join(command), flush=True)
        subprocess.run([sys.executable, *command[1:]], check=True)
    done = training.Run.open(folder)
    metrics = done.metrics
    return {
        "setting": name,
        "model": setting.model,
        "seed": seed,
        "test_top1": metrics["test"]["top1"],
        "validation_top1": round(metrics["validation"]["top1"], 4),
        "epochs": metrics["epochs"],
        "seconds": metrics["seconds"],
        "parameters": metrics["parameters"],
        "computed_in": done.load_model().layers[1].compute_dtype,
        "machine": machine(),
    }


def command_of(setting):
    return f"python -m zoo train --model {setting.model} --data fashion_mnist {setting.flags}"


def mean_and_spread(rows):
    scores = [row["test_top1"] for row in rows]
    return statistics.mean(scores), statistics.stdev(scores) if len(scores) > 1 else float("nan")


def write(name, setting, rows):
    """The rows of a setting, in place of those that were there, into the CSV, the page and the model's card."""
    others = []
    if RESULTS.exists():
        with open(RESULTS, newline="") as file:
            others = [row for row in csv.DictReader(file) if row["setting"] != name]
    by_setting = [*others, *rows]
    with open(RESULTS, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(by_setting)
    table = []
    for other in dict.fromkeys(row["setting"] for row in by_setting):
        of_this = [{**row, "test_top1": float(row["test_top1"])} for row in by_setting if row["setting"] == other]
        mean, spread = mean_and_spread(of_this)
        minutes = max(float(row["seconds"]) for row in of_this) / 60
        asked = SETTINGS[other]
        table.append(
            [
                f"`{command_of(asked)}`",
                f"{int(of_this[0]['parameters']):,}",
                f"**{mean:.4f}**",
                f"{spread:.4f}",
                ", ".join(f"{row['test_top1']:.4f}" for row in of_this),
                f"{minutes:.0f} min",
                asked.wanted,
                f"{asked.minutes} min",
            ]
        )
    header = ["command", "parameters", "test top-1", "s.d.", "seeds", "longest run", "wanted", "within"]
    write_table(PAGE, "accuracy", header, table, ["tensorflow", "keras"])
    write_card(setting, rows)


def write_card(setting, rows):
    path = CARDS / f"{setting.model}.json"
    card = json.loads(path.read_text())
    mean, spread = mean_and_spread(rows)
    entry = {
        "data": "fashion_mnist",
        "metric": "test top-1",
        "value": round(mean, 4),
        "protocol": PROTOCOL,
        "run": command_of(setting),
        "spread": round(spread, 4),
        "seeds": len(rows),
        "seconds": round(statistics.mean(row["seconds"] for row in rows)),
        "hardware": rows[0]["machine"],
    }
    card["measured"] = [*(other for other in card["measured"] if other["run"] != entry["run"]), entry]
    write_json(path, card)


if __name__ == "__main__":
    main()
