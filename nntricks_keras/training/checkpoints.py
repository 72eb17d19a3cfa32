"""Checkpoints: everything a run needs to go on as if nothing had happened, in one file that is whole or not there.

`step-00001234.npz` is a plain NumPy archive, read with pickling off: `model/0000`, `model/0001`, ... are the model's
variables (the states of its seed generators too, which `.keras` files lose), `optimizer/0000`, ... the optimizer's,
`average/0000`, ... those of a WeightAverage, and `state` is JSON in UTF-8: epoch, step, the counters of the callbacks,
and the path and shape of every variable. The archive's own CRC-32 tells a damaged file from a good one.
"""

import json
import warnings
from pathlib import Path

import numpy as np
from keras import ops

from nntricks_keras.errors import InputError
from nntricks_keras.files import partial_of, write_atomically


class Checkpoints:
    """The checkpoints of one run.

    Args:
        folder: where they lie; made when the first one is written.
        keep: how many of the newest stay on disk.
    """

    def __init__(self, folder, keep=2):
        self.folder = Path(folder)
        self.keep = keep

    def paths(self):
        """The checkpoint files, the newest last."""
        return sorted(self.folder.glob("step-*.npz"))

    def save(self, model, state, average=()):
        """Writes the variables of model, optimizer and average, and `state` (JSON with "step"); returns the path.

        Of the other checkpoints the newest before it stay. Those of later steps could not be read when the run went on
        from an earlier one, and half a file is what a kill left: they go.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for half in self.folder.glob(partial_of("step-*.npz").name):
            half.unlink()
        arrays, described = {}, []
        for key, variable in _variables(model, average):
            array = ops.convert_to_numpy(variable)
            described.append({"key": key, "path": variable.path, "shape": list(array.shape), "dtype": array.dtype.name})
            arrays[key] = array
        content = json.dumps({**state, "variables": described})
        arrays["state"] = np.frombuffer(content.encode(), dtype=np.uint8)
        path = self.folder / f"step-{state['step']:08d}.npz"
        write_atomically(path, lambda file: np.savez(file, **arrays))
        paths = self.paths()
        end = paths.index(path) + 1
        for needless in paths[:end][: -self.keep] + paths[end:]:
            needless.unlink()
        return path

    def newest(self):
        """(state, arrays) of the newest readable checkpoint, None when there is none; a warning names each damaged one.

        Raises InputError when there are some and all are damaged.
        """
        paths = self.paths()
        for path in reversed(paths):
            try:
                return _read(path)
            except Exception as error:  # a wrong byte makes zipfile and NumPy raise almost anything
                warnings.warn(f"{path} cannot be read ({error}); going back to the one before", stacklevel=2)
        if paths:
            raise InputError(
                f"no checkpoint in {self.folder} can be read: bring back a copy, or begin again with overwrite=True"
            )
        return None


def restore(model, state, arrays, average=()):
    """Puts a checkpoint's arrays into a built model, its built optimizer and the variables of its average.

    All of them, or none and an InputError.
    """
    variables = _variables(model, average)
    saved = {entry["key"]: entry for entry in state["variables"]}
    if len(variables) != len(saved):
        raise InputError(f"the checkpoint has {len(saved)} variables, this model and optimizer have {len(variables)}")
    for key, variable in variables:
        there, here = tuple(saved[key]["shape"]), tuple(variable.shape)
        if there != here:
            raise InputError(
                f"a checkpoint of another model: its {saved[key]['path']} is {there}, {variable.path} here is {here}"
            )
    for key, variable in variables:
        variable.assign(arrays[key].view(saved[key]["dtype"]))


def _variables(model, average):
    return [
        (f"{owner}/{index:04d}", variable)
        for owner, variables in [
            ("model", model.variables),
            ("optimizer", model.optimizer.variables),
            ("average", average),
        ]
        for index, variable in enumerate(variables)
    ]


def _read(path):
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
        damaged = archive.zip.testzip()  # NumPy does not come to the CRC of an array whose header says it is shorter
        if damaged:
            raise ValueError(f"{damaged} is damaged")
        state = json.loads(bytes(archive["state"]))
        return state, {entry["key"]: archive[entry["key"]] for entry in state["variables"]}
