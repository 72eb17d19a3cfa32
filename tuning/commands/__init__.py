"""The commands of `python -m tuning`, one file each; the first line of its docstring is its help."""

import dataclasses
import json

from zoo.names import UsageError


@dataclasses.dataclass(frozen=True)
class ExperimentOptions:
    """Which experiment a command varies: the flags that all of them have."""

    model: str = "vgg_mini"
    """a name from `python -m zoo list`"""
    data: str = "fashion_mnist_mini"
    """fashion_mnist_mini (bundled), any name of TensorFlow Datasets, or a folder of class folders"""
    data_dir: str | None = None
    """where TensorFlow Datasets keeps its files"""
    recipe: str = "standard"
    """the named recipe that every training starts from"""
    experiment: str | None = None
    """a JSON file with the experiment, instead of the four flags before this one"""
    epochs: int | None = None
    """of each training; by default the recipe's"""
    width: float | None = None
    """of the model, for faster trainings"""

    def make_experiment(self):
        """The zoo.Experiment that is meant."""
        import zoo
        from zoo import recipes

        if self.experiment:
            experiment = zoo.Experiment.load(self.experiment)
        else:
            recipe, arguments = recipes.recipe(self.recipe), recipes.arguments(self.recipe)
            experiment = zoo.Experiment(self.model, arguments, self.data, data_dir=self.data_dir, recipe=recipe)
        if self.epochs is not None:
            recipe = dataclasses.replace(experiment.recipe, epochs=self.epochs)
            experiment = dataclasses.replace(experiment, recipe=recipe)
        if self.width is not None:
            experiment = dataclasses.replace(experiment, arguments=experiment.arguments | {"width": self.width})
        return experiment

    @staticmethod
    def name_of(experiment):
        """What a folder of it is called by default."""
        from pathlib import Path

        return f"{experiment.model}-{Path(experiment.data).name}"


def named_values(words):
    """{"norm": None} of ("norm=null",): JSON, and what is no JSON is a name."""
    values = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"a value is given as NAME=VALUE, received {word!r}")
        try:
            values[name] = json.loads(value)
        except json.JSONDecodeError:
            values[name] = value
    return values
