"""A study on all of Fashion-MNIST: what a search finds beside the hand-made `standard`, at the same cost.

    python -m benchmarks.study [--data-dir DIR] [--write]

It is the command of COMMAND, which goes on where it was stopped: 16 trials, about 75 minutes on 2 cores. The first
trial is `standard` itself. Nothing that is varied makes a step dearer: network and epochs are the same in every trial.
--write keeps the trials in results/study_trials.csv and tuning.md. What the best recipe is worth on the test images is
`python -m benchmarks.accuracy standard_6 study --write`.
"""

import argparse
import dataclasses
import subprocess
import sys
from pathlib import Path

from benchmarks.pages import RESULTS, machine, versions, write_rows_of_machine, write_table
from nntricks_keras.files import read_rows
from tuning.own_values import grid_float, log_float, with_recipe

FOLDER = Path("studies/standard")
PAGE = Path(__file__).resolve().parent / "tuning.md"
FIRST = Path(__file__).resolve().parent / "study_first.json"
EPOCHS = 6  # of each trial: 6 minutes on two cores
COMMAND = (
    f"tuning search --data fashion_mnist --recipe standard --epochs {EPOCHS} --space benchmarks.study:same_cost "
    f"--first {FIRST} --trials 16 --pruner asha --pruner-settings min_epochs=2 --workers 2 --study-dir {FOLDER}"
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps Fashion-MNIST")
    parser.add_argument("--write", action="store_true", help="keep the trials")
    options = parser.parse_args()
    command = f"{COMMAND} --data-dir {options.data_dir}" if options.data_dir else COMMAND
    print(f"python -m {command}", flush=True)
    subprocess.run([sys.executable, "-m", *command.split()], check=True)
    if options.write:
        subprocess.run([sys.executable, "-m", "tuning", "report", str(FOLDER)], check=True)
        keep(read_rows(FOLDER / "trials.csv"))


def keep(trials):
    """Writes all trials into results/study_trials.csv, those that came to their end, the best first, into tuning.md."""
    packages = ["tensorflow", "keras", "keras-tuner"]
    about = {"machine": machine(), "versions": ", ".join(versions(packages))}
    write_rows_of_machine(RESULTS / "study_trials.csv", [{**row, **about} for row in trials])
    names = [name for name in trials[0] if name.startswith("hp.")]
    ended = [row for row in trials if row["status"] == "completed"]
    table = [
        [
            f"{int(row['trial'])}{' (`standard`)' if row is trials[0] else ''}",
            f"{float(row['score']):.4f}",
            f"{float(row['seconds']):.0f}",
            *(f"{float(row[name]):.3g}" if row[name][:1].isdigit() else row[name] for name in names),
        ]
        for row in sorted(ended, key=lambda row: -float(row["score"]))
    ]
    header = ["trial", "validation top-1", "s, one core", *(name.removeprefix("hp.") for name in names)]
    write_table(PAGE, "study", header, table, packages)


def same_cost(hp, experiment):
    """What may be changed of a recipe without making a step dearer."""
    own = experiment.recipe
    keep_prob = grid_float(hp, "keep_prob", 0.6, 1.0, 0.1, 0.8)
    augmentation = dataclasses.replace(
        own.augmentation,
        erasing=hp.Choice("erasing", [0.0, 0.1, 0.25], default=own.augmentation.erasing),
        padding_crop=hp.Choice("padding_crop", [0, 1], default=own.augmentation.padding_crop),
    )
    experiment = dataclasses.replace(experiment, arguments={**experiment.arguments, "keep_prob": keep_prob})
    return with_recipe(
        experiment,
        learning_rate=hp.Choice("learning_rate", [0.05, 0.1, 0.2], default=own.learning_rate),
        weight_decay=log_float(hp, "weight_decay", 2e-4, 4e-3, own.weight_decay),
        nesterov=hp.Boolean("nesterov", default=own.nesterov),
        warmup_fraction=grid_float(hp, "warmup_fraction", 0.05, 0.45, 0.1, own.warmup_fraction),
        batch_size=hp.Choice("batch_size", [64, 128], default=own.batch_size),
        label_smoothing=hp.Choice("label_smoothing", [0.0, 0.05, 0.1], default=own.label_smoothing),
        augmentation=augmentation,
    )


if __name__ == "__main__":
    main()
