"""Train with and without each trick, over paired seeds, and say what each one buys."""

import dataclasses
import json
import os
import sys
from pathlib import Path

from zoo.commands import load_keras_quietly
from zoo.names import UsageError

DESCRIPTION = """Train with and without each trick, over paired seeds, and say what each one buys.

The folder gets ablation.csv, effects.csv and forest.png. The same command goes on after a kill."""


def main(argv):
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # this process and its workers share the GPU
    load_keras_quietly()
    import tyro

    import tuning
    import zoo
    from tuning.ablation.running import AblationError

    @dataclasses.dataclass(frozen=True)
    class Options:
        model: str = "vgg_mini"
        """a name from `python -m zoo list`"""
        data: str = "fashion_mnist_mini"
        """fashion_mnist_mini (bundled), any name of TensorFlow Datasets, or a folder of class folders"""
        data_dir: str | None = None
        """where TensorFlow Datasets keeps its files"""
        recipe: str = "quick"
        """the named recipe every run starts from"""
        experiment: str | None = None
        """a JSON file with the experiment, instead of the five flags around this one"""
        epochs: int | None = None
        """of each run; by default the recipe's"""
        width: float | None = None
        """of the model, for faster runs"""
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
    if options.experiment:
        experiment = zoo.Experiment.load(options.experiment)
    else:
        recipe = zoo.recipe(options.recipe)
        experiment = zoo.Experiment(model=options.model, data=options.data, data_dir=options.data_dir, recipe=recipe)
    if options.epochs is not None:
        experiment = dataclasses.replace(
            experiment, recipe=dataclasses.replace(experiment.recipe, epochs=options.epochs)
        )
    if options.width is not None:
        experiment = dataclasses.replace(experiment, arguments=experiment.arguments | {"width": options.width})
    folder = Path(options.ablation_dir or Path("ablations") / f"{experiment.model}-{Path(experiment.data).name}")
    try:
        ablation = tuning.ablate(
            experiment,
            folder,
            tricks=_names(options.tricks),
            num_seeds=options.seeds,
            designs=None if options.designs is None else _names(options.designs),
            bare=_values(options.bare),
            full=_values(options.full),
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


def _values(words):
    """{"norm": None} of ("norm=null",): JSON, and what is no JSON is a name."""
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"a value of a trick is given as NAME=VALUE, received {word!r}")
        try:
            values[name] = json.loads(value)
        except json.JSONDecodeError:
            values[name] = value
    return values
