"""Caffe's binary model files, parsed with protobuf from the few fields of caffe.proto that hold weights."""

import functools

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from nntricks_keras.errors import InputError
from zoo.weights.entries import Contents, Entry, unreadable

# caffe.proto: message -> {field: (number, type, repeated)}. A lower-case type is protobuf's own.
MESSAGES = {
    "BlobShape": {"dim": (1, "int64", True)},
    "BlobProto": {
        "num": (1, "int32", False),
        "channels": (2, "int32", False),
        "height": (3, "int32", False),
        "width": (4, "int32", False),
        "data": (5, "float", True),
        "shape": (7, "BlobShape", False),
    },
    "LRNParameter": {
        "local_size": (1, "uint32", False),
        "alpha": (2, "float", False),
        "beta": (3, "float", False),
        "k": (5, "float", False),
    },
    "LayerParameter": {
        "name": (1, "string", False),
        "type": (2, "string", False),
        "blobs": (7, "BlobProto", True),
        "lrn_param": (118, "LRNParameter", False),
    },
    "V1LayerParameter": {
        "name": (4, "string", False),
        "type": (5, "int32", False),
        "blobs": (6, "BlobProto", True),
        "lrn_param": (18, "LRNParameter", False),
    },
    "NetParameter": {
        "name": (1, "string", False),
        "layers": (2, "V1LayerParameter", True),
        "layer": (100, "LayerParameter", True),
    },
}
KINDS = {"Convolution": "conv", 4: "conv", "InnerProduct": "dense", 14: "dense"}  # V1 layers number their types
LRN_TYPES = ("LRN", 15)
BVLC_LOCAL_RESPONSE = {"size": 5, "alpha_per_unit": 2e-5, "beta": 0.75, "k": 1.0}
LRN_DEFAULTS = {"local_size": 5, "alpha": 1.0, "beta": 0.75, "k": 1.0}


@functools.cache
def message_class():
    """The protobuf class of a NetParameter, the whole file."""
    numbers = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="zoo_caffe.proto", package="zoo_caffe", syntax="proto2")
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for field, (number, kind, repeated) in fields.items():
            label = numbers.LABEL_REPEATED if repeated else numbers.LABEL_OPTIONAL
            added = described.field.add(name=field, number=number, label=label)
            if kind in MESSAGES:
                added.type, added.type_name = numbers.TYPE_MESSAGE, f".zoo_caffe.{kind}"
            else:
                added.type = getattr(numbers, f"TYPE_{kind.upper()}")
                added.options.packed = repeated
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("zoo_caffe.NetParameter"))


def read_caffemodel(path):
    """The contents of a `.caffemodel`, of layers of either generation."""
    net = message_class()()
    try:
        with open(path, "rb") as file:
            net.ParseFromString(file.read())
    except DecodeError as error:
        raise unreadable(path, "caffemodel", error) from error
    found = [*net.layers, *net.layer]
    entries = [_entry(path, layer) for layer in found if layer.type in KINDS and layer.blobs]
    if not entries:
        raise InputError(f"{path}: no convolution and no inner product with weights in this caffemodel")
    normed = [layer.lrn_param for layer in found if layer.type in LRN_TYPES]
    return Contents(entries, flatten="chw", local_response=_local_response(path, normed))


def _local_response(path, parameters):
    """The constants of the file's LRN layers (bvlc_alexnet's if it notes none); Caffe divides alpha by the size."""
    constants = {
        tuple(getattr(found, name) if found.HasField(name) else default for name, default in LRN_DEFAULTS.items())
        for found in parameters
    }
    if not constants:
        return BVLC_LOCAL_RESPONSE
    if len(constants) > 1:
        raise InputError(f"{path}: LRN layers with different constants {sorted(constants)}")
    size, alpha, beta, k = constants.pop()
    return {"size": size, "alpha_per_unit": alpha / size, "beta": beta, "k": k}


def _entry(path, layer):
    if len(layer.blobs) != 2:
        raise InputError(
            f"{path}: layer {layer.name!r} holds {len(layer.blobs)} blobs; a kernel and a bias were expected"
        )
    weight, bias = (_array(path, layer.name, blob) for blob in layer.blobs)
    kind = KINDS[layer.type]
    if kind == "conv":
        kernel = weight.reshape(weight.shape[-4:]).transpose(2, 3, 1, 0)
    else:
        kernel = weight.reshape(weight.shape[-2:]).T
    return Entry(layer.name, kind, {"kernel": kernel, "bias": bias.ravel()})


def _array(path, name, blob):
    shape = list(blob.shape.dim) if blob.HasField("shape") else [blob.num, blob.channels, blob.height, blob.width]
    data = np.array(blob.data, dtype="float32")
    if data.size != np.prod(shape, dtype="int64"):
        raise InputError(f"{path}: layer {name!r} says shape {shape} and holds {data.size} numbers: cut off or damaged")
    return data.reshape(shape)


def write_caffemodel(path, entries, num_norms):
    """Layers of the second generation; LRN with bvlc_alexnet's constants is noted after the first `num_norms`."""
    net = message_class()(name="nntricks-keras")
    for number, entry in enumerate(entries):
        layer = net.layer.add(name=entry.name, type="Convolution" if entry.kind == "conv" else "InnerProduct")
        kernel = entry.tensors["kernel"]
        weight = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
        for array in (weight, entry.tensors["bias"]):
            blob = layer.blobs.add()
            blob.shape.dim.extend(array.shape)
            blob.data.extend(np.ascontiguousarray(array).ravel())
        if number < num_norms:
            norm = net.layer.add(name=f"norm{number + 1}", type="LRN")
            norm.lrn_param.local_size, norm.lrn_param.alpha, norm.lrn_param.beta = 5, 1e-4, 0.75
    with open(path, "wb") as file:
        file.write(net.SerializeToString())
