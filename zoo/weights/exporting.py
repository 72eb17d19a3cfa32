"""Writes a model's weights in the formats, layouts and conventions of other frameworks."""

from pathlib import Path

import numpy as np

from nntricks_keras.errors import InputError, check_name
from zoo.variants import HIDDEN_NAMES, LOGITS_NAME
from zoo.weights import caffe_files, hdf5_files, torch_files
from zoo.weights.entries import Entry
from zoo.weights.loading import at_epsilon, local_response_scales
from zoo.weights.plan import plan_of

SUFFIX = {"keras": ".h5", "torchvision": ".pth", "timm": ".safetensors", "caffe": ".caffemodel"}
# Linear layers of torchvision's `classifier`, which counts its ReLU and Dropout too.
CLASSIFIERS = {"vgg": (0, 3, 6), "alexnet": (1, 4, 6)}


def export_weights(model, format, path=None):
    """Writes the weights as another framework would, its conventions included; `load_weights` reads them back to 1 ulp.

    Args:
        model: a model of the zoo.
        format: "keras" (the official files' layout; Keras 3's if `path` ends in .weights.h5), "torchvision" (state
            dictionary), "timm" (safetensors) or "caffe".
        path: the file to write; by default the model's name with the format's suffix, in the working directory.

    Returns:
        pathlib.Path: the file.

    Raises:
        ValueError: an unknown format, or weights for which the format has no place (BatchNorm in Caffe, BatchNorm
            without scale or center, learnt slopes).
    """
    check_name("weights format", format, SUFFIX)
    plan = plan_of(model)
    plan.check_norms()
    path = Path(path or f"{model.name}{SUFFIX[format]}")
    learnt = plan.of_kind("slopes")
    if learnt:
        raise InputError(
            f"weights files of {format} have no place for the learnt slopes of {learnt[0].name}; save the model"
        )
    if format == "caffe" and plan.of_kind("norm"):
        raise InputError("a caffemodel keeps BatchNorm in a way of its own; export to keras, torchvision or timm")
    constants = caffe_files.BVLC_LOCAL_RESPONSE if format == "caffe" else None
    names = NAMES[format](plan)
    entries = [_entry(plan, slot, names[slot.name], format, constants, path) for slot in plan.slots]
    if format == "keras":
        write = hdf5_files.write_keras3 if path.name.endswith(".weights.h5") else hdf5_files.write_legacy
        write(path, entries)
    elif format == "caffe":
        caffe_files.write_caffemodel(path, entries, num_norms=sum(len(slot.norms) for slot in plan.slots))
    else:
        {"torchvision": torch_files.write_pth, "timm": torch_files.write_safetensors}[format](path, entries)
    return path


def _entry(plan, slot, name, format, constants, path):
    """One layer in the layout of Entry, the convention of the format, and the order it flattens maps in."""
    layer = slot.layer
    if slot.kind == "norm":
        epsilon = hdf5_files.KERAS_EPSILON if format == "keras" else 1e-5
        gamma, beta, mean, variance = (
            np.asarray(variable) for variable in (layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance)
        )
        gamma = at_epsilon(gamma, variance, layer.epsilon, epsilon)
        tensors = {"gamma": gamma, "beta": beta, "mean": mean, "variance": variance}
        return Entry(name, "norm", tensors)
    kernel, bias = np.asarray(layer.kernel), np.asarray(layer.bias)
    factor = np.float64(slot.keep_prob)
    if constants:
        as_follower, as_predecessor = local_response_scales(plan, slot, constants, path)
        factor /= as_follower * as_predecessor
        bias = (bias / np.float64(as_predecessor)).astype("float32")
    kernel = (kernel * factor).astype("float32").reshape(slot.kernel_shape)
    if slot.kind == "dense":
        kernel = _dense_kernel(plan, slot, kernel, format)
    return Entry(name, slot.kind, {"kernel": kernel, "bias": bias})


def _dense_kernel(plan, slot, kernel, format):
    """timm keeps VGG's hidden layers as convolutions; the others flatten, PyTorch and Caffe channels first."""
    as_convolution = format == "timm" and plan.family == "vgg" and slot.name in HIDDEN_NAMES
    if as_convolution:
        return kernel if kernel.ndim == 4 else kernel[None, None]
    if kernel.ndim == 4 and format != "keras":
        kernel = kernel.transpose(2, 0, 1, 3)
    return kernel.reshape(-1, kernel.shape[-1])


def _keras_names(plan):
    heads = dict(zip((*HIDDEN_NAMES, LOGITS_NAME), ("fc1", "fc2", "predictions"), strict=True))
    names = {}
    for slot in plan.slots:
        stage, _, rest = slot.name.removeprefix("conv").partition("_")
        number, _, norm = rest.partition("_")
        block = f"block{stage}_conv{number}{'_bn' if norm else ''}" if plan.family == "vgg" else slot.name
        names[slot.name] = heads.get(slot.name, block)
    return names


def _torch_features(plan):
    """Places in torchvision's `features`, which counts activations, norms and poolings too."""
    return {layer.name: f"features.{number}" for number, layer in enumerate(plan.modules)}


def _torchvision_names(plan):
    dense = [slot.name for slot in plan.of_kind("dense")]
    if not plan.has_hidden:
        return _torch_features(plan) | {LOGITS_NAME: "classifier"}
    numbers = CLASSIFIERS[plan.family]
    return _torch_features(plan) | {name: f"classifier.{n}" for name, n in zip(dense, numbers, strict=True)}


def _timm_names(plan):
    if plan.family != "vgg":
        return _torchvision_names(plan)
    heads = ("pre_logits.fc1", "pre_logits.fc2", "head.fc")
    return _torch_features(plan) | dict(zip((*HIDDEN_NAMES, LOGITS_NAME), heads, strict=True))


def _caffe_names(plan):
    return {slot.name: "fc8" if slot.name == LOGITS_NAME else slot.name for slot in plan.slots}


NAMES = {"keras": _keras_names, "torchvision": _torchvision_names, "timm": _timm_names, "caffe": _caffe_names}
