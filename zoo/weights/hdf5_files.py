"""Keras's files: the official weights' legacy HDF5 layout, Keras 3's `.weights.h5`, and saved `.keras` models."""

import io
import re
import zipfile

import h5py
import numpy as np

from nntricks_keras.errors import InputError
from zoo.variants import LOGITS_NAME
from zoo.weights.entries import Contents, Entry, unreadable

KERAS_EPSILON = 1e-3  # BatchNormalization's default; the files do not keep it
NORM_ROLES = ("gamma", "beta", "mean", "variance")


def read_hdf5(path):
    """The contents of a `.h5`, `.weights.h5` or `.keras` file."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                file = h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r")
        else:
            file = h5py.File(path, "r")
        with file:
            top = file.get("model_weights", file)
            named = list(_legacy_layers(top) if "layer_names" in top.attrs else _keras3_layers(top))
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile) as error:
        raise unreadable(path, "HDF5 file of Keras weights", error) from error
    entries = [_entry(name, arrays, path) for name, arrays in named if arrays]
    own = any(entry.name == LOGITS_NAME for entry in entries)
    return Contents(entries, epsilon=KERAS_EPSILON, own=own)


def _legacy_layers(top):
    for name in top.attrs["layer_names"]:
        group = top[name]
        yield _text(name), [np.asarray(group[weight]) for weight in group.attrs["weight_names"]]


def _keras3_layers(top):
    """Groups are called after classes (conv2d, conv2d_1, ...); the layer's own name is an attribute."""
    for group_name in sorted(top["layers"], key=_natural):
        group = top["layers"][group_name]
        if "vars" in group:
            variables = group["vars"]
            arrays = [np.asarray(variables[key]) for key in sorted(filter(str.isdigit, variables), key=int)]
            yield _text(variables.attrs.get("name", group_name)), arrays


def _text(name):
    return name.decode() if isinstance(name, bytes) else str(name)


def _natural(name):
    stem, number = re.fullmatch(r"(.*?)(?:_(\d+))?", name).groups()
    return stem, int(number or 0)


def _entry(name, arrays, path):
    """The layer's tensors by role."""
    arrays = [array.astype("float32") if array.dtype.kind == "f" else array for array in arrays]
    ranks = [array.ndim for array in arrays]
    if ranks == [4, 1]:
        return Entry(name, "conv", {"kernel": arrays[0], "bias": arrays[1]})
    if ranks == [2, 1]:
        return Entry(name, "dense", {"kernel": arrays[0], "bias": arrays[1]})
    if ranks == [1, 1, 1, 1]:
        return Entry(name, "norm", dict(zip(NORM_ROLES, arrays, strict=True)))
    if name.endswith("_activation"):
        return Entry(name, "slopes", {str(number): array for number, array in enumerate(arrays)})
    shapes = [array.shape for array in arrays]
    raise InputError(f"{path}: layer {name!r} holds {shapes}; a kernel and a bias were expected")


def write_legacy(path, entries):
    """The layout of the official files, which `keras.applications` loads."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [entry.name.encode() for entry in entries]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.15.0"
        for entry in entries:
            group = file.create_group(entry.name)
            names = [f"{entry.name}/{role}:0" for role in entry.tensors]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, tensor in zip(names, entry.tensors.values(), strict=True):
                group.create_dataset(name, data=tensor)


def write_keras3(path, entries):
    """The layout of Keras 3's `.weights.h5` of the same network from stock layers."""
    classes = {"conv": "conv2d", "norm": "batch_normalization", "dense": "dense"}
    counts = dict.fromkeys(classes, 0)
    with h5py.File(path, "w") as file:
        for entry in entries:
            number = counts[entry.kind]
            counts[entry.kind] += 1
            name = classes[entry.kind] + (f"_{number}" if number else "")
            variables = file.create_group(f"layers/{name}/vars")
            variables.attrs["name"] = entry.name
            for index, tensor in enumerate(entry.tensors.values()):
                variables.create_dataset(str(index), data=tensor)
        file.create_group("vars")
