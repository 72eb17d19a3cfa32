"""A variant of the table and the tricks asked for, assembled to a Keras model: from the image down to the logits."""

from numbers import Integral

import keras

from nntricks_keras import layers
from nntricks_keras.errors import InputError, check_name
from zoo.tricks import Tricks
from zoo.variants import HIDDEN_NAMES, LOGITS_NAME

HEADS = ("dense", "conv", "pool")
LAYOUT = {"data_format": "channels_last"}  # whatever keras.json says: images come so from the pipeline


def assemble(variant, input_shape, num_classes, *, tricks, head, width, depth, weights, name):
    """The functional model of `variant`: image (batch, height, width, channels) -> logits (batch, num_classes)."""
    check_name("head", head, HEADS)
    input_shape = check_input_shape(variant, input_shape, head)
    if isinstance(num_classes, bool) or not isinstance(num_classes, Integral) or num_classes < 1:
        raise InputError(f"num_classes has to be a whole number from 1 on, received {num_classes!r}")
    variant = variant.widened(width).deepened(depth)
    network = _Network(variant, tricks)

    inputs = keras.Input(input_shape, name="image")
    x = inputs
    for stage in variant.stages:
        for conv in stage.convs[:-1]:
            x = network.convolve(x, conv)
        pool = keras.layers.MaxPooling2D(stage.pool_size, strides=2, name=stage.pool, **LAYOUT)
        x = network.convolve(x, stage.convs[-1], pool)
    x = {"dense": network.dense_head, "conv": network.conv_head, "pool": network.pool_head}[head](x, num_classes)
    model = keras.Model(inputs, x, name=name or variant.name)

    if weights is not None:
        from zoo.weights import load_weights

        load_weights(model, weights)
    return model


def check_input_shape(variant, input_shape, head):
    """The input shape as a tuple, refused with the smallest image that works if the stem and poolings do not fit it."""
    shape = tuple(input_shape)
    sizes = [size for size in shape if size is not None]
    if len(shape) != 3 or shape[2] is None or any(not isinstance(size, Integral) or size < 1 for size in sizes):
        raise InputError(f"input_shape has to be (height, width, channels), received {input_shape!r}")
    smallest = variant.smallest_size
    for size in shape[:2]:
        if size is None and head == "dense":
            raise InputError(
                f"{variant.name}: a dense head needs a fixed image size, received {input_shape!r}; "
                "head='conv' and head='pool' take any"
            )
        if size is not None and min(variant.map_sizes(size).values()) < 1:
            raise InputError(
                f"{variant.name}: images of {shape[0]} x {shape[1]} are too small; the smallest that work are "
                f"{smallest} x {smallest}"
            )
    return shape


