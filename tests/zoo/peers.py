"""The zoo's networks as other frameworks write them: independent references for the conversion of weights."""

import h5py
import keras
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

DEPTHS = {"vgg11": (1, 1, 2, 2, 2), "vgg13": (2, 2, 2, 2, 2), "vgg16": (2, 2, 3, 3, 3), "vgg16c": (2, 2, 3, 3, 3)}
CHANNELS = (64, 128, 256, 512, 512)


def randomize(model, rng):
    """Every weight of a Keras model away from its start; variances and slopes stay positive."""
    for weight in model.weights:
        if "seed" in weight.path:
            continue
        shape = tuple(weight.shape)
        if "variance" in weight.path or "_activation" in weight.path:
            value = rng.uniform(0.5, 2, shape)
        elif len(shape) == 1:
            value = rng.normal(size=shape) * 0.2 + (1 if "gamma" in weight.path else 0)
        else:
            value = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[:-1]))
        weight.assign(value.astype("float32"))


def fitting(size):
    """AlexNet's padding of an image (height, width): (top, bottom, left, right), the odd one at the end."""
    rows, columns = ((11 - pixels) % 4 for pixels in size)
    return rows // 2, rows - rows // 2, columns // 2, columns - columns // 2


def torch_peer(name, *, width, size, num_classes, rng):
    """torchvision's network of that name, or for AlexNet with groups the paper's."""
    import torch
    from torch import nn

    def thin(channels):
        return int(channels * width / 8 + 0.5) * 8

    class Peer(nn.Module):
        def __init__(self, features, classifier):
            super().__init__()
            self.features, self.classifier = features, classifier

        def forward(self, x):
            return self.classifier(torch.flatten(self.features(x), 1))

    modules, channels = [], 3
    if name.startswith("vgg"):
        for stage, depth in enumerate(DEPTHS[name.removesuffix("_bn")]):
            for number in range(depth):
                kernel = 1 if name.startswith("vgg16c") and number == 2 else 3
                modules.append(nn.Conv2d(channels, thin(CHANNELS[stage]), kernel, padding=kernel // 2))
                channels = thin(CHANNELS[stage])
                modules += [nn.BatchNorm2d(channels)] if name.endswith("_bn") else []
                modules.append(nn.ReLU())
            modules.append(nn.MaxPool2d(2, 2))
        hidden = thin(4096)
        flat = nn.Sequential(*modules)(torch.zeros(1, 3, *size)).numel()
        head = [nn.Linear(flat, hidden), nn.ReLU(), nn.Dropout()]
        head += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, num_classes)]
    else:
        grouped = name == "alexnet"
        filters = [thin(n) for n in ((96, 256, 384, 384, 256) if grouped else (64, 192, 384, 256, 256))]
        groups = (1, 2, 1, 2, 2) if grouped else (1,) * 5
        if grouped:
            top, bottom, left, right = fitting(size)
            modules.append(nn.ZeroPad2d((left, right, top, bottom)))
        for number, kernel in enumerate((11, 5, 3, 3, 3)):
            padding = kernel // 2 if number else 0 if grouped else 2
            stride = 1 if number else 4
            modules.append(
                nn.Conv2d(channels, filters[number], kernel, stride, padding, groups=groups[number]),
            )
            channels = filters[number]
            modules.append(nn.ReLU())
            if grouped and number < 2:
                # PyTorch divides alpha by the size: 5e-4 / 5 is the paper's 1e-4.
                modules.append(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
            if number in (0, 1, 4):
                modules.append(nn.MaxPool2d(3, 2))
        hidden = thin(4096)
        flat = nn.Sequential(*modules).eval()(torch.zeros(1, 3, *size)).numel()
        dropout_first = [nn.Dropout(), nn.Linear(flat, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, hidden)]
        head = [*dropout_first, nn.ReLU(), nn.Linear(hidden, num_classes)]
    peer = Peer(nn.Sequential(*modules), nn.Sequential(*head)).eval()
    with torch.no_grad():
        for key, tensor in peer.state_dict().items():
            if key.endswith("running_var"):
                tensor.copy_(torch.from_numpy(rng.uniform(0.5, 2, tensor.shape)))
            elif tensor.ndim == 1:
                shift = 1 if key.endswith("weight") else 0
                tensor.copy_(torch.from_numpy(rng.normal(size=tensor.shape) * 0.2 + shift))
            elif tensor.ndim:
                scale = np.sqrt(2 / np.prod(tensor.shape[1:]))
                tensor.copy_(torch.from_numpy(rng.normal(size=tensor.shape) * scale))
    return peer


def _channels_first(x):
    import torch

    return torch.from_numpy(np.ascontiguousarray(np.transpose(x, (0, 3, 1, 2))))


def torch_logits(peer, x):
    import torch

    with torch.no_grad():
        return peer(_channels_first(x)).numpy()


def torch_features(peer, x):
    import torch

    with torch.no_grad():
        return peer.features(_channels_first(x)).permute(0, 2, 3, 1).numpy()


def as_timm(state, map_shape):
    """torchvision's state dictionary of a VGG as timm's `checkpoint_filter_fn` renames and reshapes it."""
    renamed = {}
    for key, tensor in state.items():
        if key.startswith("classifier"):
            for old, new in (
                ("classifier.0", "pre_logits.fc1"),
                ("classifier.3", "pre_logits.fc2"),
                ("classifier.6", "head.fc"),
            ):
                key = key.replace(old, new)
            if key == "pre_logits.fc1.weight":
                tensor = tensor.reshape(tensor.shape[0], -1, *map_shape)
            elif key == "pre_logits.fc2.weight":
                tensor = tensor.reshape(*tensor.shape, 1, 1)
        renamed[key] = tensor.contiguous()
    return renamed


def keras_peer(name, *, width, size, num_classes, rng):
    """`keras.applications`' VGG with other widths: the same layers and names, stock BatchNormalization where asked."""
    layers = keras.layers
    inputs = x = keras.Input((*size, 3))
    for stage, depth in enumerate(DEPTHS[name.removesuffix("_bn")], start=1):
        for number in range(1, depth + 1):
            label = f"block{stage}_conv{number}"
            filters = int(CHANNELS[stage - 1] * width)
            if name.endswith("_bn"):
                x = layers.Conv2D(filters, 3, padding="same", name=label)(x)
                x = layers.BatchNormalization(name=f"{label}_bn")(x)
                x = layers.ReLU(name=f"{label}_relu")(x)
            else:
                x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=label)(x)
        x = layers.MaxPooling2D(2, 2, name=f"block{stage}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for label in ("fc1", "fc2"):
        x = layers.Dense(int(4096 * width), activation="relu", name=label)(x)
    model = keras.Model(inputs, layers.Dense(num_classes, name="predictions")(x))
    randomize(model, rng)
    return model


def write_official_layout(model, path):
    """The HDF5 layout of the official files: groups of layers in order, weights named block1_conv1_W_1:0."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            roles = ("gamma", "beta", "mean", "var") if len(layer.weights) == 4 else ("W", "b")
            names = [f"{layer.name}_{role}_1:0" for role in roles[: len(layer.weights)]]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group.create_dataset(name, data=np.asarray(weight))


def _caffe_net():
    """A NetParameter class from a descriptor written here, after BVLC's caffe.proto."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="peer_caffe.proto", package="peer", syntax="proto2")

    def message(name, *fields):
        described = file.message_type.add(name=name)
        for label, number, kind, repeated in fields:
            added = described.field.add(name=label, number=number)
            added.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            if isinstance(kind, str):
                added.type, added.type_name = field.TYPE_MESSAGE, f".peer.{kind}"
            else:
                added.type = kind
                added.options.packed = repeated and kind in (field.TYPE_FLOAT, field.TYPE_INT64)

    message("BlobShape", ("dim", 1, field.TYPE_INT64, True))
    sizes = [(label, i + 1, field.TYPE_INT32, False) for i, label in enumerate(("num", "channels", "height", "width"))]
    message("BlobProto", *sizes, ("data", 5, field.TYPE_FLOAT, True), ("shape", 7, "BlobShape", False))
    numbers = (("alpha", 2, field.TYPE_FLOAT, False), ("beta", 3, field.TYPE_FLOAT, False))
    message("LRNParameter", ("local_size", 1, field.TYPE_UINT32, False), *numbers)
    old = (
        ("bottom", 2, field.TYPE_STRING, True),
        ("name", 4, field.TYPE_STRING, False),
        ("type", 5, field.TYPE_INT32, False),
    )
    message("V1LayerParameter", *old, ("blobs", 6, "BlobProto", True), ("lrn_param", 18, "LRNParameter", False))
    new = (
        ("name", 1, field.TYPE_STRING, False),
        ("type", 2, field.TYPE_STRING, False),
        ("bottom", 3, field.TYPE_STRING, True),
    )
    message("LayerParameter", *new, ("blobs", 7, "BlobProto", True), ("lrn_param", 118, "LRNParameter", False))
    layers = ("layers", 2, "V1LayerParameter", True), ("layer", 100, "LayerParameter", True)
    message("NetParameter", ("name", 1, field.TYPE_STRING, False), *layers)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("peer.NetParameter"))()


