"""The one table of the zoo's variants, and what follows from it by arithmetic. Standard library only: no TensorFlow.

AlexNet: Krizhevsky, Sutskever, Hinton, "ImageNet classification with deep convolutional neural networks" (2012), and
Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014) as torchvision builds it.
VGG: Simonyan, Zisserman, "Very deep convolutional networks for large-scale image recognition" (2015), table 1.
"""

import fnmatch
from dataclasses import dataclass, replace

from zoo.names import UsageError, check_name


@dataclass(frozen=True)
class Conv:
    """One convolution. `padding` is rows and columns added on every side, or "stem": AlexNet's, which adds what makes
    the windows fit the image exactly, (kernel - size) mod stride, the odd one at the end."""

    name: str
    filters: int
    kernel: int = 3
    stride: int = 1
    groups: int = 1
    padding: int | str = 1
    lrn: bool = False  # the variant's own local response normalization follows the activation of this convolution
    paper_bias: float = 0.0

    def output_size(self, size):
        """Rows (or columns) of the map that an image of `size` rows becomes; below 1 the image is too small."""
        padding = (self.kernel - size) % self.stride if self.padding == "stem" else 2 * self.padding
        return (size + padding - self.kernel) // self.stride + 1


@dataclass(frozen=True)
class Stage:
    """Convolutions, then one max pooling without padding."""

    convs: tuple[Conv, ...]
    pool: str
    pool_size: int = 2


