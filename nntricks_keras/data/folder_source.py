"""Labelled images as files in class folders."""

import os

from nntricks_keras.data.image_files import usable
from nntricks_keras.data.stores import EncodedStore
from nntricks_keras.errors import InputError

SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def read_folder(folder, skip_bad_images=False):
    """Path -> ({split: EncodedStore}, class names in alphabetical order, ((file, reason) left out, ...))."""
    if not os.path.isdir(folder):
        raise InputError(f"no such folder: {folder}")
    split_folders = find_split_folders(folder)
    class_names = subfolders(split_folders["train"])
    if len(class_names) < 2:
        raise InputError(f"{split_folders['train']} has to hold two class folders at least, found {class_names}")
    splits, left_out = {}, []
    for split, place in split_folders.items():
        names = subfolders(place)
        if not names:
            continue  # files without class folders: an unlabelled split
        if names != class_names:
            odd = sorted(set(names) ^ set(class_names))
            raise InputError(
                f"class folders differ between {split_folders['train']} and {place}: {', '.join(odd[:10])}"
            )
        splits[split] = _read_split(place, class_names, left_out if skip_bad_images else None)
    return splits, class_names, tuple(left_out)


def find_split_folders(folder):
    """{split: folder}: the split folders below `folder`, or the folder itself as "train" where there is no train
    folder."""
    found = {}
    for split, aliases in SPLIT_FOLDERS.items():
        places = [folder / alias for alias in aliases if os.path.isdir(folder / alias)]
        if places:
            found[split] = places[0]
    return found if "train" in found else {"train": folder}


def image_files(folder):
    """The image files below a class folder, at any depth, sorted; hidden ones left out.

    Raises:
        InputError: a folder cannot be read.
    """
    files = []
    for place, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [
            os.path.join(place, name)
            for name in sorted(names)
            if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
        ]
    return files


def subfolders(folder):
    """Names of the folders in `folder`, sorted; hidden ones left out.

    Raises:
        InputError: `folder` cannot be read.
    """
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        _refuse(error)


def _refuse(error):
    raise InputError(f"{error.filename}: cannot be read ({error.strerror})") from error


def _read_split(folder, class_names, left_out):
    """`left_out` is a list that takes what cannot be used, or None: then nothing is looked into."""
    files, labels = [], []
    for label, name in enumerate(class_names):
        members = image_files(folder / name)
        if not members:
            raise InputError(f"no image in class folder {folder / name} ({', '.join(IMAGE_SUFFIXES)})")
        files += members
        labels += [label] * len(members)
    if left_out is not None:
        files, labels, bad = usable(files, labels)
        left_out += bad
        empty = [name for label, name in enumerate(class_names) if label not in labels]
        if empty:
            raise InputError(f"no usable image in class folder {folder / empty[0]}")
    return EncodedStore(files, labels)