class _Network:
    """The blocks of one network: layers named after their place, so that weights and checkpoints find them."""

    def __init__(self, variant, tricks):
        self.variant = variant
        self.tricks = tricks
        self.num_kernels = 0

    def kernel(self, *, groups=1, linear=False, paper_bias=0.0):
        """The initializers of the next layer with weights."""
        self.num_kernels += 1
        return {
            "kernel_initializer": self.tricks.kernel_initializer(self.num_kernels, groups, linear),
            "bias_initializer": self.tricks.bias_initializer(paper_bias),
        }

    def convolve(self, x, conv, pool=None):
        """A convolution, then normalization, activation and the pooling of its stage as norm_position orders them."""
        if conv.padding == "stem":
            x = stem_padding(x, conv, self.variant.input_shape)
        elif conv.padding != conv.kernel // 2 or conv.stride != 1:
            x = keras.layers.ZeroPadding2D(conv.padding, name=f"{conv.name}_padding", **LAYOUT)(x)
        x = (layers.GroupedConv2D if conv.groups > 1 else keras.layers.Conv2D)(
            conv.filters,
            conv.kernel,
            strides=conv.stride,
            padding="same" if conv.stride == 1 and conv.padding == conv.kernel // 2 else "valid",
            groups=conv.groups,
            name=conv.name,
            **LAYOUT,
            **self.kernel(groups=conv.groups, paper_bias=conv.paper_bias),
        )(x)
        activation = self.tricks.activation_layer(f"{conv.name}_activation")
        norm = self.tricks.norm_layer(f"{conv.name}_norm", conv, self.variant.norm)
        position = self.norm_position()
        order = [activation, norm] if position == "after" else [norm, activation]
        order = [pool, *order] if position == "pooled" else [*order, pool]
        for layer in order:
            x = x if layer is None else layer(x)
        return x

    def norm_position(self):
        # The published LRN of a variant follows the activation (AlexNet, section 3.3), whatever BatchNorm would do.
        own = self.tricks.norm == "auto" and self.variant.norm == "lrn"
        return "after" if own else self.tricks.norm_position

    def dropout(self, x, name):
        return layers.Dropout(self.tricks.keep_prob, name=name)(x) if self.tricks.keep_prob < 1 else x

    def hidden(self, x, name, make):
        """A hidden dense layer, or the convolution that stands for it, with its Dropout."""
        if self.variant.dropout_before:
            x = self.dropout(x, f"{name}_dropout")
        x = self.tricks.activation_layer(f"{name}_activation")(make(x))
        return x if self.variant.dropout_before else self.dropout(x, f"{name}_dropout")

    def dense_head(self, x, num_classes):
        """Published: a map larger than the published one is pooled to it, a smaller one flattened as it is."""
        x = pool_to(x, self.variant.map_size, name="adaptive_pool")
        x = keras.layers.Flatten(name="flatten", **LAYOUT)(x)
        for name, units in zip(HIDDEN_NAMES, self.variant.hidden, strict=True):
            settings = self.kernel(paper_bias=self.variant.paper_hidden_bias)
            x = self.hidden(x, name, keras.layers.Dense(units, name=name, **settings))
        return self.logits(x, num_classes)

    def conv_head(self, x, num_classes):
        """The dense layers as convolutions: (batch, classes) where one window fits, otherwise a map of scores."""
        window = [min(size or self.variant.map_size, self.variant.map_size) for size in x.shape[1:3]]
        one_window = list(x.shape[1:3]) == window
        for name, units in zip(HIDDEN_NAMES, self.variant.hidden, strict=True):
            settings = self.kernel(paper_bias=self.variant.paper_hidden_bias)
            x = self.hidden(x, name, keras.layers.Conv2D(units, window, name=name, **LAYOUT, **settings))
            window = [1, 1]
        settings = self.kernel(linear=True)
        x = keras.layers.Conv2D(num_classes, 1, name=LOGITS_NAME, dtype=logits_dtype(), **LAYOUT, **settings)(x)
        if one_window:
            x = keras.layers.Reshape((num_classes,), name="flatten_scores", dtype=logits_dtype())(x)
        return x

    def pool_head(self, x, num_classes):
        """Global average pooling, as all-convolutional networks have it."""
        x = keras.layers.GlobalAveragePooling2D(name="global_pool", **LAYOUT)(x)
        return self.logits(self.dropout(x, f"{LOGITS_NAME}_dropout"), num_classes)

    def logits(self, x, num_classes):
        settings = self.kernel(linear=True)
        return keras.layers.Dense(num_classes, name=LOGITS_NAME, dtype=logits_dtype(), **settings)(x)


def logits_dtype():
    """Logits stay float32 under mixed precision: in bfloat16 a softmax loses small differences."""
    policy = keras.config.dtype_policy()
    return "float32" if policy.compute_dtype in ("float16", "bfloat16") else policy


def stem_padding(x, conv, published_shape):
    """AlexNet's images are 224 wide in the paper and 227 in effect: rows and columns are added until windows fit.

    Where the image size is not known, what the published size needs is added: right for every multiple of 4.
    """
    sizes = (size or published for size, published in zip(x.shape[1:3], published_shape[:2], strict=True))
    rows, columns = ((conv.kernel - size) % conv.stride for size in sizes)
    if rows == columns == 0:
        return x
    padding = tuple((size // 2, size - size // 2) for size in (rows, columns))
    return keras.layers.ZeroPadding2D(padding, name=f"{conv.name}_padding", **LAYOUT)(x)


def pool_to(x, size, name):
    """Average pooling to at most `size` rows and columns; the windows are those of PyTorch's AdaptiveAvgPool2d."""
    rows, columns = x.shape[1:3]
    wanted = min(rows, size), min(columns, size)
    if wanted == (rows, columns):
        return x
    if rows % wanted[0] == 0 and columns % wanted[1] == 0:
        return keras.layers.AveragePooling2D((rows // wanted[0], columns // wanted[1]), name=name, **LAYOUT)(x)
    return keras.layers.AdaptiveAveragePooling2D(wanted, name=name, **LAYOUT)(x)


def make_builder(variant):
    """The public builder of one variant, its defaults those of the table."""

    def build(
        input_shape=variant.input_shape,
        num_classes=variant.num_classes,
        *,
        activation="relu",
        initializer="auto",
        norm="auto",
        norm_position="before",
        keep_prob=variant.keep_prob,
        head=variant.head,
        width=1.0,
        depth=None,
        weights=None,
        name=None,
    ):
        tricks = Tricks(activation, initializer, norm, norm_position, keep_prob)
        settings = {"head": head, "width": width, "depth": depth, "weights": weights, "name": name}
        return assemble(variant, input_shape, num_classes, tricks=tricks, **settings)

    build.__name__ = build.__qualname__ = variant.name
    build.__doc__ = (
        f"""{variant.title}: a Keras model from images to logits; the arguments are those of `zoo.create`."""
    )
    return build
