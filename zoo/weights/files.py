"""Which kind of weights file a path is, and its reader."""

from pathlib import Path

from nntricks_keras.errors import InputError
from zoo.weights import caffe_files, hdf5_files, torch_files

READERS = {
    "keras": hdf5_files.read_hdf5,
    "torchvision": torch_files.read_pth,
    "timm": torch_files.read_safetensors,
    "caffe": caffe_files.read_caffemodel,
}
SUFFIXES = {
    ".h5": "keras",
    ".hdf5": "keras",
    ".keras": "keras",
    ".pth": "torchvision",
    ".pt": "torchvision",
    ".safetensors": "timm",
    ".caffemodel": "caffe",
}


def kind_of(path):
    """The format of a file by its suffix: "keras", "torchvision", "timm" or "caffe"."""
    suffix = Path(path).suffix
    if suffix not in SUFFIXES:
        raise InputError(f"{path}: weights files end in {', '.join(SUFFIXES)}; this one ends in {suffix!r}")
    return SUFFIXES[suffix]


def read(path, kind):
    """The contents of a weights file of that kind."""
    return READERS[kind](path)
