"""How well our networks learn on this machine: one command a run, three seeds, the test images looked at once.

    python -m benchmarks.accuracy [NAME ...] [--seeds 0 1 2] [--data-dir DIR] [--photos FOLDER] [--write]

NAME is one of SETTINGS; without one, all of Fashion-MNIST's. Each run is a command that a user can give, printed before
it starts; one that was cut short goes on. --write puts the results into results/accuracy.csv, accuracy.md and the model
cards, where they join the other seeds; of "shipped" also the weights of its first seed into zoo/weights/shipped. A
run that is there already counts with the machine and the versions that it was trained with.
"""

import argparse
import dataclasses
import json
import statistics
import subprocess
import sys
from pathlib import Path

import zoo
from benchmarks.pages import RESULTS, machine_of, write_rows, write_table
from nntricks_keras import training
from nntricks_keras.files import read_json, write_json

HERE = Path(__file__).resolve().parent
CARDS = HERE.parent / "zoo" / "cards"
SHIPPED = HERE.parent / "zoo" / "weights" / "shipped"
PAGE = HERE / "accuracy.md"
PROTOCOL = "one view of each test image, looked at once at the end"


@dataclasses.dataclass(frozen=True)
class Setting:
    """What is trained, as flags of `python -m zoo train`, and what is wanted of it."""

    model: str
    flags: str
    wanted: float | str = "-"
    minutes: int | str = "-"
    """that a run may take"""
    data: str = "fashion_mnist"
    table: str = "accuracy"
    """in accuracy.md"""


PHOTOS = "photo_patches"  # a folder: --photos says where
MINI = {"data": "fashion_mnist_mini", "table": "devices"}
SETTINGS = {
    "quick": Setting("vgg_mini", "--recipe quick", 0.930, 6),
    "standard": Setting("vgg_mini", "--recipe standard"),
    "vgg": Setting(
        "vgg_mini",
        "--width 2 --norm-position pooled --epochs 38 --focus 2 --batch-size 128 --optimizer muon --learning-rate 0.03 "
        "--warmup-fraction 0.05 --weight-decay 5e-4 --nesterov --padding-crop 1 --erasing 0.5 --label-smoothing 0.1 "
        "--validation-fraction 0.02 --precision auto",
        0.950,
        60,
    ),
    "alexnet": Setting(
        "alexnet_mini",
        "--norm batch --epochs 55 --batch-size 128 --learning-rate 0.1 --weight-decay 1e-3 --nesterov "
        "--padding-crop 1 --erasing 0.25 --label-smoothing 0.1 --precision auto",
        0.935,
        60,
    ),
    "shipped": Setting(
        "vgg_mini",
        "--epochs 40 --batch-size 128 --learning-rate 0.2 --weight-decay 5e-4 --nesterov "
        "--padding-crop 1 --erasing 0.1 --label-smoothing 0.1",
    ),
    "one_device": Setting("vgg_mini", "--recipe standard", **MINI),
    "two_devices": Setting("vgg_mini", "--recipe standard --devices 2", **MINI),
    "standard_6": Setting("vgg_mini", "--recipe standard --epochs 6", table="study"),
    "photographs": Setting(
        "vgg_mini",
        "--image-size 64 64 --resize 64 --width 1.34 --vertical-flip --padding-crop 4 --erasing 0.5 "
        "--label-smoothing 0.1 --epochs 60 --precision auto",
        0.85,
        15,
        data=PHOTOS,
        table="photographs",
    ),
    "study": Setting(
        "vgg_mini",
        "--recipe standard --epochs 6 --nesterov --weight-decay 3.6e-4 --label-smoothing 0.05 --keep-prob 0.7",
        table="study",
    ),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    whole = [name for name, setting in SETTINGS.items() if setting.table == "accuracy"]
    parser.add_argument("settings", nargs="*", choices=[*SETTINGS, []], metavar="NAME")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps Fashion-MNIST")
    parser.add_argument("--photos", help="the folder of the photographs")
    parser.add_argument("--runs", type=Path, default=Path("runs/accuracy"), help="the folder of the run folders")
    parser.add_argument("--write", action="store_true", help="write the CSV, the page and the cards")
    options = parser.parse_args()
    settings = options.settings or whole  # as a default they would have to be one of the choices
    if "photographs" in settings and not options.photos:
        parser.error("photographs needs --photos FOLDER, where they lie")
    for name in settings:
        setting = SETTINGS[name]
        rows = [run(name, setting, seed, options) for seed in options.seeds]
        mean, spread = mean_and_spread(rows)
        deviation = "" if spread is None else f", standard deviation {spread:.4f}"
        print(f"{name}: test top-1 {mean:.4f}{deviation}, n = {len(rows)}; wanted {setting.wanted}")
        if options.write:
            write(setting, rows)
        if options.write and name == "shipped":
            ship(setting, training.Run.open(options.runs / f"{name}-{options.seeds[0]}"))


def run(name, setting, seed, options):
    """Trains one, or goes on with it, and returns its row.

    The command leaves one that is complete as it is, and refuses one that was another experiment.
    """
    folder = options.runs / f"{name}-{seed}"
    command = command_of(setting)
    if setting.data == "fashion_mnist" and options.data_dir:
        command += f" --data-dir {options.data_dir}"
    if setting.data == PHOTOS:
        command = command.replace(PHOTOS, options.photos)
    again = " --resume" if (folder / "experiment.json").exists() else ""
    command += f" --seed {seed} --run-dir {folder}{again}"
    print(command, flush=True)
    subprocess.run([sys.executable, *command.split()[1:]], check=True)
    done = training.Run.open(folder)
    metrics, environment = done.metrics, read_json(done.folder / "environment.json")
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
        "machine": machine_of(environment),
        "versions": ", ".join(f"{package} {environment['versions'][package]}" for package in ("tensorflow", "keras")),
    }


