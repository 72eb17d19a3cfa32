"""Train a model and leave a run folder; --resume goes on with one."""

import argparse
import contextlib
import dataclasses
import itertools
import re
import sys
from pathlib import Path
from typing import Literal

from zoo import variants
from zoo.commands import load_keras_quietly
from zoo.names import UsageError, check_name

DESCRIPTION = """Train a model and leave a run folder: model.keras, metrics.json, curves.png, ...

Every setting is a flag. One that is not given comes from --recipe, from the file --experiment, or, with --resume,
from the run."""


def main(argv):
    first = _first_look(argv)
    if first.model:
        check_name("model", first.model, variants.VARIANTS)  # at once, before TensorFlow is loaded

    load_keras_quietly()
    import tyro

    from zoo import experiment as experiments
    from zoo.commands.patterns import REGISTRY
    from zoo.recipes import arguments as recipe_arguments
    from zoo.recipes import recipe as find_recipe

    if first.experiment:
        start = experiments.Experiment.load(first.experiment)
    elif first.resume and first.run_dir:
        start = experiments.Experiment.load(first.run_dir)
    else:
        start = experiments.Experiment()
    if first.recipe:
        arguments = {**recipe_arguments(first.recipe), **start.arguments}
        start = dataclasses.replace(start, recipe=find_recipe(first.recipe), arguments=arguments)

    @dataclasses.dataclass(frozen=True)
    class Options:
        settings: experiments.Experiment
        recipe: str | None = None
        """the recipe to start from: standard (the default), quick, modern, finetune, alexnet2012 or vgg2014 (these two
        start as in the papers)"""
        experiment: str | None = None
        """a JSON file with the experiment to start from, as a search or another run wrote it"""
        run_dir: str | None = None
        """the folder of the run; by default runs/MODEL-DATA-NUMBER with the next free number"""
        resume: bool = False
        """go on from the newest checkpoint in --run-dir"""
        overwrite: bool = False
        """delete the run in --run-dir first"""
        health: bool = True
        """look at the network before the training, and watch it: health.csv, health.png"""
        devices: int | Literal["auto"] = "auto"
        """auto: every GPU; a number: that many GPUs, or logical devices of the CPU where there is none"""
        workers: int = 1
        """processes on this machine that train together, for trying what TF_CONFIG or Slurm do on several machines"""

    with REGISTRY:
        options = tyro.cli(
            Options,
            args=argv,
            prog="python -m zoo train",
            description=DESCRIPTION,
            default=Options(start),
            config=(tyro.conf.OmitArgPrefixes,),
        )
    if options.resume and not options.run_dir:
        raise UsageError("--resume needs --run-dir, the folder of the run to go on with")
    return _train_with_workers(options, argv) if options.workers != 1 else _train(options)


def _train_with_workers(options, argv):
    """This very command in several processes, each of which finds the others by its TF_CONFIG."""
    from nntricks_keras.training.cluster import find_cluster
    from zoo.local_workers import run_workers

    if options.workers < 1 or options.devices != "auto":
        raise UsageError(f"--workers has to be a number from 1, without --devices; received {options.workers}")
    if find_cluster() is not None:
        raise UsageError("--workers starts workers of its own, but TF_CONFIG or Slurm names some already")
    kept = [
        argument
        for before, argument in itertools.pairwise(["", *argv])
        if before != "--workers" and argument.split("=")[0] != "--workers"
    ]
    run_dir = options.run_dir or _reserve_run_dir(options.settings)
    command = [sys.executable, "-m", "zoo", "train", *kept, "--run-dir", run_dir]
    advice = f"python -m zoo train --run-dir {run_dir} --workers {options.workers} --resume goes on"
    try:
        return run_workers(command, options.workers, advice)
    finally:
        if not options.run_dir:
            _free(run_dir)


def _train(options):
    from nntricks_keras.training import (
        TrainingDivergedError,
        TrainingInterruptedError,
        WorkerLostError,
        is_out_of_memory,
    )
    from nntricks_keras.training.cluster import find_cluster
    from zoo import experiment as experiments
    from zoo.tether import end_with_parent

    end_with_parent()
    cluster = find_cluster()
    is_chief = cluster is None or cluster.index == 0
    if cluster is not None and len(cluster.addresses) > 1 and not options.run_dir:
        raise UsageError("several workers need --run-dir: one folder, which all of them see")
    run_dir = options.run_dir or _reserve_run_dir(options.settings)
    if is_chief:
        print(f"{options.settings.model} on {options.settings.data} -> {run_dir}", flush=True)
    try:
        run = experiments.train(
            options.settings,
            run_dir,
            devices=options.devices,
            resume=options.resume,
            overwrite=options.overwrite,
            health=options.health,
        )
    except (TrainingDivergedError, WorkerLostError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except TrainingInterruptedError as stop:
        print(f"\n{stop}; python -m zoo train --run-dir {run_dir} --resume goes on from there", file=sys.stderr)
        return 128 + stop.signal_number
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        recipe = options.settings.recipe
        print(
            f"error: out of memory with batches of {recipe.batch_size}; a smaller --batch-size needs less, and on "
            f"TensorFlow --accumulate {2 * recipe.accumulate}, which takes each in parts",
            file=sys.stderr,
        )
        return 1
    finally:
        if not options.run_dir:
            _free(run_dir)
    if not is_chief:
        return 0
    print(results_table(run.metrics))
    print(f"{run.folder}/: model.keras, curves.png, {'health.png, ' * options.health}history.csv, metrics.json")
    return 0


def results_table(metrics):
    """What a person wants to know of a finished run, from its metrics.json."""
    rows = ["", "             loss    top-1   top-5"]
    for split in ("training", "validation", "test"):
        if split not in metrics:  # a trial of a search never sees the test split
            continue
        of_split = metrics[split]
        rows.append(f"{split:<11} {of_split['loss']:>6.3f}  {of_split['top1']:>6.2%}  {of_split['top5']:>6.2%}")
    minutes, seconds = divmod(round(metrics["seconds"]), 60)
    rows.append(
        f"kept epoch {metrics['best_epoch']} of {metrics['epochs']}, {metrics['parameters']:,} parameters, "
        f"{minutes}:{seconds:02d} min, {metrics['images_per_second']:,.0f} images/s, "
        f"{metrics['peak_memory_megabytes']:,} MB at most"
    )
    return "\n".join(rows)


def _first_look(argv):
    """The flags that decide where the other flags' defaults come from."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in ("model", "recipe", "experiment", "run-dir"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--resume", action="store_true")
    try:
        return parser.parse_known_args([_hyphenated(argument) for argument in argv])[0]
    except argparse.ArgumentError:  # a flag without its value: the full parser says so, and better
        return parser.parse_args([])


def _hyphenated(argument):
    """--run_dir=a_b is --run-dir=a_b."""
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


def _reserve_run_dir(experiment):
    """runs/MODEL-DATA-NUMBER with the first free number, made at once: another process then takes the next."""
    data = re.sub(
        r"[^A-Za-z0-9_.]+", "-", Path(experiment.data).name if Path(experiment.data).exists() else experiment.data
    )
    for number in itertools.count(1):
        folder = Path("runs") / f"{experiment.model}-{data}-{number}"
        with contextlib.suppress(OSError):  # it is there; or there is no right to write, and the training says so
            folder.mkdir(parents=True)
            return str(folder)
        if not folder.exists():
            return str(folder)


def _free(run_dir):
    """Deletes a reserved folder that is still empty: the training was refused."""
    with contextlib.suppress(OSError):
        Path(run_dir).rmdir()
