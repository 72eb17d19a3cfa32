"""What a search costs beside the trainings in it, and what a second worker saves.

    python -m benchmarks.search_overhead [--trials 12] [--epochs 2] [--width 1.0] [--only overhead|workers] [--write]

vgg_mini of that width with the recipe `standard` on the bundled images; the learning rate is drawn, so that all trials
cost the same. Choose the epochs for trials of about 20 s. What is timed is `python -m tuning search`, a process from
its start to its end: Python and Keras are loaded in it, and in each of its workers again.

overhead: the time of the whole search with one worker, by the sum of the trials' own times; of that sum, the part that
is epochs; wanted: at most 1.05.
workers: the same study with one worker and with two, each with one thread; wanted: at least 1.5 times as fast.
"""

import argparse
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import zoo
from tuning.studies import Study

PAGE = Path(__file__).with_name("tuning.md")
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def space(hp, experiment):
    rate = hp.Float("learning_rate", 0.02, 0.2, sampling="log")
    return dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, learning_rate=rate))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--only", choices=("overhead", "workers"))
    parser.add_argument("--write", action="store_true", help="the results, and their table in tuning.md")
    options = parser.parse_args()
    recipe = dataclasses.replace(zoo.recipe("standard"), epochs=options.epochs)
    experiment = zoo.Experiment(arguments={"width": options.width}, recipe=recipe)
    rows = []
    if options.only != "workers":
        rows.append(timed(experiment, options.trials, 1, "all"))
        row = rows[-1]
        print(
            f"{row['trials']} trials: the search took {row['seconds']} s, {row['by_trials']} times the trials' own "
            f"{row['trials_seconds']} s, of which {row['epochs_seconds']} s are epochs",
            flush=True,
        )
    if options.only != "overhead":
        one, two = (timed(experiment, options.trials, workers, 1) for workers in (1, 2))
        rows += [one, two]
        print(
            f"{options.trials} trials, one thread a worker: one worker {one['seconds']} s, two {two['seconds']} s: "
            f"{one['seconds'] / two['seconds']:.2f}"
        )
    if options.write:
        write(rows)


def timed(experiment, num_trials, workers, threads):
    """The row of a whole search: its seconds as a process, and those of its completed trials and of their epochs."""
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study"
        experiment.save(Path(folder) / "experiment.json")
        command = [sys.executable, "-m", "tuning", "search", "--experiment", f"{folder}/experiment.json"]
        command += ["--study-dir", str(study), "--space", "benchmarks.search_overhead:space"]
        command += ["--trials", str(num_trials), "--workers", str(workers)]
        environment = os.environ | ({} if threads == "all" else dict.fromkeys(THREADS, str(threads)))
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        seconds = time.perf_counter() - began
        trials = Study(study).ranked()
    own = sum(trial.seconds for trial in trials)
    epochs = sum(row["seconds"] for trial in trials for each in trial.executions for row in each.history)
    return {
        "workers": workers,
        "threads": threads,
        "trials": len(trials),
        "epochs": experiment.recipe.epochs,
        "width": experiment.arguments["width"],
        "seconds": round(seconds, 1),
        "trials_seconds": round(own, 1),
        "epochs_seconds": round(epochs, 1),
        "by_trials": round(seconds / own, 3),
    }


def write(rows):
    """Keeps the rows beside what was measured with other settings, and writes the table."""
    from benchmarks import pages

    keys = ["workers", "threads", "trials", "epochs", "width"]
    kept = pages.write_rows(pages.results_file("search_overhead", "keras-tuner"), rows, keys)
    header = ["workers", "threads each", "trials", "epochs", "width"]
    header += ["search, s", "trials' own, s", "their epochs, s", "search / trials' own"]
    counts = ("workers", "trials", "epochs")
    table = [
        [int(cell) if name in counts else cell if name == "threads" else float(cell) for name, cell in row.items()]
        for row in kept
    ]
    pages.write_table(PAGE, "overhead", header, table, ["keras-tuner", "keras", "tensorflow"])


if __name__ == "__main__":
    main()
