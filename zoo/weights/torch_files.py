"""PyTorch's files: state dictionaries of torchvision (`.pth`) and timm (`.safetensors`). No pickle is executed."""

import re

import numpy as np

from nntricks_keras.errors import InputError
from zoo.weights.entries import Contents, Entry, unreadable

EXTRA = "pip install nntricks-keras[weights]"
ROLES = {"weight": "gamma", "bias": "beta", "running_mean": "mean", "running_var": "variance"}


def read_pth(path):
    """The contents of a `.pth` or `.pt` state dictionary."""
    torch = _torch()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises RuntimeError, EOFError, UnpicklingError and more for one damaged file
        raise unreadable(path, "PyTorch file of tensors", error) from error
    for wrapper in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise InputError(f"{path}: a state dictionary of tensors was expected, it holds {type(state).__name__}")
    return _contents(path, {key: tensor.to(torch.float32).numpy() for key, tensor in state.items()})


def read_safetensors(path):
    """The contents of a `.safetensors` file."""
    safetensors = _safetensors()
    try:
        state = safetensors.load_file(path)
    except FileNotFoundError:
        raise
    except Exception as error:  # SafetensorError is not exported under a stable name
        raise unreadable(path, "safetensors file", error) from error
    # The file does not keep the order of the network: numbers in names do, and the classifier is last.
    ordered = sorted(state, key=_place)
    return _contents(path, {key: state[key].astype("float32") for key in ordered})


def _place(key):
    """Features before hidden layers before the last one; within them by number."""
    rank = 2 if key.startswith("head") else 1 if key.startswith(("classifier", "pre_logits")) else 0
    return rank, [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", key) if part]


def _contents(path, state):
    modules = {}
    for key, array in state.items():
        module, _, role = key.rpartition(".")
        if role != "num_batches_tracked":
            modules.setdefault(module, {})[role] = array
    entries = [_entry(path, module, tensors) for module, tensors in modules.items()]
    return Contents([entry for entry in entries if entry], flatten="chw")


def _entry(path, module, tensors):
    weight = tensors.get("weight")
    if weight is None or (weight.ndim == 1 and "running_mean" not in tensors):
        return None  # no layer of ours: a learnt slope, say
    if weight.ndim == 1:
        return Entry(module, "norm", {ROLES[role]: array for role, array in tensors.items() if role in ROLES})
    if "bias" not in tensors:
        raise InputError(f"{path}: {module} has no bias; convolutions and dense layers of the zoo have one")
    if weight.ndim == 4:
        kind = "dense" if module.startswith(("pre_logits", "head", "classifier")) else "conv"
        kernel = weight.transpose(2, 3, 1, 0)
    else:
        kind, kernel = "dense", weight.T
    return Entry(module, kind, {"kernel": kernel, "bias": tensors["bias"]})


def write_pth(path, entries):
    torch = _torch()
    state = {key: torch.from_numpy(array) for key, array in state_dict(entries).items()}
    torch.save(state, path)


def write_safetensors(path, entries):
    _safetensors().save_file(state_dict(entries), path)


def state_dict(entries):
    """Entries (dense kernels (inputs in PyTorch's order, units), or unfolded) as PyTorch lays them out."""
    state = {}
    for entry in entries:
        if entry.kind == "norm":
            for role, ours in ROLES.items():
                state[f"{entry.name}.{role}"] = np.ascontiguousarray(entry.tensors[ours])
            state[f"{entry.name}.num_batches_tracked"] = np.asarray(0, dtype="int64")
        else:
            kernel = entry.tensors["kernel"]
            weight = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
            state[f"{entry.name}.weight"] = np.ascontiguousarray(weight)
            state[f"{entry.name}.bias"] = np.ascontiguousarray(entry.tensors["bias"])
    return state


def _torch():
    try:
        import torch
    except ImportError as error:
        raise InputError(f"reading and writing .pth files needs PyTorch: {EXTRA}") from error
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if version < (2, 6):  # before it, weights_only could be made to execute code
        raise InputError(f"reading .pth files safely needs torch >= 2.6, found {torch.__version__}: {EXTRA}")
    return torch


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise InputError(f"reading and writing .safetensors files needs safetensors: {EXTRA}") from error
    return safetensors.numpy
