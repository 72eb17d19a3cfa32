"""Whatever holds examples as batches, and whatever names a loss as a function."""

import keras
import numpy as np
from keras import ops

from nntricks_keras.errors import InputError

BATCH_SIZE = 128  # of arrays


def batches(model, x, y, max_examples):
    """Yields (inputs, labels or None) as NumPy arrays (inputs: one, or a list or dict of them), at most `max_examples`.

    x: an array or tensor, a list or dict of them for several inputs, or a stream: a tf.data.Dataset or any iterable of
    batches x, (x, y) or (x, y, weights).
    """
    if max_examples is not None and max_examples < 1:
        raise InputError(f"probe: max_examples has to be at least 1, received {max_examples!r}")
    stream = _cut(x, y) if _is_data(model, x) else _taken(x, y, max_examples)
    left = max_examples
    for inputs, labels in stream:
        count = num_examples(inputs)
        if left is not None and count > left:
            inputs, labels = keras.tree.map_structure(lambda a: None if a is None else a[:left], (inputs, labels))  # noqa: B023
            count = left
        if count:
            _check_inputs(model, inputs)
            yield inputs, labels
        if left is not None:
            left -= count
            if left <= 0:
                return


def num_examples(inputs):
    return len(keras.tree.flatten(inputs)[0])


def _is_data(model, x):
    if isinstance(x, dict) or hasattr(x, "shape"):
        return True
    if not isinstance(x, list | tuple):
        return False
    several = len(getattr(model, "inputs", None) or [0]) > 1
    return several and len(x) == len(model.inputs) and all(hasattr(item, "shape") for item in x)


def _cut(x, y):
    inputs, labels = keras.tree.map_structure(_array, (x, y))
    counts = {len(item) for item in keras.tree.flatten((inputs, labels)) if item is not None}
    if len(counts) != 1:
        raise InputError(f"probe: inputs and labels have to be as many, received {sorted(counts)} of them")
    for start in range(0, counts.pop(), BATCH_SIZE):
        part = slice(start, start + BATCH_SIZE)
        yield keras.tree.map_structure(lambda a: None if a is None else a[part], (inputs, labels))  # noqa: B023


def _taken(stream, y, max_examples):
    if y is not None:
        raise InputError("probe: a stream brings its labels along, as batches (x, y); y goes with arrays")
    if max_examples is None and is_endless(stream):
        raise InputError("probe: the stream never ends; say how much of it to look at, for example max_examples=512")
    for batch in each_of(stream):
        x, labels, *_ = (*batch, None) if isinstance(batch, tuple) else (batch, None)
        yield keras.tree.map_structure(lambda a: None if a is None else _array(a), (x, labels))


def is_endless(stream):
    """Whether a stream says of itself that it never ends."""
    return hasattr(stream, "cardinality") and int(stream.cardinality()) == -1


def each_of(stream):
    """An iterable of the batches of a stream; InputError when it is none."""
    if hasattr(stream, "__iter__"):
        return stream
    if not hasattr(stream, "__getitem__"):
        raise InputError(f"health takes arrays, a tf.data.Dataset or an iterable of batches, received {stream!r}")
    return (stream[index] for index in range(len(stream)))


def _array(value):
    return None if value is None else np.asarray(ops.convert_to_numpy(value))


def _check_inputs(model, inputs):
    wanted = [tuple(tensor.shape) for tensor in getattr(model, "inputs", None) or []]
    given = [item.shape for item in keras.tree.flatten(inputs)]
    fits = len(wanted) == len(given) and all(
        len(a) == len(b) and all(m in (None, n) for m, n in zip(a, b, strict=True))
        for a, b in zip(wanted, given, strict=True)
    )
    if wanted and not fits:
        hint = ""
        if len(wanted) == len(given) and all(len(a) == len(b) + 1 for a, b in zip(wanted, given, strict=True)):
            hint = "; a stream has to be in batches, for example dataset.batch(64)"
        raise InputError(f"probe: the model takes inputs of shape {wanted}, received {given}{hint}")


def resolve_loss(model, loss):
    """(labels, outputs) -> the mean loss, a scalar: `loss`, else the one the model is compiled with, else by the model.

    That is cross-entropy, of logits or, where the last layer is a softmax, of probabilities. Labels of classes may be
    integers or one-hot, whichever of the two the loss takes.
    """
    if loss is None:
        loss = getattr(model, "loss", None)
    if loss is None:
        return _cross_entropy(model)
    if isinstance(loss, str) or callable(loss):
        loss = keras.losses.get(loss)
        name = _name_of(loss)
        wants = "integers" if "sparse" in name else "one-hot" if "crossentropy" in name else None
        if "binary" in name:
            wants = None
        return lambda y, outputs: _mean(loss, _labels(y, outputs, wants), outputs)
    return lambda y, outputs: model.compute_loss(y=y, y_pred=outputs)  # one loss an output


