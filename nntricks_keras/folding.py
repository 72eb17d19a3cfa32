"""A trained model as a plain Keras model: equal outputs at inference, and no object of this package left in it.

More than 300 lines in one file: which layer vanishes into which kernel is one plan, and its rules are read together.
"""

import dataclasses

import keras
import numpy as np
from keras import ops, tree

from nntricks_keras import layers
from nntricks_keras.errors import InputError
from nntricks_keras.stock import counterpart, is_ours

_KERNEL_LAYERS = (
    *(keras.layers.Dense, keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D),
    layers.GroupedConv2D,
)


def fold(model):
    """The model with stock Keras layers and operations only, for inference: it loads without this package.

    BatchNorm folds into the kernel before it, or into the one after it where nothing is padded; Dropout's keep_prob
    folds into the next kernel; activations and LocalResponseNorm become stock layers and operations. What cannot be
    folded exactly (BatchNorm after an activation and before a zero-padded convolution, a layer that is called more than
    once) stays, as the stock layer of equal outputs. Nested models are opened up.

    Args:
        model: a built `keras.Sequential` or functional model. It is left as it is.

    Returns:
        keras.Model: a functional model of the same inputs, outputs and name, with weights of its own.

    Raises:
        ValueError: the model is not a graph of layers, or has a layer that is neither Keras's nor of this package.
    """
    graph = _Graph(model)
    plan = _Plan(graph)
    tensors = {}
    inputs = []
    for value, tensor in zip(graph.inputs, _functional(model).inputs, strict=True):
        inputs.append(keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name))
        tensors[value] = inputs[-1]
    stock = {}  # id of a layer -> what takes its place, so that a layer called twice stays one layer
    for step in graph.steps:
        args, kwargs = tree.map_structure(
            lambda item: tensors[item] if isinstance(item, _Value) else item, (step.args, step.kwargs)
        )
        outputs = args[0] if step in plan.vanishing else _apply(step, args, kwargs, plan, stock)
        tensors.update(zip(step.outputs, tree.flatten(outputs), strict=True))
    outputs = tree.map_structure(lambda value: tensors[value], graph.outputs)
    return keras.Model(tree.pack_sequence_as(_functional(model)._inputs_struct, inputs), outputs, name=model.name)


@dataclasses.dataclass(eq=False)
class _Value:
    """A tensor that flows through the graph."""

    shape: tuple


@dataclasses.dataclass(eq=False)
class _Step:
    """One call of a layer or operation; its arguments are structures with values in them."""

    operation: keras.Operation
    args: tuple
    kwargs: dict
    outputs: list


class _Graph:
    """The calls of a model in an order in which they can run, nested models opened up."""

    def __init__(self, model):
        self.steps = []
        functional = _functional(model)
        self.inputs = [_Value(tensor.shape) for tensor in functional.inputs]
        values = self._open_up(functional, self.inputs)
        self.outputs = tree.pack_sequence_as(functional._outputs_struct, values)
        self.consumers = {}
        for step in self.steps:
            for value in tree.flatten((step.args, step.kwargs)):
                if isinstance(value, _Value):
                    self.consumers.setdefault(value, []).append(step)
        for value in values:
            self.consumers.setdefault(value, []).append(None)  # the world outside
        self.num_calls = {}
        for step in self.steps:
            self.num_calls[id(step.operation)] = self.num_calls.get(id(step.operation), 0) + 1

    def _open_up(self, model, inputs):
        values = dict(zip(map(id, model.inputs), inputs, strict=True))
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if node.is_input:
                    continue
                args, kwargs = tree.map_structure(
                    lambda item: values[id(item)] if keras.backend.is_keras_tensor(item) else item,
                    (node.arguments.args, node.arguments.kwargs),
                )
                if isinstance(node.operation, keras.Model):
                    outputs = self._open_up(_functional(node.operation), tree.flatten(args))
                else:
                    outputs = [_Value(tensor.shape) for tensor in node.outputs]
                    self.steps.append(_Step(node.operation, args, kwargs, outputs))
                values.update(zip(map(id, node.outputs), outputs, strict=True))
        return [values[id(tensor)] for tensor in model.outputs]

    def only_consumer(self, step):
        """The one step that takes the outputs of this step, or None if others do, or the caller of the model."""
        consumers = self.consumers.get(step.outputs[0], [])
        return consumers[0] if len(step.outputs) == 1 and len(consumers) == 1 else None


