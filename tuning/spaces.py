"""What a search may vary. A space is a function (hp, experiment) -> experiment with the hyperparameters put in."""

import dataclasses

from nntricks_keras.errors import check_name


def tricks(hp, experiment):
    """The tricks of the lecture, and the learning rate, whose best value depends on them.

    Args:
        hp: keras_tuner.HyperParameters.
        experiment: zoo.Experiment, what all trials have in common.

    Returns:
        The zoo.Experiment of this trial.
    """
    norm = hp.Choice("norm", ["batch", "none"])
    arguments = {
        **experiment.arguments,
        "activation": hp.Choice("activation", ["relu", "leaky_relu", "elu", "tanh"]),
        "initializer": hp.Choice("initializer", ["auto", "he", "glorot", "xavier"]),
        "norm": None if norm == "none" else norm,
        "keep_prob": hp.Float("keep_prob", 0.5, 1.0, step=0.1),
    }
    learning_rate = hp.Float("learning_rate", 0.005, 0.2, sampling="log")
    recipe = dataclasses.replace(experiment.recipe, learning_rate=learning_rate)
    return dataclasses.replace(experiment, arguments=arguments, recipe=recipe)


SPACES = {"tricks": tricks}


def space(name):
    """The space of that name; InputError with the nearest names when there is none."""
    return name if callable(name) else SPACES[check_name("space", name, SPACES)]


def name_of(space):
    return space if isinstance(space, str) else f"{space.__module__}:{space.__qualname__}"


def describe(space, experiment):
    import json

    import keras_tuner as kt

    hp = kt.HyperParameters()
    space(hp, experiment)
    return json.loads(json.dumps(hp.get_config()["space"]))


def check_unchanged(saved, now):
    from nntricks_keras.errors import InputError

    if saved != now:
        raise InputError("the study was started with another space")
