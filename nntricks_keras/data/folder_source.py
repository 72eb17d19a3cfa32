"""Labelled images as files in class folders."""

import os

from nntricks_keras.data.stores import EncodedStore
from nntricks_keras.errors import InputError

SPLIT_FOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")


def read_folder(folder):
    """Path -> ({split: EncodedStore}, class names in alphabetical order)."""
    if not folder.is_dir():
        raise InputError(f"no such folder: {folder}")
    split_folders = find_split_folders(folder)
    class_names = _subfolders(split_folders["train"])
    if len(class_names) < 2:
        raise InputError(f"{split_folders['train']} has to hold two class folders at least, found {class_names}")
    splits = {}
    for split, place in split_folders.items():
        names = _subfolders(place)
        if not names:
            continue  # files without class folders: an unlabelled split
        if names != class_names:
            odd = sorted(set(names) ^ set(class_names))
            raise InputError(
                f"class folders differ between {split_folders['train']} and {place}: {', '.join(odd[:10])}"
            )
        splits[split] = _read_split(place, class_names)
    return splits, class_names


def find_split_folders(folder):
    """{split: folder}: the split folders below `folder`, or the folder itself as "train" where there is no train folder."""
    found = {}
    for split, aliases in SPLIT_FOLDERS.items():
        places = [folder / alias for alias in aliases if (folder / alias).is_dir()]
        if places:
            found[split] = places[0]
    return found if "train" in found else {"train": folder}


def image_files(folder):
    """The image files below a class folder, at any depth, sorted; hidden ones left out."""
    files = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [
            os.path.join(place, name)
            for name in sorted(names)
            if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
        ]
    return files


def _subfolders(folder):
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and not entry.name.startswith("."))


def _read_split(folder, class_names):
    files, labels = [], []
    for label, name in enumerate(class_names):
        members = image_files(folder / name)
        if not members:
            raise InputError(f"no image in class folder {folder / name} ({', '.join(IMAGE_SUFFIXES)})")
        files += members
        labels += [label] * len(members)
    return EncodedStore(files, labels)
