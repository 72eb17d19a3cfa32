"""Finding the images that cannot be trained on, before training: each with its name and the reason."""

import dataclasses
import os
from pathlib import Path

from nntricks_keras.data.folder_source import find_split_folders, image_files, subfolders
from nntricks_keras.data.image_files import check_files
from nntricks_keras.errors import InputError


@dataclasses.dataclass(frozen=True)
class CheckReport:
    """What `check_folder` found. `problems` keep images from being used, `remarks` may be meant."""

    num_images: int
    problems: tuple[tuple[str, str], ...]
    """(file or folder, reason)."""
    remarks: tuple[tuple[str, str], ...]
    """(file or folder, reason)."""

    def __str__(self):
        lines = [f"{self.num_images} images, {len(self.problems)} problems, {len(self.remarks)} remarks"]
        lines += [f"problem  {place}: {reason}" for place, reason in self.problems]
        lines += [f"remark   {place}: {reason}" for place, reason in self.remarks]
        return "\n".join(lines)


def check_folder(folder):
    """Reads every image of a folder of class folders, with or without split folders.

    Problems: files that are empty, truncated, no image, too large, or not to be read; class folders without images;
    a class that is missing from a split. Remarks: images of one pixel a side; files in class folders that are taken
    for no image; the same picture twice, in two splits or two classes or one.

    Raises:
        InputError: there is no such folder, it has no class folder, or these cannot be listed.
    """
    folder = Path(folder).expanduser()
    if not os.path.isdir(folder):
        raise InputError(f"no such folder: {folder}")
    split_folders = find_split_folders(folder)
    classes = {split: subfolders(place) for split, place in split_folders.items()}
    if not classes["train"]:
        raise InputError(f"{split_folders['train']} has no class folder")
    problems, remarks, files = [], [], []
    for split, place in split_folders.items():
        for name in sorted(set().union(*classes.values()) - set(classes[split])) if classes[split] else []:
            problems.append((str(place / name), f"class {name!r} is missing from split {split!r}"))
        for name in classes[split]:
            try:
                members = image_files(place / name)
            except InputError as error:
                problems.append(tuple(str(error).split(": ", 1)))
                continue
            if not members:
                problems.append((str(place / name), "no image in this class folder"))
            files += [(path, split, name) for path in members]
            others = sorted({str(p) for p in (place / name).rglob("*") if p.is_file()} - set(members))
            remarks += [(path, "not taken for an image, by its name") for path in others]
    seen = {}
    for (path, split, name), (reason, size, fingerprint) in zip(files, check_files([f[0] for f in files]), strict=True):
        if reason:
            problems.append((path, reason))
            continue
        if min(size) == 1:
            remarks.append((path, f"{size[0]} x {size[1]} pixels"))
        if fingerprint in seen:
            first_path, first_split, first_name = seen[fingerprint]
            across = (
                "in another split" if split != first_split else "in another class" if name != first_name else "twice"
            )
            remarks.append((path, f"the same picture {across}: {first_path}"))
        seen.setdefault(fingerprint, (path, split, name))
    return CheckReport(len(files), tuple(problems), tuple(remarks))