def caffe_alexnet(*, width, size, num_classes, rng):
    """bvlc_alexnet from stock Keras layers, with Caffe's LRN: x / (1 + 1e-4 / 5 * sum)^0.75."""
    layers, ops = keras.layers, keras.ops

    def local_response(x):
        padded = ops.pad(ops.square(x), ((0, 0), (0, 0), (0, 0), (2, 2)))
        channels = x.shape[-1]
        total = sum(padded[..., offset : offset + channels] for offset in range(5))
        return x / (1 + 1e-4 / 5 * total) ** 0.75

    top, bottom, left, right = fitting(size)
    inputs = keras.Input((*size, 3))
    x = layers.ZeroPadding2D(((top, bottom), (left, right)))(inputs)
    for number, filters in enumerate((96, 256, 384, 384, 256), start=1):
        kernel, stride, groups = {1: (11, 4, 1), 2: (5, 1, 2), 3: (3, 1, 1)}.get(number, (3, 1, 2))
        padding = "valid" if number == 1 else "same"
        filters = int(filters * width / 8 + 0.5) * 8
        x = layers.Conv2D(filters, kernel, stride, padding, groups=groups, activation="relu", name=f"conv{number}")(x)
        if number < 3:
            x = local_response(x)
        if number in (1, 2, 5):
            x = layers.MaxPooling2D(3, 2, name=f"pool{number}")(x)
    # Caffe flattens channels first.
    x = layers.Flatten()(layers.Permute((3, 1, 2))(x))
    for name in ("fc6", "fc7"):
        x = layers.Dense(int(4096 * width), activation="relu", name=name)(x)
    model = keras.Model(inputs, layers.Dense(num_classes, name="fc8")(x))
    randomize(model, rng)
    return model


