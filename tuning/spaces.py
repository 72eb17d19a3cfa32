"""What a search may vary. A space is a function (hp, experiment) -> experiment with the hyperparameters put in.

Every hyperparameter's default is the experiment's own value where the space has it. One that means something only
beside another's value (the slope of leaky_relu) is drawn in a `hp.conditional_scope`, which is entered whatever is
drawn: keras-tuner learns of a scope only when it is entered.
"""

import copy
import importlib
import json

import keras_tuner as kt

from nntricks_keras.errors import InputError, check_name
from tuning.recipe_spaces import augmentation, optimizer
from tuning.trick_space import network, tricks
from zoo import Experiment


def everything(hp, experiment):
    """The network's tricks, the optimizer and the augmentation together."""
    return augmentation(hp, optimizer(hp, network(hp, experiment)))


SPACES = {"tricks": tricks, "optimizer": optimizer, "augmentation": augmentation, "all": everything}


def space(name):
    """The space that is meant.

    Args:
        name: "tricks", "optimizer", "augmentation" or "all"; "module:function" of one's own; or the function.

    Returns:
        The function (hp, experiment) -> experiment.

    Raises:
        InputError: no such space (with the nearest names), module or function.
    """
    if callable(name):
        return name
    if ":" not in name:
        return SPACES[check_name("space", name, SPACES)]
    module, _, function = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"the space {name!r} cannot be loaded: {error}; give module:function") from error
    if not callable(found):
        raise InputError(f"the space {name!r} has to be a function (hp, experiment) -> experiment, it is {found!r}")
    return found


_find = space  # where an argument bears its name


def name_of(space):
    """What a study's settings call a space: a name of SPACES, or "module:function"."""
    if isinstance(space, str):
        return space
    names = {function: name for name, function in SPACES.items()}
    return names.get(space) or f"{space.__module__}:{space.__qualname__}"


def hyperparameters(space, experiment):
    """The whole space, its conditional part included, as a keras-tuner oracle wants it before the first draw.

    Args:
        space: as the function `space` takes it. It is called once with every scope of `hp.conditional_scope` active,
            so that code that looks at a drawn value before it draws the next one is found out, too.
        experiment: zoo.Experiment, what all trials have in common.

    Returns:
        keras_tuner.HyperParameters with the defaults for values.

    Raises:
        InputError: the space has no hyperparameter, or what it returns is no Experiment.
    """
    function = _find(space)
    whole = kt.HyperParameters()
    tried, waiting = [], [[]]
    while waiting:
        conditions = waiting.pop(0)
        tried.append(conditions)
        hp = whole.copy()
        _meet(hp, conditions)
        returned = function(hp, experiment)
        if not isinstance(returned, Experiment):
            raise InputError(f"the space {name_of(space)!r} has to return a zoo.Experiment, it returned {returned!r}")
        whole.merge(hp.space, overwrite=False)
        tried += hp.active_scopes
        waiting = [scope for scope in [*waiting, *hp.inactive_scopes] if scope not in tried]
    if all(isinstance(one, kt.engine.hyperparameters.Fixed) for one in whole.space):
        raise InputError(
            f"the space {name_of(space)!r} is empty: it draws no hyperparameter, so there is nothing to try"
        )
    return whole


def describe(space, experiment):
    """The space as JSON values: keras-tuner's configuration of every hyperparameter, its conditions included.

    Raises InputError as `hyperparameters`.
    """
    return json.loads(json.dumps(hyperparameters(space, experiment).get_config()["space"]))


def undescribe(described):
    """kt.HyperParameters without values, from what tuning.spaces.describe says of a space."""
    # A copy: keras-tuner changes what it reads.
    return kt.HyperParameters.from_config({"space": copy.deepcopy(described), "values": {}})


def check_unchanged(saved, now):
    """Raises InputError when two descriptions (`describe`) are of different spaces, naming what is other.

    Args:
        saved: of the study, as it was started.
        now: of the space it is to go on with.
    """
    before, after = ({_key(one): one["config"] for one in described} for described in (saved, now))
    changes = [f"{name} is gone" for name in _names(before.keys() - after.keys())]
    changes += [f"{name} is new" for name in _names(after.keys() - before.keys())]
    for key in before:
        for setting in before[key]:
            if key in after and before[key][setting] != after[key].get(setting):
                changes.append(f"{key[1]}: {setting} was {before[key][setting]!r}, now {after[key].get(setting)!r}")
    if changes:
        raise InputError(f"the study was started with another space: {'; '.join(changes)}")


def _meet(hp, conditions):
    """Gives `hp` values under which these conditions hold; what is active then has its default otherwise."""
    for condition in conditions:
        hp.values[condition.name] = condition.values[0]
    for one in hp.space:
        if not hp.is_active(one):
            hp.values.pop(one.name, None)
        else:
            hp.values.setdefault(one.name, one.default)


def _key(described):
    """A name may be drawn by several conditions, each with a range of its own; another kind is another one."""
    return described["class_name"], described["config"]["name"], json.dumps(described["config"]["conditions"])


def _names(keys):
    return [
        f"{name!r}" + (" (under a condition)" if conditions != "[]" else "") for _, name, conditions in sorted(keys)
    ]
