"""The builder's trick arguments, resolved: names, settings and factories become new layers and initializers."""

import functools
from dataclasses import dataclass

import keras

from nntricks_keras import initializers, layers
from nntricks_keras.errors import InputError, check_name
from nntricks_keras.initializers.activation_scaled import ACTIVATIONS

# Ours first: a string that Keras knows too ("leaky_relu", "elu", "celu") makes our layer, with the stated parameters.
OUR_ACTIVATIONS = {
    "leaky_relu": "LeakyReLU",
    "prelu": "PReLU",
    "rrelu": "RReLU",
    "elu": "ELU",
    "celu": "CELU",
    "parametric_elu": "ParametricELU",
    "scaled_tanh": "ScaledTanh",
}
KERAS_ACTIVATIONS = tuple(name for name in ACTIVATIONS if name not in OUR_ACTIVATIONS)
PAPER_STDDEV = 0.01
INITIALIZERS = {
    "paper": functools.partial(initializers.Gaussian, stddev=PAPER_STDDEV),
    "he": initializers.He,
    "glorot": initializers.Glorot,
    "xavier": initializers.Xavier,
    "gaussian": initializers.Gaussian,
    "zeros": lambda groups: keras.initializers.Zeros(),
}
NORMS = {"batch": layers.BatchNorm, "lrn": layers.LocalResponseNorm}


def name_and_parameters(argument):
    """("elu", {"alpha": 0.5}) of {"name": "elu", "alpha": 0.5}; a bare name has no parameters."""
    if isinstance(argument, dict):
        parameters = dict(argument)
        if "name" not in parameters:
            raise InputError(f"a trick given as settings needs a 'name', received {argument!r}")
        return parameters.pop("name"), parameters
    return argument, {}


def _make(kind, name, make, parameters):
    try:
        return make(**parameters)
    except TypeError as error:
        raise InputError(f"{kind} {name!r} does not take {parameters!r}: {error}") from error


@dataclass(frozen=True)
class Tricks:
    """What a builder was asked for, apart from the architecture; see `zoo.create` for the meaning of each."""

    activation: object
    initializer: object
    norm: object
    norm_position: str
    keep_prob: float

    def __post_init__(self):
        check_name("norm_position", self.norm_position, ("before", "after", "pooled"))
        if self.norm is not None:
            check_name("norm", name_and_parameters(self.norm)[0], ("auto", *NORMS))
        if isinstance(self.keep_prob, bool) or not 0 < self.keep_prob <= 1:
            raise InputError(f"keep_prob is the probability of keeping a unit, in (0, 1]; received {self.keep_prob!r}")
        self.activation_layer("check")
        self.kernel_initializer(0)

    def activation_layer(self, name):
        """A new activation layer called `name`."""
        activation = self.activation
        if isinstance(activation, keras.Layer):
            raise InputError(
                f"activation was given the layer {activation.name!r}, which all layers would share; "
                "give a function that returns a new one, for example lambda: ELU(alpha=0.5)"
            )
        if callable(activation):
            try:
                layer = activation()
            except TypeError as error:
                raise InputError(f"activation has to be a name or a function without arguments: {error}") from error
            if not isinstance(layer, keras.Layer):
                raise InputError(f"the activation factory has to return a Keras layer, it returned {layer!r}")
            layer.name = name  # weights and checkpoints find layers by name, so it must not depend on the process
            return layer
        kind, parameters = name_and_parameters(activation)
        check_name("activation", kind, [*OUR_ACTIVATIONS, *KERAS_ACTIVATIONS])
        if kind in OUR_ACTIVATIONS:
            return _make("activation", kind, getattr(layers, OUR_ACTIVATIONS[kind]), parameters | {"name": name})
        return _make("activation", kind, keras.layers.Activation, parameters | {"activation": kind, "name": name})

    def norm_layer(self, name, conv, own):
        """A new normalization for `conv`, or None. `own` is the norm of the variant itself."""
        if self.norm is None:
            return None
        kind, parameters = name_and_parameters(self.norm)
        if kind == "auto":
            kind = own if own != "lrn" or conv.lrn else None
        if kind is None:
            return None
        return _make("norm", kind, NORMS[kind], parameters | {"name": name})

    def kernel_initializer(self, index, groups=1, linear=False):
        """The kernel initializer of the network's layer number `index` (so that one seed gives each layer its own)."""
        kind, parameters = name_and_parameters(self.initializer)
        if isinstance(kind, keras.initializers.Initializer):
            return _for_layer(kind, index, groups)
        if not isinstance(kind, str):
            raise InputError(f"initializer has to be a name, settings or a Keras initializer, received {kind!r}")
        check_name("initializer", kind, ["auto", *INITIALIZERS])
        make = INITIALIZERS.get(kind)
        if kind == "auto":
            make = functools.partial(initializers.ActivationScaled, 1.0 if linear else self._second_moment)
        if isinstance(parameters.get("seed"), int):
            parameters["seed"] += index
        return _make("initializer", kind, make, parameters | {"groups": groups})

    @functools.cached_property
    def _second_moment(self):
        """E f(z)^2 of the activation, measured once and not for each layer."""
        kind, parameters = name_and_parameters(self.activation)
        if callable(kind):
            return initializers.for_activation(self.activation_layer("probe")).second_moment
        return initializers.for_activation(kind, **parameters).second_moment

    def bias_initializer(self, paper_bias=0.0):
        return keras.initializers.Constant(paper_bias if name_and_parameters(self.initializer)[0] == "paper" else 0.0)


def _for_layer(initializer, index, groups):
    """A copy of a user's initializer for one layer: an initializer object gives equal values at each call."""
    config = initializer.get_config()
    seed = getattr(initializer, "seed", None)
    if isinstance(seed, keras.random.SeedGenerator):
        config["seed"] = seed  # itself, which goes on from layer to layer: a copy would begin again
    elif isinstance(config.get("seed"), int):
        config["seed"] += index
    if config.get("groups") == 1:
        config["groups"] = groups
    return initializer.__class__.from_config(config)
