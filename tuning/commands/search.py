"""Search the tricks of a model: many trials in worker processes, and the best experiment as a JSON."""

import dataclasses
import itertools
import sys
from pathlib import Path
from typing import Literal

from tuning.commands import ExperimentOptions, named_values
from zoo import variants
from zoo.commands import load_keras_quietly
from zoo.names import check_name


def main(argv):
    for before, given in itertools.pairwise(argv):
        if before == "--model":
            check_name("model", given, variants.VARIANTS)  # at once, before TensorFlow is loaded
    load_keras_quietly()
    import tyro

    import tuning
    from tuning.supervision import WorkersFailedError

    @dataclasses.dataclass(frozen=True)
    class Options(ExperimentOptions):
        space: str = "tricks"
        """what is varied: tricks, optimizer, augmentation, all, or MODULE:FUNCTION of your own"""
        tuner: Literal["random", "bayesian", "hyperband", "grid"] = "random"
        """how values are chosen"""
        trials: int | None = None
        """how many the study has in the end; by default 10, of hyperband one round of its brackets"""
        executions: int = 1
        """trainings a trial, each with a seed of its own"""
        objective: str = "val_top1"
        """val_top1, val_top5, val_loss, or NAME:max, NAME:min of loss, top1, top5 (training images)"""
        pruner: Literal["none", "median", "asha"] = "none"
        """stops hopeless trials"""
        pruner_settings: tuple[str, ...] = ()
        """what differs from the pruner's defaults, as eta=2 min_epochs=2 of asha"""
        first: str | None = None
        """a JSON file with a list of points to try first, {hyperparameter: value}"""
        budget: str | None = None
        """the time this call may take: 30m, 2h; the same command goes on, with a budget of its own"""
        workers: int = 1
        """processes on this machine, each with a share of the cores or a GPU; 0: only those elsewhere"""
        address: str | None = None
        """HOST:PORT where `python -m tuning worker` on other machines finds this search; by default the loopback"""
        keep: int = 3
        """so many of the best trials keep their weights"""
        keep_megabytes: float | None = None
        """as long as they take no more than this in all"""
        memory_limit: float | None = None
        """megabytes of a worker, above which another process takes its place after a trial"""
        seed: int = 0
        """of the draws"""
        study_dir: str | None = None
        """the study's folder, by default studies/MODEL-DATA; an unfinished study in it goes on"""

    options = tyro.cli(Options, args=argv, prog="python -m tuning search", description=__doc__)
    experiment = options.make_experiment()
    study_dir = Path(options.study_dir or Path("studies") / options.name_of(experiment))
    print(f"{experiment.model} on {experiment.data} -> {study_dir}", flush=True)
    try:
        trials = tuning.search(
            experiment,
            study_dir,
            space=options.space,
            tuner=options.tuner,
            num_trials=options.trials,
            executions=options.executions,
            seed=options.seed,
            objective=options.objective,
            pruner=None if options.pruner == "none" else options.pruner,
            pruner_settings=named_values(options.pruner_settings),
            first=options.first or (),
            budget=options.budget,
            workers=options.workers,
            address=options.address,
            keep_best=options.keep,
            keep_bytes=None if options.keep_megabytes is None else int(options.keep_megabytes * 2**20),
            memory_limit=options.memory_limit,
        )
    except tuning.SearchInterruptedError as stop:
        print(f"\n{stop}; the same command goes on from there", file=sys.stderr)
        return 128 + stop.signal_number
    except (WorkersFailedError, OSError) as error:  # OSError: no space left
        print(f"error: {error}", file=sys.stderr)
        return 1
    if trials:
        print(trials_table(trials, options.objective.partition(":")[0]))
        print(f"python -m zoo train --experiment {study_dir / 'best.json'}   trains the best one again")
    return 0


def trials_table(trials, objective, most=20):
    """The best trials, the best first, a row each; a column a hyperparameter that any of them has."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.hyperparameters))
    rows = [["trial", objective, *names]]
    for trial in trials[:most]:
        values = [trial.hyperparameters.get(name, "") for name in names]
        cells = [f"{value:.4g}" if isinstance(value, float) else str(value) for value in values]
        rows.append([trial.trial_id, f"{trial.score:.4f}", *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(c.ljust(width) for c, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, f"and {len(trials) - most} more"] if len(trials) > most else lines)
