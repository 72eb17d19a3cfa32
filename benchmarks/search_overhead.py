"""What a search costs beside the trainings in it, and what a second worker saves.

    python -m benchmarks.search_overhead [--trials 12] [--epochs 2] [--width 1.0] [--only overhead|workers]

vgg_mini of that width with the recipe `quick` on the bundled images; the learning rate is drawn, so that all trials
cost the same. Choose the epochs for trials of about 20 s.

overhead: the time of the whole search with one worker process, its start included, by the sum of the trials' own times;
of that sum, the part that is epochs; wanted: at most 1.05.
workers: the same study with one worker and with two, each with one thread; wanted: at least 1.5 times as fast.
"""

import argparse
import dataclasses
import os
import tempfile
import time
from pathlib import Path

import tuning
import zoo

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
    options = parser.parse_args()
    recipe = dataclasses.replace(zoo.recipe("quick"), epochs=options.epochs)
    experiment = zoo.Experiment(arguments={"width": options.width}, recipe=recipe)
    if options.only != "workers":
        seconds, trials = timed(experiment, options.trials, 1)
        own = sum(trial.seconds for trial in trials)
        epochs = sum(row["seconds"] for trial in trials for each in trial.executions for row in each.history)
        print(
            f"{len(trials)} trials of {own / len(trials):.1f} s: the search took {seconds:.1f} s, {seconds / own:.3f} "
            f"times the trials' own {own:.1f} s, of which {epochs:.1f} s are epochs",
            flush=True,
        )
    if options.only != "overhead":
        os.environ.update(dict.fromkeys(THREADS, "1"))
        one, _ = timed(experiment, options.trials, 1)
        two, _ = timed(experiment, options.trials, 2)
        print(f"{options.trials} trials, one thread a worker: one worker {one:.1f} s, two {two:.1f} s: {one / two:.2f}")


def timed(experiment, num_trials, workers):
    """(seconds of a whole search, its completed trials)."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        trials = tuning.search(
            experiment, Path(folder) / "study", space=space, num_trials=num_trials, workers=workers, verbose=False
        )
        return time.perf_counter() - began, trials


if __name__ == "__main__":
    main()