@dataclass(frozen=True)
class Variant:
    """One network of the zoo, and the defaults of its builder."""

    name: str
    title: str
    family: str
    stages: tuple[Stage, ...]
    map_size: int  # rows and columns of the last map at the published image size
    hidden: tuple[int, int] = (4096, 4096)
    dropout_before: bool = False  # Dropout before each hidden dense layer (torchvision's AlexNet), not after it
    paper_hidden_bias: float = 0.0
    norm: str | None = None
    input_shape: tuple[int, int, int] = (224, 224, 3)
    num_classes: int = 1000
    head: str = "dense"
    keep_prob: float = 0.5

    @property
    def convs(self):
        return tuple(conv for stage in self.stages for conv in stage.convs)

    def map_sizes(self, size):
        """Rows of the map after each convolution and each pooling, by layer name."""
        sizes = {}
        for stage in self.stages:
            for conv in stage.convs:
                size = sizes[conv.name] = conv.output_size(size)
            size = sizes[stage.pool] = (size - stage.pool_size) // 2 + 1
        return sizes

    @property
    def smallest_size(self):
        """Rows (and columns) of the smallest image of which one element is left after the last pooling."""
        return next(size for size in range(1, 1000) if min(self.map_sizes(size).values()) >= 1)

    def widened(self, width):
        """The same variant with every count of channels multiplied by `width` and rounded to a multiple of 8."""
        if isinstance(width, bool) or not isinstance(width, (int, float)) or not width > 0:
            raise UsageError(f"width multiplies the channels and has to be above 0, received {width!r}")
        stages = tuple(
            replace(
                stage, convs=tuple(replace(conv, filters=round_channels(conv.filters * width)) for conv in stage.convs)
            )
            for stage in self.stages
        )
        return replace(self, stages=stages, hidden=tuple(round_channels(units * width) for units in self.hidden))

    def deepened(self, depth):
        """The same VGG with `depth` convolutions in each stage, named in order; None leaves the variant as it is.

        Those that are added are as the stage's last one, without a normalization that only its first one has.
        """
        if depth is None:
            return self
        if self.family != "vgg":
            raise UsageError(f"depth is the convolutions in each stage of a VGG; {self.name} has no such stages")
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
            raise UsageError(f"depth is the convolutions in each stage, a whole number from 1 on, received {depth!r}")

        def convs(stage):
            place = stage.convs[0].name.removesuffix("_1")
            kept = stage.convs[:depth]
            added = replace(stage.convs[-1], lrn=False)
            names = [f"{place}_{i + 1}" for i in range(len(kept), depth)]
            return kept + tuple(replace(added, name=name) for name in names)

        return replace(self, stages=tuple(replace(stage, convs=convs(stage)) for stage in self.stages))

    def costs(self):
        """(layer name, parameters, multiply-adds per image) of each layer that has weights, as published.

        Parameters are the trainable ones: BatchNorm's moving statistics are not among them.
        """
        height, width, channels = self.input_shape
        rows, columns = self.map_sizes(height), self.map_sizes(width)
        for conv in self.convs:
            weights = conv.kernel**2 * (channels // conv.groups) * conv.filters
            yield conv.name, weights + conv.filters, weights * rows[conv.name] * columns[conv.name]
            if self.norm == "batch":
                yield f"{conv.name}_norm", 2 * conv.filters, 0
            channels = conv.filters
        units = channels
        if self.head != "pool":
            last = self.stages[-1].pool
            units = min(rows[last], self.map_size) * min(columns[last], self.map_size) * channels
            for name, wanted in zip(HIDDEN_NAMES, self.hidden, strict=True):
                yield name, units * wanted + wanted, units * wanted
                units = wanted
        yield LOGITS_NAME, units * self.num_classes + self.num_classes, units * self.num_classes

    @property
    def parameters(self):
        return sum(parameters for _, parameters, _ in self.costs())

    @property
    def multiply_adds(self):
        return sum(multiply_adds for _, _, multiply_adds in self.costs())


HIDDEN_NAMES = ("fc6", "fc7")
LOGITS_NAME = "logits"


def round_channels(channels):
    return max(8, int(channels / 8 + 0.5) * 8)


def _alexnet(name, title, filters, groups, *, stem_padding, lrn, kernels=(11, 5, 3, 3, 3), strides=4, **settings):
    biases = (0.0, 1.0, 0.0, 1.0, 1.0)
    convs = [
        Conv(
            f"conv{i + 1}",
            filters[i],
            kernels[i],
            stride=strides if i == 0 else 1,
            groups=groups[i],
            padding=stem_padding if i == 0 else kernels[i] // 2,
            lrn=lrn and i < 2,
            paper_bias=biases[i],
        )
        for i in range(5)
    ]
    stages = (
        Stage((convs[0],), "pool1", pool_size=3),
        Stage((convs[1],), "pool2", pool_size=3),
        Stage(tuple(convs[2:]), "pool5", pool_size=3),
    )
    defaults = {"map_size": 6, "paper_hidden_bias": 1.0, "norm": "lrn" if lrn else None}
    return Variant(name, title, "alexnet", stages, **(defaults | settings))


def _vgg(name, title, depths, *, filters=(64, 128, 256, 512, 512), pointwise=False, lrn=False, **settings):
    """`depths`: convolutions in each stage. `pointwise`: the third convolution of a stage is 1x1 (configuration C)."""
    stages = tuple(
        Stage(
            tuple(
                Conv(
                    f"conv{stage + 1}_{i + 1}",
                    filters[stage],
                    kernel=1 if pointwise and i == 2 else 3,
                    padding=0 if pointwise and i == 2 else 1,
                    lrn=lrn and stage == i == 0,
                )
                for i in range(depth)
            ),
            f"pool{stage + 1}",
        )
        for stage, depth in enumerate(depths)
    )
    defaults = {"map_size": 7, "norm": "lrn" if lrn else None}
    return Variant(name, title, "vgg", stages, **(defaults | settings))


def _table():
    grouped = (96, 256, 384, 384, 256), (1, 2, 1, 2, 2)
    small = {"input_shape": (28, 28, 1), "num_classes": 10}
    yield _alexnet("alexnet", "AlexNet, two groups", *grouped, stem_padding="stem", lrn=True)
    yield _alexnet("alexnet_ungrouped", "AlexNet, one group", grouped[0], (1,) * 5, stem_padding="stem", lrn=True)
    yield _alexnet(
        "alexnet_owt",
        "AlexNet, one weird trick",
        (64, 192, 384, 256, 256),
        (1,) * 5,
        stem_padding=2,
        lrn=False,
        dropout_before=True,
    )
    yield _alexnet(
        "alexnet_mini",
        "AlexNet's ideas for 28 to 64 px",
        (32, 64, 128, 128, 96),
        (1, 2, 1, 2, 2),
        stem_padding=2,
        lrn=True,
        kernels=(5, 5, 3, 3, 3),
        strides=1,
        map_size=3,
        hidden=(512, 512),
        **small,
    )
    published = [
        _vgg("vgg11", "VGG A", (1, 1, 2, 2, 2)),
        _vgg("vgg11_lrn", "VGG A-LRN", (1, 1, 2, 2, 2), lrn=True),
        _vgg("vgg13", "VGG B", (2, 2, 2, 2, 2)),
        _vgg("vgg16c", "VGG C", (2, 2, 3, 3, 3), pointwise=True),
        _vgg("vgg16", "VGG D", (2, 2, 3, 3, 3)),
        _vgg("vgg19", "VGG E", (2, 2, 4, 4, 4)),
    ]
    for variant in published:
        yield variant
        if variant.norm is None:
            yield replace(variant, name=f"{variant.name}_bn", title=f"{variant.title} + BatchNorm", norm="batch")
    yield _vgg(
        "vgg_mini",
        "VGG's ideas for 28 to 64 px",
        (2, 2, 2),
        filters=(24, 48, 96),
        map_size=4,
        hidden=(256, 256),
        norm="batch",
        head="pool",
        keep_prob=0.8,  # there are 96 units before the logits, not 4096
        **small,
    )


VARIANTS = {variant.name: variant for variant in _table()}


def find(name):
    """The variant called `name`; an unknown name is answered with the nearest ones."""
    return VARIANTS[check_name("model", name, VARIANTS)]


def list_models(pattern="*"):
    """Names of the zoo's models that match a shell pattern, for example "vgg*_bn"."""
    return [name for name in VARIANTS if fnmatch.fnmatch(name, pattern)]
