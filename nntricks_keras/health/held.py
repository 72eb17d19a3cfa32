"""Examples to look at again and again."""

from nntricks_keras.errors import InputError


def hold(x, y=None):
    """(x, y) as `probe` takes them, a stream read once into a list of its batches: the same ones every time.

    Raises:
        InputError: the stream never ends, or is empty.
    """
    if y is not None or hasattr(x, "shape") or isinstance(x, dict | list | tuple):
        return x, y
    if hasattr(x, "cardinality") and int(x.cardinality()) == -1:
        raise InputError("health: the stream never ends; take a part of it, for example dataset.take(2)")
    if not hasattr(x, "__iter__") and not hasattr(x, "__getitem__"):
        raise InputError(f"health takes arrays, a tf.data.Dataset or an iterable of batches, received {x!r}")
    batches = list(x) if hasattr(x, "__iter__") else [x[index] for index in range(len(x))]
    if not batches:
        raise InputError("health: the stream has no batch to look at")
    return batches, None