def write_caffemodel(peer, path, generation):
    """The weights of `caffe_alexnet` as Caffe of either generation writes them (1: numbered types, four sizes each)."""
    net = _caffe_net()
    net.name = "AlexNet"
    add = net.layers.add if generation == 1 else net.layer.add
    types = {"conv": (4, "Convolution"), "fc": (14, "InnerProduct"), "norm": (15, "LRN"), "relu": (18, "ReLU")}

    def layer(name, kind):
        return add(name=name, type=types[kind][generation - 1], bottom=["data"])

    for module in peer.layers:
        if not module.weights:
            continue
        made = layer(module.name, module.name.rstrip("12345678"))
        kernel, bias = (np.asarray(weight) for weight in module.weights)
        for array in (kernel.T if kernel.ndim == 2 else kernel.transpose(3, 2, 0, 1), bias):
            blob = made.blobs.add()
            if generation == 1:
                blob.num, blob.channels, blob.height, blob.width = (1,) * (4 - array.ndim) + array.shape
            else:
                blob.shape.dim.extend(array.shape)
            blob.data.extend(array.ravel())
        layer(f"relu_{module.name}", "relu")
        if module.name in ("conv1", "conv2"):
            norm = layer(f"norm{module.name[-1]}", "norm")
            norm.lrn_param.local_size, norm.lrn_param.alpha, norm.lrn_param.beta = 5, 1e-4, 0.75
    path.write_bytes(net.SerializeToString())
