"""Loads a weights file into a model of the zoo: every tensor is checked before the first one is assigned."""

import logging
import math
from dataclasses import dataclass

import numpy as np

from nntricks_keras.errors import InputError
from zoo.variants import LOGITS_NAME
from zoo.weights.files import kind_of, read
from zoo.weights.plan import plan_of
from zoo.weights.public import locate

log = logging.getLogger("zoo")


@dataclass(frozen=True)
class Loaded:
    """What `load_weights` did: the file, the layers that have its weights, and those that keep their own."""

    path: str
    loaded: tuple[str, ...]
    kept: tuple[str, ...]


def load_weights(model, source):
    """Loads public or local weights into `model`, in place, converted to its layouts and conventions.

    Kernel layouts, the order of flattened maps, BatchNorm's epsilon, Dropout (public weights expect that nothing is
    scaled at inference: the kernel after each Dropout is divided by its keep_prob) and Caffe's LRN constants are
    converted. What the weights expect of images is `zoo.preprocessing(name, source)`. With another number of classes
    all but the last layer is loaded, and a log message says so; likewise with the head "pool", of which public weights
    have no last layer.

    Args:
        model: a model of the zoo.
        source: "imagenet" (the card's first source of it), "keras", "torchvision", "timm", "caffe", "fashion_mnist" as
            far as the card names them, or a file: Keras's HDF5 of either layout, `.keras`, `.pth`, `.safetensors`,
            `.caffemodel`.

    Returns:
        Loaded: the file, the layers that were loaded and those that were not.

    Raises:
        ValueError: no such source or file, a wrong hash, a damaged file, a tensor that does not fit, or a BatchNorm
            without scale or center; the model is then as it was.
    """
    plan = plan_of(model)
    plan.check_norms()
    path = locate(source, plan)
    contents = read(path, kind_of(path))
    pairs, kept = _match(plan, contents, path)
    assignments = [assignment for slot, entry in pairs for assignment in _convert(plan, slot, entry, contents, path)]
    for variable, value in assignments:
        if tuple(variable.shape) != value.shape:
            raise InputError(
                f"{path}: the first tensor that does not fit is that of {variable.path}, shape {value.shape}; "
                f"{plan.model.name} has shape {tuple(variable.shape)}"
            )
    for variable, value in assignments:
        variable.assign(value)
    if kept:
        log.warning("%s: loaded all but %s from %s", model.name, ", ".join(kept), path)
    return Loaded(str(path), tuple(slot.name for slot, _ in pairs), tuple(kept))


def _match(plan, contents, path):
    """Pairs of slot and entry in the order of the model, and the names of the slots that keep what they have."""
    entries = {kind: contents.of_kind(kind) for kind in ("conv", "norm", "dense", "slopes")}
    if contents.own:
        place = {slot.name: number for number, slot in enumerate(plan.slots)}
        for found in entries.values():
            found.sort(key=lambda entry: place.get(entry.name, len(place)))
    slots = {kind: plan.of_kind(kind) for kind in entries}
    kept = [] if contents.own else [slot.name for slot in slots["slopes"]]
    if not plan.has_hidden and len(entries["dense"]) != 1:
        slots["dense"], entries["dense"] = [], []
        kept.append(LOGITS_NAME)
    matched = {}
    for kind in entries:
        for slot, entry in zip(slots[kind], entries[kind], strict=False):
            if not contents.own or slot.name == entry.name:
                matched[slot.name] = entry
    pairs = []
    for slot in plan.slots:
        if slot.name in kept:
            continue
        if slot.name not in matched:
            held = ", ".join(f"{len(found)} {kind}" for kind, found in entries.items())
            raise InputError(f"{path}: no tensors for {slot.name} of {plan.model.name}; the file holds {held} layers")
        if slot.name == LOGITS_NAME and _only_classes_differ(slot, matched[slot.name]):
            kept.append(LOGITS_NAME)
            continue
        _check_fits(plan, slot, matched[slot.name], path)
        pairs.append((slot, matched[slot.name]))
    for kind, found in entries.items():
        if len(found) > len(slots[kind]):
            extra = found[len(slots[kind])]
            raise InputError(f"{path}: its layer {extra.name!r} ({kind}) has no place in {plan.model.name}")
    return pairs, kept


def _only_classes_differ(slot, entry):
    file_shape = entry.tensors["kernel"].shape
    inputs = math.prod(slot.kernel_shape[:-1])
    return file_shape[-1] != slot.kernel_shape[-1] and math.prod(file_shape[:-1]) == inputs


