"""Staged unfreezing: which layers train in which epoch."""

import fnmatch
import math

import keras

from nntricks_keras.errors import check_name


def check(model, unfreeze):
    """Raises InputError for a pattern of Recipe.unfreeze that matches no layer with weights."""
    names = sorted(layer.name for layer in _layers(model))
    for pattern in unfreeze:
        if not fnmatch.filter(names, pattern):
            check_name("layer in unfreeze", pattern, names)


def freeze(model, unfreeze, epoch):
    """Freezes the layers that Recipe.unfreeze lets begin after `epoch` (from 1), and frees the others it names.

    The optimizer has to know all of them. A frozen BatchNorm normalizes by its moving statistics and leaves them alone.
    """
    for layer in _layers(model):
        begins = next((start for pattern, start in unfreeze.items() if fnmatch.fnmatch(layer.name, pattern)), None)
        if begins is not None and layer.trainable != (begins <= epoch):
            layer.trainable = begins <= epoch
            model.train_function = None  # made anew by the next fit, for the weights that train now


def next_change(unfreeze, epoch):
    """The first epoch after `epoch`, both from 0, in which layers begin to train; infinite when there is none."""
    return min((start - 1 for start in unfreeze.values() if start - 1 > epoch), default=math.inf)


def _layers(model):
    """The layers with weights, those of nested models among them."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer)
        elif layer.weights:
            yield layer