def command_of(setting):
    return f"python -m zoo train --model {setting.model} --data {setting.data} {setting.flags}"


def mean_and_spread(rows):
    """Of the test top-1; of a single row there is no spread, which is None."""
    scores = [float(row["test_top1"]) for row in rows]
    return statistics.mean(scores), statistics.stdev(scores) if len(scores) > 1 else None


def write(setting, rows):
    """The rows of a setting, in place of those of the same seeds, into the CSV, the page and the card."""
    everything = write_rows(RESULTS / "accuracy.csv", rows, keys=("setting", "seed"))
    groups = {}
    for row in sorted(everything, key=lambda row: int(row["seed"])):
        groups.setdefault(row["setting"], []).append(row)
    of_this_table = [name for name, other in SETTINGS.items() if other.table == setting.table]
    table = [line(SETTINGS[name], groups[name]) for name in of_this_table if name in groups]
    header = ["command", "parameters", "test top-1", "s.d.", "seeds", "minutes, longest", "wanted", "within"]
    write_table(PAGE, setting.table, [*header, "machine", "versions"], table)
    write_card(setting, groups[rows[0]["setting"]])


def line(setting, rows):
    """A line of the table: all seeds of a setting."""
    mean, spread = mean_and_spread(rows)
    minutes = max(float(row["seconds"]) for row in rows) / 60
    return [
        f"`{command_of(setting)}`",
        f"{int(rows[0]['parameters']):,}",
        f"**{mean:.4f}**",
        "-" if spread is None else f"{spread:.4f}",
        ", ".join(f"{float(row['test_top1']):.4f}" for row in rows),
        f"{minutes:.1f}",
        setting.wanted,
        setting.minutes,
        each(rows, "machine"),
        each(rows, "versions"),
    ]


def each(rows, column):
    """What occurs in a column: seeds may be of several machines."""
    return "; ".join(dict.fromkeys(row[column] for row in rows))


def write_card(setting, rows):
    """All seeds of a setting, as an entry of the model's card."""
    path = CARDS / f"{setting.model}.json"
    card = json.loads(path.read_text())
    mean, spread = mean_and_spread(rows)
    entry = {
        "data": setting.data,
        "metric": "test top-1",
        "value": round(mean, 4),
        "protocol": PROTOCOL,
        "run": command_of(setting),
        **({} if spread is None else {"spread": round(spread, 4)}),
        "seeds": len(rows),
        "seconds": round(statistics.mean(float(row["seconds"]) for row in rows)),
        "hardware": each(rows, "machine"),
    }
    card["measured"] = [*(other for other in card["measured"] if other.get("run") != entry["run"]), entry]
    write_json(path, card)


def ship(setting, trained):
    """The weights of a run as the package carries them, with their entry in the model's card."""
    file = SHIPPED / f"{setting.model}_{setting.data}.weights.h5"
    SHIPPED.mkdir(exist_ok=True)
    zoo.export_weights(trained.load_model(), "keras", file)
    path = CARDS / f"{setting.model}.json"
    card = json.loads(path.read_text())
    accuracies = {name: round(100 * trained.metrics["test"][name], 2) for name in ("top1", "top5")}
    entry = {"source": setting.data, "licence": "MIT", "shipped": file.name, **accuracies}
    card["weights"] = [*(other for other in card["weights"] if other["source"] != setting.data), entry]
    write_json(path, card)


if __name__ == "__main__":
    main()
