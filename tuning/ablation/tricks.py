"""The tricks that can be left out: what the recipe is without each (bare), and with it (full)."""

import dataclasses

from nntricks_keras import serialization
from nntricks_keras.data.augmentation import Augmentation
from nntricks_keras.errors import InputError, check_name
from nntricks_keras.training import Recipe
from zoo import variants

DEFAULT_TRICKS = ("activation", "initializer", "norm", "keep_prob", "augmentation")
ARGUMENTS, RECIPE = "arguments", "recipe"


@dataclasses.dataclass(frozen=True)
class Trick:
    """One trick, and the two values it is compared at."""

    name: str
    """an argument of the model's builder, or a setting of the recipe"""
    place: str
    """arguments or recipe: whose setting it is"""
    bare: object
    """without the trick, as JSON values"""
    full: object
    """with it"""

    def __str__(self):
        return f"{shown(self.bare)} → {shown(self.full)}"


def table(experiment):
    """Every known trick at its usual two values, {name: Trick}. Where the lecture has a before and an after, these.

    Full is the model's and the recipe's own value where they have the trick (keep_prob, weight decay), else the usual.
    """
    variant, recipe = variants.find(experiment.model), experiment.recipe
    rows = [
        (ARGUMENTS, "activation", "tanh", "relu"),
        (ARGUMENTS, "initializer", {"name": "gaussian", "stddev": 0.03}, "auto"),
        (ARGUMENTS, "norm", None, "batch"),
        (ARGUMENTS, "norm_position", "before", "after"),
        (ARGUMENTS, "keep_prob", 1.0, variant.keep_prob),
        (ARGUMENTS, "head", "dense", "pool"),
        (RECIPE, "augmentation", "none", "flip"),
        (RECIPE, "momentum", 0.0, recipe.momentum or 0.9),
        (RECIPE, "weight_decay", 0.0, recipe.weight_decay or 5e-4),
        (RECIPE, "schedule", "constant", "one_cycle"),
        (RECIPE, "label_smoothing", 0.0, recipe.label_smoothing or 0.1),
    ]
    return {name: Trick(name, place, bare, full) for place, name, bare, full in rows}


def choose(experiment, names, bare=None, full=None):
    """The tricks of an ablation.

    Args:
        experiment: zoo.Experiment.
        names: which tricks of `table`, in the order they are shown in.
        bare, full: {name: value} instead of the table's.

    Raises:
        InputError: an unknown trick (with the nearest names), one named twice, or equal values with and without it.
    """
    known = table(experiment)
    for name in (*names, *(bare or {}), *(full or {})):
        check_name("trick", name, known)
    if not names or len(set(names)) < len(names):
        raise InputError(f"an ablation needs tricks, each named once; received {', '.join(names) or 'none'}")
    unused = sorted({*(bare or {}), *(full or {})} - set(names))
    if unused:
        raise InputError(f"a value is given for {', '.join(unused)}, which is not among the tricks {', '.join(names)}")
    chosen = []
    for name in names:
        trick = known[name]
        trick = dataclasses.replace(
            trick, bare=(bare or {}).get(name, trick.bare), full=(full or {}).get(name, trick.full)
        )
        if trick.bare == trick.full:
            raise InputError(
                f"{name} is {shown(trick.full)} with and without the trick; give another bare or full value"
            )
        chosen.append(trick)
    return tuple(chosen)


def assemble(experiment, tricks, on):
    """The experiment with the tricks named in `on` at their full value and the other ones at their bare value.

    What is no trick of the ablation stays as the experiment has it. Every run starts from the same weights as far as
    shapes allow: from one seed (the recipe's) each kernel is the next draw of one stream of normal numbers, times its
    own deviation, and nothing but kernels takes from that stream. So the recipes of one seed differ in the scale of
    their first kernels at most, and see the same images, changed in the same way, in the same order.
    """
    arguments, recipe = dict(experiment.arguments), {}
    for trick in tricks:
        value = trick.full if trick.name in on else trick.bare
        if trick.name == "augmentation":
            preset = Augmentation.preset(value) if isinstance(value, str) else None
            recipe["augmentation"] = serialization.to_dict(preset) if preset else value
        elif trick.place == RECIPE:
            recipe[trick.name] = value
        else:
            arguments[trick.name] = value
    recipe = Recipe.from_dict(experiment.recipe.to_dict() | recipe)  # says which value is of the wrong kind
    return dataclasses.replace(experiment, arguments=arguments, recipe=recipe)


def shown(value):
    """A value in few words: {"name": "gaussian", "stddev": 0.03} is "gaussian 0.03"."""
    if isinstance(value, dict):
        return " ".join(
            str(item) if key == "name" or "name" in value else f"{key} {item}" for key, item in value.items()
        )
    return "none" if value is None else str(value)
