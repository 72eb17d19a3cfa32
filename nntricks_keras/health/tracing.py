"""Where in a model to look: its layers with weights or an activation, nested ones too, and a way to see them work."""

import contextlib
from dataclasses import dataclass

import keras
from keras import tree

from nntricks_keras.errors import InputError
from nntricks_keras.health.activity import activation_of


@dataclass(eq=False)
class Place:
    """One layer that gets a row."""

    name: str
    layer: keras.Layer
    weights: list  # keras.Variable: the kernels; where there is none BatchNorm's gamma, or all that is learnt
    activation: str | None
    flat: object  # outputs -> where they have no slope left, or None

    @property
    def kernel(self):
        """The kernel of a dense layer or a convolution, its units along the last axis; None for other layers."""
        if not isinstance(self.layer, _WITH_KERNEL):
            return None
        return getattr(self.layer, "kernel", None)

    @property
    def has_moving_statistics(self):
        return hasattr(self.layer, "moving_mean") and hasattr(self.layer, "moving_variance")

    def unit_axis(self, shape):
        """The axis of the channels or units in an output of this shape."""
        rank = len(shape)
        if getattr(self.layer, "data_format", None) == "channels_first" and rank > 2:
            return 1
        axis = getattr(self.layer, "axis", -1)
        return axis % rank if isinstance(axis, int) and -rank <= axis < rank and axis % rank else rank - 1


_WITH_KERNEL = (
    keras.layers.Dense,
    keras.layers.Conv1D,
    keras.layers.Conv2D,
    keras.layers.Conv3D,
)


def places_of(model):
    """The places of a built model, as its layers are listed. Raises InputError if it is not built or has none."""
    if not isinstance(model, keras.Layer):
        raise InputError(f"probe takes a keras.Model, received {model!r}")
    if not model.built:
        raise InputError(
            f"probe: the model {model.name!r} is not built, so it has no weights yet; call it once on a batch, "
            "model(x), or build it, model.build(shape)"
        )
    places = list(_within(model, ""))
    for place in places:
        # An activation given as a layer is built in the first call only.
        inside = [layer for layer in _sublayers(place.layer) if type(layer).build is not keras.Layer.build]
        if not all(layer.built for layer in [place.layer, *inside]):
            raise InputError(
                f"probe: layer {place.name!r} of model {model.name!r} has no weights yet; call the model on a batch"
            )
    if not any(place.weights for place in places):
        raise InputError(f"probe: the model {model.name!r} has no layer with weights, so there is nothing to look at")
    return places


def _within(container, prefix, seen=None):
    seen = set() if seen is None else seen
    for layer in _sublayers(container):
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        opened = _is_opened(layer)
        own = _own_weights(layer) if opened else layer.weights
        activation, flat = (None, None) if opened else activation_of(layer)
        if own or activation not in (None, "linear"):
            # Of keras.layers.Normalization mean and variance never learn; of a frozen layer nothing does now.
            learning = [weight for weight in own if weight.trainable or not layer.trainable]
            kernels = [weight for weight in learning if len(weight.shape) > 1]
            learnt = [weight for weight in learning if weight.name not in ("moving_mean", "moving_variance")]
            learnt = [weight for weight in learnt if weight.name == "gamma"] or learnt
            yield Place(prefix + layer.name, layer, kernels or learnt, activation, flat)
        if opened:
            yield from _within(layer, f"{prefix}{layer.name}/", seen)


def _sublayers(layer):
    return layer._flatten_layers(include_self=False, recursive=False)


def _is_opened(layer):
    """Models and a user's own layers are opened up; Keras's composite layers (attention, RNN, wrappers) stay whole."""
    if isinstance(layer, keras.Model):
        return True
    return bool(_sublayers(layer)) and not type(layer).__module__.startswith("keras.")


def _own_weights(layer):
    inner = {id(weight) for sublayer in _sublayers(layer) for weight in sublayer.weights}
    return [weight for weight in layer.weights if id(weight) not in inner]


@contextlib.contextmanager
def watched(places, entering, before_activation, leaving):
    """Within, each call of a place's layer is seen; the layers are as before afterwards.

    Args:
        places: list of Place.
        entering: (place, inputs) -> None.
        before_activation: (place, tensor) -> None, for layers with an activation as an argument.
        leaving: (place, outputs) -> the outputs to go on with.
    """
    replaced = []

    def replace(layer, name, function):
        # In the instance's dictionary, and so past Keras, which would track what is assigned.
        replaced.append((layer, name, layer.__dict__.get(name, _ABSENT)))
        layer.__dict__[name] = function

    try:
        for place in places:
            if place.kernel is not None and place.activation not in (None, "linear"):
                replace(place.layer, "activation", _seen_before(place, place.layer.activation, before_activation))
            replace(place.layer, "call", _seen_call(place, place.layer.call, entering, leaving))
        yield
    finally:
        for layer, name, before in reversed(replaced):
            if before is _ABSENT:
                del layer.__dict__[name]
            else:
                layer.__dict__[name] = before


_ABSENT = object()


def _seen_before(place, activation, before_activation):
    def seen(x):
        before_activation(place, x)
        return activation(x)

    return seen


def _seen_call(place, call, entering, leaving):
    def seen(*args, **kwargs):
        inputs = [value for value in tree.flatten((args, kwargs)) if is_float_tensor(value)]
        if inputs:
            entering(place, inputs[0])
        outputs = call(*args, **kwargs)
        flat = tree.flatten(outputs)
        for i, value in enumerate(flat):
            if is_float_tensor(value):
                flat[i] = leaving(place, value)
                return tree.pack_sequence_as(outputs, flat)
        return outputs

    return seen


def is_float_tensor(value):
    return keras.ops.is_tensor(value) and keras.backend.is_float_dtype(keras.backend.standardize_dtype(value.dtype))