def _check_fits(plan, slot, entry, path):
    """Refuses an entry of another shape, and names both shapes."""
    if slot.kind == "slopes":
        wanted = tuple(tuple(weight.shape) for weight in slot.layer.weights)
        found = tuple(tensor.shape for tensor in entry.tensors.values())
        fits = wanted == found
    elif slot.kind == "norm":
        wanted, found = tuple(slot.layer.moving_mean.shape), entry.tensors["mean"].shape
        fits = wanted == found
    else:
        wanted, found = slot.kernel_shape, entry.tensors["kernel"].shape
        fits = wanted == found
        if slot.kind == "dense" and not fits:
            fits = (
                math.prod(wanted[:-1]) == math.prod(found[:-1])
                and wanted[-1] == found[-1]
                and 2 in (len(wanted), len(found))
            )
        if not fits and slot.kind == "dense" and len(wanted) == 4 and wanted[-1] == found[-1]:
            raise InputError(
                f"{path}: {entry.name} is for another image size: its kernel {found} does not fit {slot.name}, which "
                f"sees a map of {wanted[0]} x {wanted[1]} x {wanted[2]} here; build the model for the size the weights "
                "were trained at, or with head='pool'"
            )
    if not fits:
        raise InputError(
            f"{path}: the first tensor that does not fit is {entry.name}, shape {found}; {slot.name} of "
            f"{plan.model.name} has shape {wanted}"
        )


def _convert(plan, slot, entry, contents, path):
    """(variable, value) of one layer."""
    layer, tensors = slot.layer, entry.tensors
    if slot.kind == "slopes":
        return list(zip(layer.weights, tensors.values(), strict=True))
    if slot.kind == "norm":
        gamma = tensors["gamma"]
        if not contents.own:
            gamma = at_epsilon(gamma, tensors["variance"], contents.epsilon, layer.epsilon)
        return [
            (layer.gamma, gamma),
            (layer.beta, tensors["beta"]),
            (layer.moving_mean, tensors["mean"]),
            (layer.moving_variance, tensors["variance"]),
        ]
    kernel, bias = tensors["kernel"], tensors["bias"]
    if slot.kind == "dense" and kernel.ndim == 2 and len(slot.kernel_shape) == 4:
        kernel = unflatten(kernel, slot.kernel_shape, contents.flatten)
    factor = 1.0 if contents.own else 1 / slot.keep_prob
    if contents.local_response:
        as_follower, as_predecessor = local_response_scales(plan, slot, contents.local_response, path)
        factor *= as_follower * as_predecessor
        bias = (bias * np.float64(as_predecessor)).astype("float32")
    if factor != 1:
        kernel = (kernel * np.float64(factor)).astype("float32")
    return [(layer.kernel, kernel.reshape(layer.kernel.shape)), (layer.bias, bias)]


def at_epsilon(gamma, variance, epsilon, wanted):
    """gamma for another epsilon: gamma / sqrt(variance + epsilon) stays what it was, rounded once."""
    variance = variance.astype("float64")
    return (gamma * np.sqrt((variance + wanted) / (variance + epsilon))).astype("float32")


def unflatten(kernel, shape, order):
    """A dense kernel (inputs, units) of a flattened map as (height, width, channels, units)."""
    height, width, channels, units = shape
    if order == "hwc":
        return kernel.reshape(shape)
    return kernel.reshape(channels, height, width, units).transpose(1, 2, 0, 3)


def local_response_scales(plan, slot, constants, path):
    """Factors of a kernel with which our LRN constants compute what the file's do: (as follower, as predecessor).

    The file's x / (k + a S(x))^beta becomes ours, x' / (bias + alpha S(x'))^beta with x' = s x, times
    (bias / k)^beta / s, for s^2 = (bias / alpha) (a / k). The factor s has to pass through the activation: positively
    homogeneous ones only.
    """
    as_follower = math.prod(_scales(norm, constants, path)[1] for norm in slot.norms)
    as_predecessor = 1.0
    kernels = [other for other in plan.slots if other.kind in ("conv", "dense")]
    follower = kernels[kernels.index(slot) + 1] if slot is not kernels[-1] else slot
    for norm in follower.norms if follower is not slot else ():
        as_predecessor *= _scales(norm, constants, path)[0]
        if not plan.homogeneous(slot.name):
            raise InputError(
                f"{path}: its LRN constants can be converted through ReLU and leaky rectifiers only, not through the "
                f"activation of {slot.name}"
            )
    return as_follower, as_predecessor


def _scales(norm, constants, path):
    if norm.size != constants["size"] or norm.beta != constants["beta"]:
        raise InputError(
            f"{path}: LRN with size {constants['size']} and beta {constants['beta']} does not fit {norm.name}, "
            f"which has {norm.size} and {norm.beta}"
        )
    before = math.sqrt(norm.bias / norm.alpha * constants["alpha_per_unit"] / constants["k"])
    return before, (norm.bias / constants["k"]) ** norm.beta / before