def _cross_entropy(model):
    layers = getattr(model, "layers", [])
    softmax = bool(layers) and (
        isinstance(layers[-1], keras.layers.Softmax)
        or getattr(layers[-1], "activation", None) is keras.activations.softmax
    )
    sigmoid = bool(layers) and getattr(layers[-1], "activation", None) is keras.activations.sigmoid

    def mean_cross_entropy(y, outputs):
        if not hasattr(outputs, "shape") or len(outputs.shape) < 2 or outputs.shape[-1] < 2 or sigmoid:
            raise InputError(
                f"probe: which loss the model {model.name!r} is for cannot be told from its outputs; compile the model "
                "with one, or give loss=, for example loss='mse'"
            )
        y = _labels(y, outputs, "one-hot")
        return ops.mean(ops.categorical_crossentropy(y, ops.cast(outputs, y.dtype), from_logits=not softmax))

    return mean_cross_entropy


def _mean(loss, y, outputs):
    if not isinstance(loss, keras.losses.Loss):
        return ops.mean(loss(y, outputs))
    values = loss.call(y, ops.cast(outputs, "float32"))  # of each example, whatever the reduction over replicas is
    return ops.sum(values) if loss.reduction == "sum" else ops.mean(values)


def _labels(y, outputs, wants):
    """Integers as one-hot or the other way round, if the loss wants the other."""
    y = ops.convert_to_tensor(y)
    num_classes = outputs.shape[-1]
    if len(y.shape) == len(outputs.shape) and y.shape[-1] == 1 and num_classes > 1:
        y = y[..., 0]
    is_integers = len(y.shape) == len(outputs.shape) - 1
    if wants == "one-hot" and is_integers:
        return ops.one_hot(ops.cast(y, "int32"), num_classes, dtype="float32")
    if wants == "integers" and not is_integers:
        return ops.argmax(y, axis=-1)
    return ops.cast(y, "float32") if wants == "one-hot" else y


def is_cross_entropy(loss):
    """Whether a loss, as `compile` takes it, is cross-entropy of any kind, by its name."""
    return "crossentropy" in _name_of(loss)


def _name_of(loss):
    """All that a loss is called, without underscores; one in a list or a dictionary of one is meant itself."""
    if isinstance(loss, dict | list | tuple) and len(loss) == 1:
        (loss,) = loss.values() if isinstance(loss, dict) else loss
    names = [loss] if isinstance(loss, str) else [getattr(loss, "__name__", ""), type(loss).__name__]
    names += [name for name in [getattr(loss, "name", None)] if isinstance(name, str)]
    return " ".join(names).lower().replace("_", "")


def num_classes_of(model, loss=None):
    """How many classes a model tells apart that gives each example one of them; None for another model.

    By its outputs, (batch, classes), and its loss (`loss`, else the compiled one): cross-entropy over the classes,
    which is also what `resolve_loss` takes where there is none. Of a regression of several numbers there is no guess
    to compare with, nor of several classes an example.
    """
    loss = getattr(model, "loss", None) if loss is None else loss
    if loss is not None and (not is_cross_entropy(loss) or "binary" in _name_of(loss)):
        return None
    try:
        shape = model.output_shape
    except (AttributeError, ValueError):  # a subclassed model has none
        return None
    return shape[-1] if isinstance(shape, tuple) and len(shape) == 2 and isinstance(shape[-1], int) else None


def class_numbers(labels, num_classes):
    """The labels as integers in 0..num_classes - 1, or None if they are not classes. Raises InputError outside that."""
    if not isinstance(labels, np.ndarray) or not num_classes or num_classes < 2:
        return None
    if labels.ndim == 2 and labels.shape[1] == num_classes:
        return labels.argmax(axis=1)
    flat = labels.reshape(-1)
    if len(flat) != len(labels) or not np.array_equal(flat, np.round(flat)):
        return None
    wrong = flat[(flat < 0) | (flat >= num_classes)]
    if len(wrong):
        raise InputError(f"probe: labels have to be in 0..{num_classes - 1}, received {int(wrong[0])}")
    return flat.astype(int)
