"""Labelled images given as arrays."""

import numpy as np

from nntricks_keras.data.stores import PixelStore
from nntricks_keras.errors import InputError


def read_arrays(source):
    """(x, y), or ((x, y), (x_test, y_test)) -> ({split: PixelStore}, class names "0", "1", ...)."""
    if _holds_splits(source):
        splits = {"train": _checked(*source[0], "train"), "test": _checked(*source[1], "test")}
    else:
        splits = {"train": _checked(*source, "train")}
    num_classes = 1 + max(int(store.labels.max()) for store in splits.values())
    for name, store in splits.items():
        missing = sorted(set(range(num_classes)) - set(store.labels.tolist()))
        if missing:
            raise InputError(
                f"{name}: no image of class number {', '.join(map(str, missing[:10]))}; labels count from 0"
            )
        if store.image_shape != splits["train"].image_shape:
            raise InputError(f"{name}: images of {store.image_shape}, but train has {splits['train'].image_shape}")
    return splits, [str(label) for label in range(num_classes)]


def _holds_splits(source):
    """Whether a pair is one of (x, y) pairs; images and their labels may be lists of two as well."""
    are_pairs = all(isinstance(part, (tuple, list)) and len(part) == 2 for part in source)
    return are_pairs and _array(source[1][0], "test").ndim >= 2  # images: a label has fewer axes, one-hot too


def _array(x, split):
    try:
        return np.asarray(x)
    except ValueError as error:  # that of NumPy for lists of unequal lengths
        raise InputError(f"{split}: the images differ in size, and arrays have one: {error}") from None


def _checked(x, y, split):
    x, y = _array(x, split), np.asarray(y)
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or x.shape[-1] not in (1, 3) or 0 in x.shape:
        raise InputError(f"{split}: x has to be (number, height, width, 1 or 3), received shape {x.shape}")
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape != x.shape[:1]:
        raise InputError(f"{split}: y has to hold one label for each of {len(x)} images, received shape {y.shape}")
    is_integer = np.issubdtype(y.dtype, np.integer)
    if not is_integer or y.min() < 0:
        lowest = f" from {y.min()}" if is_integer else ""
        raise InputError(f"{split}: labels have to be integers from 0 on, received {y.dtype}{lowest}")
    return PixelStore(_as_grey_levels(x, split), y)


def _as_grey_levels(x, split):
    if x.dtype == np.uint8:
        return x
    if not np.issubdtype(x.dtype, np.number):
        raise InputError(f"{split}: pixels have to be numbers from 0 to 255, received {x.dtype}")
    if not np.isfinite(x).all():
        bad = np.flatnonzero(~np.isfinite(x).all(axis=(1, 2, 3)))
        raise InputError(f"{split}: NaN or infinite pixels in {len(bad)} images, first: image {bad[0]}")
    if x.min() < 0 or x.max() > 255 or (x.max() <= 1 and not np.issubdtype(x.dtype, np.integer)):
        raise InputError(f"{split}: pixels have to be grey levels from 0 to 255, received {x.min():g} to {x.max():g}")
    return np.round(x).astype(np.uint8)
