"""Where a model of the zoo keeps its weights, and what stands between them."""

from dataclasses import dataclass

import keras

from nntricks_keras import layers
from nntricks_keras.errors import InputError
from zoo.variants import HIDDEN_NAMES, LOGITS_NAME, VARIANTS

HEAD_NAMES = (*HIDDEN_NAMES, LOGITS_NAME)
HOMOGENEOUS = (layers.LeakyReLU, layers.PReLU, layers.RReLU)  # f(s x) = s f(x) for s > 0


@dataclass
class Slot:
    """One layer with weights. `keep_prob` and `norms` are those between it and the layer with a kernel before it."""

    layer: keras.Layer
    kind: str  # "conv", "norm", "dense", or "slopes" of an activation that learns
    keep_prob: float = 1.0
    norms: tuple[layers.LocalResponseNorm, ...] = ()
    map_shape: tuple[int, ...] = ()  # (height, width, channels) that a dense layer flattens, or () if it sees a vector

    @property
    def name(self):
        return self.layer.name

    @property
    def kernel_shape(self):
        """The kernel's shape with the flattened map unfolded: (height, width, channels, units)."""
        shape = tuple(self.layer.kernel.shape)
        return (*self.map_shape, shape[-1]) if self.map_shape else shape


@dataclass
class Plan:
    """The slots of a model in order, its modules in order (for formats that number them), and what it is."""

    model: keras.Model
    slots: list[Slot]
    modules: list[keras.Layer]

    def of_kind(self, kind):
        return [slot for slot in self.slots if slot.kind == kind]

    @property
    def family(self):
        return "vgg" if self.slots[0].name == "conv1_1" else "alexnet"

    @property
    def has_hidden(self):
        return len(self.of_kind("dense")) == 3

    @property
    def num_classes(self):
        return self.slots[-1].layer.kernel.shape[-1]

    def check_norms(self):
        """Refuses a BatchNorm that leaves out what the files of every format have for each."""
        for slot in self.of_kind("norm"):
            for name in ("scale", "center"):
                if not getattr(slot.layer, name):
                    raise InputError(
                        f"weights files have a scale and a centre for each BatchNorm, and {slot.name} of "
                        f"{self.model.name} has {name}=False: only a saved model keeps that"
                    )

    def variant(self):
        """The variant of the table with these convolutions and norms, whatever the classes and head; or None."""
        shape = self._shape()
        return next((variant for variant in VARIANTS.values() if _variant_shape(variant) == shape), None)

    def _shape(self):
        normed = {layer.name.removesuffix("_norm"): type(layer) for layer in self.modules if _is_norm(layer)}
        kinds = {layers.BatchNorm: "batch", layers.LocalResponseNorm: "lrn"}
        return [
            (
                slot.name,
                slot.layer.filters,
                slot.layer.kernel_size[0],
                slot.layer.groups,
                kinds.get(normed.get(slot.name)),
            )
            for slot in self.of_kind("conv")
        ]

    def homogeneous(self, conv_name):
        """Whether the activation after a convolution lets a positive factor through."""
        activation = self.model.get_layer(f"{conv_name}_activation")
        is_relu = getattr(activation, "activation", None) is keras.activations.relu
        return is_relu or isinstance(activation, (*HOMOGENEOUS, keras.layers.ReLU, keras.layers.LeakyReLU))


def _is_norm(layer):
    return isinstance(layer, (layers.BatchNorm, layers.LocalResponseNorm))


def _variant_shape(variant):
    return [
        (
            conv.name,
            conv.filters,
            conv.kernel,
            conv.groups,
            variant.norm if variant.norm != "lrn" or conv.lrn else None,
        )
        for conv in variant.convs
    ]


def plan_of(model):
    """The plan of a model of the zoo, built or loaded. Any other model is refused."""
    names = {layer.name for layer in model.layers}
    if LOGITS_NAME not in names or not names & {"conv1", "conv1_1"}:
        raise InputError(
            f"weights are for models of the zoo; {model.name!r} has not its layers (conv1..., {LOGITS_NAME})"
        )
    slots, modules = [], []
    keep_prob, norms, map_shape = 1.0, (), ()
    for layer in model.layers:
        if isinstance(layer, layers.Dropout):
            keep_prob *= layer.keep_prob
        elif layer.name == "flatten":
            map_shape = tuple(layer.input.shape[1:])
        elif layer.name in HEAD_NAMES or isinstance(layer, keras.layers.Conv2D):
            kind = "dense" if layer.name in HEAD_NAMES else "conv"
            shape = map_shape if isinstance(layer, keras.layers.Dense) else ()
            slots.append(Slot(layer, kind, keep_prob, norms, shape))
            keep_prob, norms, map_shape = 1.0, (), ()
        elif isinstance(layer, layers.BatchNorm):
            slots.append(Slot(layer, "norm"))
        elif isinstance(layer, layers.LocalResponseNorm):
            norms = (*norms, layer)
        elif layer.name.endswith("_activation") and layer.weights:
            slots.append(Slot(layer, "slopes"))
        if layer.name not in HEAD_NAMES and _counts_as_module(layer):
            modules.append(layer)
    return Plan(model, slots, modules)


def _counts_as_module(layer):
    """Whether PyTorch's Sequential of features has the layer: padding is part of the convolution there."""
    of_features = layer.name.startswith(("conv", "pool"))
    return of_features and not isinstance(layer, keras.layers.ZeroPadding2D)
