"""Hyperparameters whose default is what the experiment has anyhow, so that the experiment itself is in its space."""

import dataclasses


def choice(hp, name, values, own):
    """hp.Choice with `own` as the default (None: the first of the values). One that is not among them is added."""
    values = list(values)
    if own is not None and own not in values:
        values.append(own)
    return hp.Choice(name, values, default=values[0] if own is None else own)


def log_float(hp, name, low, high, own):
    """hp.Float on a logarithmic scale from low to high, made as wide as `own` needs."""
    own = float(own) if own > 0 else low
    return hp.Float(name, min(low, own), max(high, own), sampling="log", default=own)


def grid_float(hp, name, low, high, step, own):
    """hp.Choice, ordered, of low, low + step, ..., high, and of `own`, the default.

    Not hp.Float with a step: keras-tuner counts its points by a division that rounds, and never comes to 1.0 of
    0.5, 0.6, ..., 1.0.
    """
    values = {round(low + index * step, 10) for index in range(round((high - low) / step) + 1)}
    return hp.Choice(name, sorted(values | {float(own)}), ordered=True, default=float(own))


def name_of(trick):
    """The name of a trick that may be given with settings: "elu" of {"name": "elu", "alpha": 0.5}."""
    return trick["name"] if isinstance(trick, dict) else trick


def settings_of(trick):
    """The settings it is given with, {"alpha": 0.5}; none of a name alone."""
    return {key: value for key, value in trick.items() if key != "name"} if isinstance(trick, dict) else {}


def with_settings(name, settings):
    """A trick as the zoo's builders take it: a name alone, or a dictionary."""
    return {"name": name, **settings} if settings else name


def with_recipe(experiment, **changes):
    """The experiment with these settings of its recipe changed."""
    return dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, **changes))