def _functional(model):
    if isinstance(model, keras.Sequential) and model.built:
        model = model._functional
    if not hasattr(model, "_nodes_by_depth"):
        raise InputError(
            f"fold takes a built Sequential or functional model, received {type(model).__name__} "
            f"{getattr(model, 'name', model)!r}, whose layers cannot be read off; build it, or fold its parts"
        )
    return model


class _Plan:
    """Which steps vanish, and what the kernels take over from them."""

    def __init__(self, graph):
        self.graph = graph
        self.vanishing = set()
        self.factor = {}  # step with a kernel -> product of the keep_probs before it
        self.norm_before = {}  # step with a kernel -> BatchNorm whose outputs it takes, how often its channels repeat
        self.norm_after = {}  # step with a kernel -> BatchNorm that takes its outputs
        for step in graph.steps:
            if isinstance(step.operation, layers.Dropout):
                self._fold_dropout(step)
        for step in graph.steps:
            if isinstance(step.operation, layers.BatchNorm):
                self._fold_back(step) or self._fold_forward(step)

    def _fold_dropout(self, step):
        kernel_step = self._next_kernel(step, _commutes_with_scaling)
        if kernel_step or step.operation.keep_prob == 1:
            self.vanishing.add(step)
        if kernel_step:
            self.factor[kernel_step] = self.factor.get(kernel_step, 1.0) * step.operation.keep_prob

    def _fold_back(self, step):
        """Into the kernel whose outputs are normalized, if nothing else sees them."""
        for before in self.graph.steps:
            if (
                self._has_kernel(before)
                and self.graph.only_consumer(before) is step
                and before.operation.activation is keras.activations.linear
                and _channel_axis(before.operation, step.args[0].shape) == _norm_axis(step)
            ):
                self.norm_after[before] = step.operation
                self.vanishing.add(step)
                return True
        return False

    def _fold_forward(self, step):
        """Into the kernel that takes the normalized values, if no padding with zeros comes between."""
        kernel_step = self._next_kernel(step, _keeps_channels_last)
        shape = step.args[0].shape
        if kernel_step is None or kernel_step in self.norm_before or _pads(kernel_step.operation):
            return
        flattened = len(kernel_step.args[0].shape) != len(shape)
        if flattened and (_norm_axis(step) != len(shape) - 1 or None in shape[1:]):
            return
        if not flattened and _channel_axis(kernel_step.operation, shape) != _norm_axis(step):
            return
        repeats = int(np.prod(shape[1:-1])) if flattened else 1
        self.norm_before[kernel_step] = (step.operation, repeats)
        self.vanishing.add(step)

    def _next_kernel(self, step, passes):
        """The step with a kernel that this one's outputs reach through layers that `passes` alone."""
        while (step := self.graph.only_consumer(step)) is not None:
            if self._has_kernel(step):
                return step
            if not passes(step.operation):
                return None
        return None

    def _has_kernel(self, step):
        return type(step.operation) in _KERNEL_LAYERS and self.graph.num_calls[id(step.operation)] == 1


def _norm_axis(step):
    return step.operation.axis % len(step.args[0].shape)


def _channel_axis(layer, shape):
    return 1 if getattr(layer, "data_format", None) == "channels_first" else len(shape) - 1


def _pads(layer):
    return getattr(layer, "padding", "valid") != "valid" and set(layer.kernel_size) != {1}


_SCALED_THROUGH = (
    *(layers.LeakyReLU, layers.PReLU, layers.RReLU, layers.Dropout),
    *(keras.layers.LeakyReLU, keras.layers.PReLU, keras.layers.Dropout),
    *(keras.layers.Flatten, keras.layers.Reshape, keras.layers.Permute),
    *(keras.layers.ZeroPadding1D, keras.layers.ZeroPadding2D, keras.layers.ZeroPadding3D),
    *(keras.layers.MaxPooling1D, keras.layers.MaxPooling2D, keras.layers.MaxPooling3D),
    *(keras.layers.AveragePooling1D, keras.layers.AveragePooling2D, keras.layers.AveragePooling3D),
    *(keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D, keras.layers.GlobalAveragePooling3D),
    *(keras.layers.GlobalMaxPooling1D, keras.layers.GlobalMaxPooling2D, keras.layers.GlobalMaxPooling3D),
)


