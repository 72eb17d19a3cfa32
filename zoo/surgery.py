"""Models made from models: a fully convolutional head, feature maps out, layers held still."""

import keras

from nntricks_keras.errors import InputError, check_name
from zoo.variants import HIDDEN_NAMES, LOGITS_NAME


def to_conv_head(model):
    """The same network without fixed image size: (batch, any height, any width, channels) -> a map of scores.

    The dense layers become convolutions with the same weights: on the training size the map is 1 x 1 and holds the
    logits, on larger images one score for each window. A model with head "pool" gives the scores whose average is its
    logits. Weights are copied: training one model does not change the other.

    Args:
        model: a model of the zoo with any head, trained or loaded.

    Returns:
        A new functional keras.Model: (batch, height, width, channels) -> (batch, rows, columns, num_classes).

    Raises:
        InputError: not a model of the zoo, or one whose map is pooled to the published size by windows of unequal size:
            no convolution does the same.
    """
    names = [layer.name for layer in model.layers]
    if LOGITS_NAME not in names:
        raise InputError(f"to_conv_head takes a model of the zoo; {model.name!r} has no layer {LOGITS_NAME!r}")
    if any(isinstance(layer, keras.layers.AdaptiveAveragePooling2D) for layer in model.layers):
        raise InputError(
            f"{model.name!r} pools its map to the published size by windows of unequal size: for images of "
            f"{model.input_shape[1:3]} no convolution equals that; build it for the published image size"
        )
    inputs = keras.Input((None, None, model.input_shape[-1]), name="image")
    x = inputs
    window = None
    for layer in model.layers[1:]:
        if layer.name == "flatten":
            window = layer.input.shape[1:3]
        elif layer.name not in ("flatten_scores", "global_pool"):
            x = _convolution(layer, window)(x) if isinstance(layer, keras.layers.Dense) else _copy(layer)(x)
            window = None if layer.name in HIDDEN_NAMES else window
    converted = keras.Model(inputs, x, name=model.name)
    for layer in model.layers:
        for source, copy in zip(layer.weights, _weights_of(converted, layer.name), strict=True):
            copy.assign(keras.ops.reshape(source, copy.shape))
    return converted


def _weights_of(model, name):
    return model.get_layer(name).weights if name in {layer.name for layer in model.layers} else []


def _copy(layer):
    return layer.__class__.from_config(layer.get_config())


def _convolution(dense, window):
    config = dense.get_config()
    kept = ("name", "trainable", "dtype", "activation", "use_bias", "kernel_initializer", "bias_initializer")
    settings = {key: keras.saving.deserialize_keras_object(config[key]) for key in kept}
    return keras.layers.Conv2D(config["units"], window or 1, data_format="channels_last", **settings)


def feature_extractor(model, layer_names):
    """A model with the same input that returns the outputs of the named layers.

    Args:
        model: a functional model.
        layer_names: one name (one output) or a sequence of names (a list of outputs, in their order).

    Returns:
        A functional keras.Model that shares its layers, and so its weights, with `model`.

    Raises:
        InputError: no name, or one that is no layer, with the nearest ones.
    """
    names = [layer_names] if isinstance(layer_names, str) else list(layer_names)
    if not names:
        raise InputError("feature_extractor needs at least one layer name")
    for name in names:
        check_name("layer", name, [layer.name for layer in model.layers])
    outputs = [model.get_layer(name).output for name in names]
    return keras.Model(
        model.input, outputs[0] if isinstance(layer_names, str) else outputs, name=f"{model.name}_features"
    )


def freeze(model, up_to):
    """Holds the layers from the image up to and including layer `up_to` still, and lets the others learn.

    A frozen BatchNorm is in inference mode. Compile the model afterwards.

    Args:
        model: a keras.Model, changed in place.
        up_to: the name of a layer.

    Returns:
        The model.

    Raises:
        InputError: `up_to` is no layer, with the nearest ones.
    """
    names = [layer.name for layer in model.layers]
    last = names.index(check_name("layer", up_to, names))
    for place, layer in enumerate(model.layers):
        layer.trainable = place > last
    return model
