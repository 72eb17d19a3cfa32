"""Search the tricks of a model at random and write the best experiment."""

import dataclasses
from pathlib import Path


def main(argv):
    import tyro

    import tuning
    import zoo

    @dataclasses.dataclass(frozen=True)
    class Options:
        model: str = "vgg_mini"
        """a name from `python -m zoo list`"""
        data: str = "fashion_mnist_mini"
        """fashion_mnist_mini (bundled), any name of TensorFlow Datasets, or a folder of class folders"""
        data_dir: str | None = None
        """where TensorFlow Datasets keeps its files"""
        recipe: str = "quick"
        """the named recipe every trial starts from"""
        epochs: int | None = None
        """of each trial; by default the recipe's"""
        space: str = "tricks"
        """what is varied: tricks"""
        trials: int = 10
        """how many trials the study has in the end"""
        seed: int = 0
        """of the draws"""
        study_dir: str | None = None
        """the study's folder, by default studies/MODEL-DATA; an unfinished study in it goes on"""

    options = tyro.cli(Options, args=argv, prog="python -m tuning search", description=__doc__)
    recipe = zoo.recipe(options.recipe)
    if options.epochs is not None:
        recipe = dataclasses.replace(recipe, epochs=options.epochs)
    experiment = zoo.Experiment(model=options.model, data=options.data, data_dir=options.data_dir, recipe=recipe)
    study_dir = Path(options.study_dir or Path("studies") / f"{options.model}-{Path(options.data).name}")
    trials = tuning.search(experiment, study_dir, space=options.space, num_trials=options.trials, seed=options.seed)
    print(trials_table(trials))
    print(f"python -m zoo train --experiment {study_dir / 'best.json'}   trains the best one again")


def trials_table(trials):
    """The trials, the best first, a row each."""
    names = list(trials[0].hyperparameters)
    rows = [["val top-1", *names]]
    for trial in trials:
        values = [trial.hyperparameters[name] for name in names]
        rows.append(
            [f"{trial.val_top1:.4f}", *(f"{value:.4g}" if isinstance(value, float) else str(value) for value in values)]
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