def _keeps_channels_last(layer):
    """Whether of what a layer lets pass, flattened or not, the last axis still varies fastest."""
    if isinstance(layer, keras.layers.Flatten):
        return layer.data_format != "channels_first"  # with it Flatten transposes first, whatever the values are
    return isinstance(layer, layers.Dropout)


def _commutes_with_scaling(layer):
    """Whether f(p x) = p f(x) for p > 0."""
    if isinstance(layer, keras.layers.ReLU):
        return layer.max_value is None and layer.threshold == 0
    if isinstance(layer, keras.layers.Activation):
        return layer.activation in (keras.activations.relu, keras.activations.linear)
    return isinstance(layer, _SCALED_THROUGH)


def _apply(step, args, kwargs, plan, stock):
    """Calls the stock counterpart of the step's layer."""
    layer = step.operation
    if is_ours(layer):
        if id(layer) not in stock:
            stock[id(layer)] = counterpart(layer, step.args[0].shape)
        return stock[id(layer)](args[0])
    if id(layer) not in stock:
        stock[id(layer)] = _copy(step, plan)
    copy = stock[id(layer)]
    outputs = copy(*args, **kwargs)
    if isinstance(copy, keras.Layer):
        copy.set_weights(_folded_weights(step, plan) if type(layer) in _KERNEL_LAYERS else layer.get_weights())
    return outputs


def _copy(step, plan):
    layer = step.operation
    stock_class = keras.layers.Conv2D if isinstance(layer, layers.GroupedConv2D) else type(layer)
    if not stock_class.__module__.startswith("keras."):
        raise InputError(f"fold: layer {layer.name!r} of class {type(layer).__name__} has no stock counterpart")
    return stock_class.from_config(_stock_config(layer, use_bias=_gets_bias(step, plan)))


def _stock_config(layer, use_bias):
    """The configuration without our initializers, which would have to be found when the model is loaded."""
    config = layer.get_config()
    for key, value in config.items():
        if isinstance(value, dict) and str(value.get("registered_name", "")).startswith("nntricks_keras>"):
            if not key.endswith("_initializer"):
                raise InputError(
                    f"fold: {key} of layer {layer.name!r} is {value['class_name']}; give it a layer of its own"
                )
            config[key] = "zeros"
    return {**config, "use_bias": True} if use_bias else config


def _gets_bias(step, plan):
    return step in plan.norm_after or step in plan.norm_before


def _folded_weights(step, plan):
    """Kernel and bias that do what the steps that vanish did, computed in float64."""
    layer = step.operation
    weights = [weight.astype("float64") for weight in map(ops.convert_to_numpy, layer.weights)]
    kernel, bias = weights[0] * plan.factor.get(step, 1.0), weights[1] if layer.use_bias else 0.0
    if step in plan.norm_before:
        norm, repeats = plan.norm_before[step]
        scale, shift = _scale_and_shift(norm)
        # One factor an input and output: a group's inputs are its own part of the channels.
        groups = getattr(layer, "groups", 1)
        scale, shift = (
            np.repeat(np.tile(vector, repeats).reshape(groups, -1), kernel.shape[-1] // groups, axis=0).T
            for vector in (scale, shift)
        )
        bias = bias + np.sum(kernel * shift, axis=tuple(range(kernel.ndim - 1)))
        kernel = kernel * scale
    if step in plan.norm_after:
        scale, shift = _scale_and_shift(plan.norm_after[step])
        kernel, bias = kernel * scale, bias * scale + shift
    return [kernel, bias] if layer.use_bias or _gets_bias(step, plan) else [kernel]


def _scale_and_shift(norm):
    """BatchNorm at inference as scale * x + shift."""
    mean, variance = (ops.convert_to_numpy(v).astype("float64") for v in (norm.moving_mean, norm.moving_variance))
    scale = 1 / np.sqrt(variance + norm.epsilon)
    if norm.scale:
        scale = scale * ops.convert_to_numpy(norm.gamma)
    shift = -mean * scale
    if norm.center:
        shift = shift + ops.convert_to_numpy(norm.beta)
    return scale, shift
