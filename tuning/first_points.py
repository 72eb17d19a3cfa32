"""Points of a space given by hand."""

from collections.abc import Mapping

import keras_tuner as kt

from nntricks_keras.errors import InputError, check_name
from nntricks_keras.files import read_json


def complete_points(points, hyperparameters):
    """The points with what they leave open at its default, ready to be tried.

    Args:
        points: a list of {hyperparameter: value}, or the path of a JSON file that holds one.
        hyperparameters: kt.HyperParameters, the space.

    Raises:
        InputError: not a list of dictionaries; an unknown name; a value that is not in the space; a hyperparameter
            that does not apply with the others.
    """
    if not isinstance(points, (list, tuple)):
        points = read_json(points)
    if not isinstance(points, (list, tuple)) or not all(isinstance(point, Mapping) for point in points):
        raise InputError(f"the first points have to be a list of dictionaries of hyperparameters, received {points!r}")
    return [_complete(dict(point), hyperparameters) for point in points]


def _complete(point, hyperparameters):
    for name in point:
        check_name("hyperparameter", name, {hp.name for hp in hyperparameters.space})
    filled = kt.HyperParameters()
    filled.values = dict(point)
    for hp in hyperparameters.space:
        filled.merge([hp], overwrite=False)
    filled.values = {hp.name: filled.values[hp.name] for hp in hyperparameters.space if filled.is_active(hp)}
    for name in point:
        if name not in filled.values:
            raise InputError(f"the first point {point} gives {name}, which does not apply with its other values")
    return {hp.name: _check(hp, filled.values[hp.name]) for hp in hyperparameters.space if filled.is_active(hp)}


def _check(hp, value):
    """The value, if the hyperparameter may take it."""
    kinds = kt.engine.hyperparameters
    if isinstance(hp, (kinds.Float, kinds.Int)):
        fits = isinstance(value, int if isinstance(hp, kinds.Int) else (int, float)) and not isinstance(value, bool)
        if fits and hp.min_value <= value <= hp.max_value:
            return value if isinstance(hp, kinds.Int) else float(value)
        raise InputError(f"{hp.name} has to be from {hp.min_value} to {hp.max_value}, received {value!r}")
    if value not in hp.values:
        raise InputError(f"{hp.name} has to be one of {list(hp.values)}, received {value!r}")
    return value
