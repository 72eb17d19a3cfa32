"""A run is a folder. What lies in it, and how it is read.

experiment.json    what was trained on what, and how (when zoo.train made the run)
environment.json   versions, devices, processor, commit
inputs.json        the Preprocessing the model expects, the class names, the number of images of each split
history.csv        a row an epoch. loss is what training makes small, over augmented images and labels as the recipe
                   smooths and mixes them; val_loss, as the loss of the test, is the plain cross-entropy
checkpoints/       the newest two (checkpoints.py)
model.keras        the last epoch that validation cannot tell from its best one (history.py), for prediction
metrics.json       written last: the test split, evaluated once on model.keras, and what the training took
curves.png         loss and accuracy by epoch
health.csv         a row a layer and time: signal, dead units, gradients, weights (health/records.py says more)
health.png         the same as a picture
tensorboard/       the same for TensorBoard
.lock              held by the process that trains here
"""

import contextlib
import csv
import dataclasses
import io
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import keras

from nntricks_keras.data.preprocessing import Preprocessing
from nntricks_keras.errors import InputError
from nntricks_keras.files import read_json, read_rows, write_atomically, write_json
from nntricks_keras.hardware import processor_name, usable_cores
from nntricks_keras.locks import BusyError, held, is_fresh
from nntricks_keras.serialization import differences, from_dict, in_words, to_dict

FIRST = "environment.json"  # the file that is written first
MARKS = (FIRST, "inputs.json", "experiment.json", "checkpoints", "metrics.json")
LOCK = ".lock"  # held while a process trains in the folder; left there, empty, when it is over


@dataclasses.dataclass(frozen=True)
class Run:
    """A run folder, opened.

    Args:
        folder: its path.

    Raises InputError from its properties when the file asked for is not there yet.
    """

    folder: Path

    def __post_init__(self):
        object.__setattr__(self, "folder", Path(self.folder))

    @classmethod
    def open(cls, folder):
        """The run in an existing folder; InputError when there is none."""
        folder = Path(folder)
        if not folder.is_dir():
            raise InputError(f"no such run folder: {folder}")
        if not any((folder / mark).exists() for mark in MARKS):
            raise InputError(f"{folder} is not a run folder: it has none of {', '.join(MARKS)}")
        return cls(folder)

    @property
    def model_path(self):
        return self.folder / "model.keras"

    @property
    def is_complete(self):
        """Whether the training came to its end; only a lean one has not evaluated the test split then."""
        return (self.folder / "metrics.json").exists()

    @property
    def metrics(self):
        """The contents of metrics.json."""
        return read_json(self.folder / "metrics.json")

    @property
    def inputs(self):
        """The contents of inputs.json."""
        return read_json(self.folder / "inputs.json")

    @property
    def preprocessing(self):
        """The Preprocessing the model was trained with."""
        return from_dict(Preprocessing, self.inputs["preprocessing"])

    @property
    def class_names(self):
        return self.inputs["class_names"]

    @property
    def history(self):
        """A dictionary an epoch: epoch, learning_rate, loss, top1, top5, val_loss, ..., seconds, images_per_second."""
        return [
            {name: int(value) if name == "epoch" else float(value) for name, value in row.items()}
            for row in read_rows(self.folder / "history.csv")
        ]

    def write_history(self, rows):
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_atomically(self.folder / "history.csv", lambda file: file.write(text.getvalue().encode()))

    def load_model(self):
        """The best model of the run, as model.keras holds it."""
        if not self.model_path.exists():
            raise InputError(f"{self.folder} has no model.keras yet: the first epoch has not ended")
        return keras.models.load_model(self.model_path)


def check(folder, *, resume, overwrite):
    """Raises InputError unless a run may begin, or go on, in `folder`; changes nothing.

    A folder in which something has begun is refused unless `resume` or `overwrite` is set, and then it has to be a
    run: neither touches a folder that is something else.
    """
    folder = Path(folder)
    if resume and overwrite:
        raise InputError("resume and overwrite exclude each other: one goes on with the run, the other deletes it")
    if resume:
        Run.open(folder)
    elif folder.exists():
        if not folder.is_dir():
            raise InputError(f"{folder} is a file; a run needs a folder")
        if not is_fresh(folder, LOCK, FIRST):
            if not overwrite:
                raise InputError(
                    f"{folder} is not empty: resume=True goes on with the run in it, overwrite=True deletes it first"
                )
            Run.open(folder)
    existing = next(path for path in [folder, *folder.absolute().parents] if path.exists())
    if not os.access(existing, os.W_OK):
        raise InputError(f"the run folder {folder} cannot be made or written: no right to write {existing}")


@contextlib.contextmanager
def claimed(folder, *, resume, overwrite):
    """Makes the folder of a run that `check` has let pass; in the body no other process can claim it.

    With `overwrite` nothing of what was in it is left. Raises InputError when another process trains there, or has
    trained there since `check` looked.
    """
    folder = Path(folder)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(held(folder / LOCK, folder))
            if overwrite:
                _empty(folder)
        except BusyError:
            raise InputError(
                f"another process is training in {folder} (it holds {LOCK} there): let it end, or give another folder"
            ) from None
        except OSError as error:
            raise InputError(f"the run folder {folder} cannot be made: {error}") from None
        if not resume:
            check(folder, resume=False, overwrite=False)
        yield


def _empty(folder):
    """Deletes all in a folder but the lock: without the file others would lock a new one."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != LOCK:
            path.unlink()


def describe_inputs(image_data, preprocessing):
    """The contents of inputs.json for data.ImageData and data.Preprocessing."""
    return {
        "preprocessing": to_dict(preprocessing),
        "class_names": list(image_data.class_names),
        "counts": dict(image_data.counts),
    }


def check_inputs(run, inputs):
    """Raises InputError when a run was started with other `inputs`, as describe_inputs makes them.

    An image it has trained on may now be in the test split, and its steps so far are other epochs.
    """
    if not (run.folder / "inputs.json").exists():  # the run was ended before it was written
        return
    before = {**run.inputs, "preprocessing": to_dict(run.preprocessing)}  # with the defaults of settings added since
    changed = differences(before, inputs)
    if changed:
        raise InputError(f"{run.folder} was started with other data: " + "; ".join(in_words(changed)))


def write_environment(folder, devices):
    """environment.json: what one needs to know to repeat the run or to compare its speed."""
    versions = {
        name: sys.modules[name].__version__
        for name in ("keras", "numpy", "tensorflow", "jax", "torch")
        if name in sys.modules
    }
    write_json(
        Path(folder) / FIRST,
        {
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "command": sys.argv,
            "python": platform.python_version(),
            "versions": versions,
            "backend": keras.backend.backend(),
            "devices": devices,
            "processor": processor_name(),
            "cores": os.cpu_count(),
            "usable_cores": usable_cores(),
            "platform": platform.platform(),
            "commit": _commit(),
        },
    )


def _commit():
    """The commit of the checkout this package runs from, "-modified" when it has changes; None outside a checkout."""
    here = Path(__file__).resolve().parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=-modified"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return described.stdout.strip() or None
