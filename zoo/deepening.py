"""How VGG's deeper networks were trained: they start from the trained A."""

from pathlib import Path

import keras

from nntricks_keras.errors import InputError
from zoo.weights.plan import plan_of

FIRST_CONVS = 4


def shallower(model, source):
    """The trained VGG in the file `source` that has fewer convolutions than the VGG `model`; None for other sources."""
    if Path(source).suffix != ".keras" or not Path(source).is_file():
        return None
    plan = plan_of(model)
    trained = keras.models.load_model(source)
    names, deeper = ([slot.name for slot in found.of_kind("conv")] for found in (plan_of(trained), plan))
    is_part = plan.family == "vgg" and len(names) < len(deeper) and set(names) <= set(deeper)
    return trained if is_part else None


def start_from(model, trained):
    """Copies the first four convolutions (and their BatchNorm) and the dense layers; the others keep their start.

    Simonyan and Zisserman (2015), section 3.1. A last layer for other classes keeps its start too.

    Returns:
        The names of the layers that were copied.

    Raises:
        InputError: a layer to be copied has another shape, as with another width or image size.
    """
    plan, source = plan_of(model), plan_of(trained)
    convs = [slot.name for slot in source.of_kind("conv")[:FIRST_CONVS]]
    wanted = [*convs, *(f"{name}_norm" for name in convs), *(slot.name for slot in source.of_kind("dense"))]
    known = {slot.name: slot.layer for slot in source.slots}
    copied = [slot.layer for slot in plan.slots if slot.name in wanted and slot.name in known]
    if source.num_classes != plan.num_classes:
        copied.remove(plan.slots[-1].layer)
    for layer in copied:
        for weight, there in zip(layer.weights, known[layer.name].weights, strict=True):
            if weight.shape != there.shape:
                raise InputError(
                    f"{model.name} cannot start from {trained.name}: its {there.path} is {tuple(there.shape)}, "
                    f"{weight.path} here is {tuple(weight.shape)}; train it with the same width and image size"
                )
    for layer in copied:
        layer.set_weights(known[layer.name].get_weights())
    return [layer.name for layer in copied]
