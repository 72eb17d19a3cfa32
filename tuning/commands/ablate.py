"""Train with and without each trick, over paired seeds, and say what each one buys."""

import dataclasses
import os
import sys
from pathlib import Path

from tuning.commands import ExperimentOptions, named_values
from zoo.commands import load_keras_quietly
from zoo.gpus import share_gpus

DESCRIPTION = """Train with and without each trick, over paired seeds, and say what each one buys.

The folder gets ablation.csv, effects.csv and forest.png. The same command goes on after a kill."""


def main(argv):
    share_gpus(os.environ)  # this process and its workers
    load_keras_quietly()
    import tyro

    import tuning
    from tuning.ablation.running import AblationError

    @dataclasses.dataclass(frozen=True)
    class Options(ExperimentOptions):
        tricks: str = "activation,initializer,norm,keep_prob,augmentation"
        """also: norm_position, head, momentum, weight_decay, schedule, label_smoothing"""
        seeds: int = 5
        """trainings of each recipe; of one there is no interval"""
        designs: str | None = None
        """leave_one_out,add_one_in,factorial; by default all of them for up to four tricks, else the first two"""
        bare: tuple[str, ...] = ()
        """other values without a trick, as activation=sigmoid or 'initializer={"name": "gaussian", "stddev": 0.1}'"""
        full: tuple[str, ...] = ()
        """other values with it"""
        target: float | None = None
        """validation top-1 whose epochs and seconds are counted; by default 98 % of the weakest recipe's median"""
        workers: int = 1
        """processes that share the machine"""
        ablation_dir: str | None = None
        """the folder, by default ablations/MODEL-DATA"""

    options = tyro.cli(Options, args=argv, prog="python -m tuning ablate", description=DESCRIPTION)
    experiment = options.make_experiment()
    folder = Path(options.ablation_dir or Path("ablations") / options.name_of(experiment))
    try:
        ablation = tuning.ablate(
            experiment,
            folder,
            tricks=_names(options.tricks),
            num_seeds=options.seeds,
            designs=None if options.designs is None else _names(options.designs),
            bare=named_values(options.bare),
            full=named_values(options.full),
            target=options.target,
            workers=options.workers,
        )
    except AblationError as error:
        print(f"error: {error}\nthe same command goes on from there", file=sys.stderr)
        return 1
    print(f"\n{ablation.report()}\n\n{folder}/: forest.png, effects.csv, ablation.csv")
    return 0


def _names(words):
    return [name.strip().replace("-", "_") for name in words.split(",") if name.strip()]
