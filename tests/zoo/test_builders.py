"""The builders: what the table says is what Keras builds, whatever the arguments."""

import inspect

import keras
import numpy as np
import pytest

import zoo
from nntricks_keras import initializers, layers
from nntricks_keras.errors import InputError
from zoo.variants import VARIANTS


def small(name, **arguments):
    """A thin model on a small image: the same graph as the published one."""
    size = {"alexnet": 67, "vgg": 32}[VARIANTS[name].family] if "mini" not in name else 28
    return zoo.create(name, **({"input_shape": (size, size, 3), "num_classes": 7, "width": 0.125} | arguments))


@pytest.mark.parametrize("name", zoo.list_models())
def test_built_model_has_the_parameters_of_the_table(name):
    with keras.device("cpu"):
        model = zoo.create(name, initializer="zeros")
    trainable = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    assert trainable == VARIANTS[name].parameters
    moving = sum(
        int(np.prod(variable.shape)) for variable in model.non_trainable_variables if "moving" in variable.path
    )
    published = {"vgg11_bn": 5504, "vgg13_bn": 5888, "vgg16c_bn": 8448, "vgg16_bn": 8448, "vgg19_bn": 11008}
    assert moving == published.get(name, moving if name == "vgg_mini" else 0)
    assert model.output_shape == (None, VARIANTS[name].num_classes)
    sizes = VARIANTS[name].map_sizes(model.input_shape[1])
    for conv in VARIANTS[name].convs:
        assert model.get_layer(conv.name).output.shape == (None, sizes[conv.name], sizes[conv.name], conv.filters)


def test_signature_is_the_one_promised():
    names = list(inspect.signature(zoo.vgg16).parameters)
    assert names == [
        "input_shape",
        "num_classes",
        "activation",
        "initializer",
        "norm",
        "norm_position",
        "keep_prob",
        "head",
        "width",
        "depth",
        "weights",
        "name",
    ]
    assert zoo.vgg16.__name__ == "vgg16"


def test_layer_names_are_the_same_in_every_process():
    first, second = small("vgg11_bn"), small("vgg11_bn")
    assert [layer.name for layer in first.layers] == [layer.name for layer in second.layers]
    assert "conv1_1_norm" in {layer.name for layer in first.layers}
    factory = small("vgg11", activation=lambda: layers.ELU(alpha=0.5))
    assert factory.get_layer("conv1_1_activation").alpha == 0.5


def test_maps_of_vgg16_as_in_the_paper():
    model = zoo.vgg16(initializer="zeros", width=0.125)
    shapes = {layer.name: tuple(layer.output.shape)[1:] for layer in model.layers}
    assert [shapes[f"pool{i}"][0] for i in range(1, 6)] == [112, 56, 28, 14, 7]
    assert [shapes[f"conv{i}_1"][0] for i in range(1, 6)] == [224, 112, 56, 28, 14]


@pytest.mark.parametrize(
    ("norm_position", "wanted"),
    [
        ("before", ["conv1_1_norm", "conv1_1_activation", "pool1"]),
        ("after", ["conv1_1_activation", "conv1_1_norm", "pool1"]),
        ("pooled", ["pool1", "conv1_1_norm", "conv1_1_activation"]),
    ],
)
def test_order_of_norm_activation_and_pooling(norm_position, wanted):
    names = [layer.name for layer in small("vgg11_bn", norm_position=norm_position).layers]
    place = names.index("conv1_1")
    assert names[place + 1 : place + 4] == wanted
    place = names.index("conv3_1")
    assert names[place + 1 : place + 3] == [name.replace("1_1", "3_1") for name in wanted if name != "pool1"]


def test_pooling_first_leaves_a_published_norm_where_it_was():
    names = [layer.name for layer in small("alexnet", norm_position="pooled").layers]
    place = names.index("conv1")
    assert names[place + 1 : place + 4] == ["conv1_activation", "conv1_norm", "pool1"]


@pytest.mark.parametrize("name", ["vgg_mini", "vgg13_bn", "alexnet_mini"])
@pytest.mark.parametrize("norm", ["batch", None])
def test_pooled_and_before_agree_at_inference(name, norm, rng):
    """Maximum and a function that grows change places: what pooling first changes is the statistics of training."""
    before, pooled = (small(name, norm=norm, norm_position=position) for position in ("before", "pooled"))
    for layer in before.layers:
        for variable in layer.weights:  # gamma and the moving variance above 0
            variable.assign(rng.uniform(0.5, 1.5, variable.shape) if "kernel" not in variable.path else variable)
        pooled.get_layer(layer.name).set_weights(layer.get_weights())
    x = rng.normal(size=(2, *before.input_shape[1:])).astype("float32")
    np.testing.assert_allclose(pooled(x), before(x), rtol=1e-4, atol=1e-4)
    if norm:
        assert np.max(np.abs(pooled(x, training=True) - before(x, training=True))) > 1e-2


@pytest.mark.parametrize("size", [32, 47, 64])
def test_dense_head_takes_any_image_size(size, rng):
    model = zoo.vgg_mini(head="dense", input_shape=(size, size + 5, 2), num_classes=3)
    out = model(rng.normal(size=(2, size, size + 5, 2)).astype("float32"))
    assert out.shape == (2, 3)
    assert model.get_layer("flatten").output.shape[-1] == min(size // 8, 4) * min((size + 5) // 8, 4) * 96


@pytest.mark.parametrize("name", ["vgg_mini", "alexnet"])
@pytest.mark.parametrize("head", ["dense", "conv", "pool"])
def test_images_have_their_channels_last_whatever_keras_json_says(name, head):
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        model = zoo.create(name, input_shape=(67, 67, 3), num_classes=5, width=0.1, head=head)
    finally:
        keras.config.set_image_data_format(before)
    assert model.output_shape[-1] == 5
    assert all(getattr(layer, "data_format", "channels_last") == "channels_last" for layer in model.layers)


def test_too_small_an_image_is_refused_with_the_smallest_that_works():
    with pytest.raises(InputError, match=r"31 x 40 are too small.*32 x 32"):
        zoo.vgg16(input_shape=(31, 40, 3))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"activation": "leaky_rellu"}, "leaky_relu"),
        ({"initializer": "glorto"}, "glorot"),
        ({"norm": "bacth"}, "batch"),
        ({"norm_position": "befor"}, "before"),
        ({"head": "dens"}, "dense"),
        ({"keep_prob": 0}, r"keep_prob.*\(0, 1\].*0"),
        ({"keep_prob": 1.5}, "keep_prob"),
        ({"width": -1}, "width.*-1"),
        ({"num_classes": 0}, "num_classes.*0"),
        ({"input_shape": (28, 28)}, "height, width, channels"),
        ({"input_shape": (None, None, 3), "head": "dense"}, "fixed image size"),
        ({"activation": layers.ELU()}, "lambda"),
        ({"activation": keras.ops.relu}, "without arguments"),
        ({"activation": {"name": "elu", "alfa": 1.0}}, "alfa"),
        ({"activation": {"alpha": 1.0}}, "'name'"),
        ({"initializer": 0.03}, "0.03"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        zoo.vgg_mini(**arguments)


def test_paper_initializer_sets_the_published_biases():
    model = zoo.alexnet(initializer="paper", width=0.125, input_shape=(67, 67, 3))
    biases = {layer.name: float(keras.ops.mean(layer.bias)) for layer in model.layers if hasattr(layer, "bias")}
    ones = {name for name, bias in biases.items() if bias == 1}
    assert ones == {"conv2", "conv4", "conv5", "fc6", "fc7"}
    assert abs(float(keras.ops.std(model.get_layer("fc7").kernel)) - 0.01) < 3e-4


@pytest.mark.parametrize("seed", [lambda: 5, lambda: keras.random.SeedGenerator(5)], ids=["number", "generator"])
@pytest.mark.parametrize("initializer", [initializers.He, keras.initializers.HeNormal])
def test_each_layer_gets_its_own_noise_from_one_initializer(initializer, seed):
    model = zoo.vgg_mini(initializer=initializer(seed=seed()), input_shape=(16, 16, 24))
    first, second = (np.asarray(model.get_layer(name).kernel) for name in ("conv1_1", "conv1_2"))
    assert first.shape == second.shape
    assert not np.allclose(first, second)
    again = zoo.vgg_mini(initializer=initializer(seed=seed()), input_shape=(16, 16, 24))
    np.testing.assert_array_equal(first, np.asarray(again.get_layer("conv1_1").kernel))


def test_logits_stay_float32_under_mixed_precision(rng):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for head in ("dense", "conv", "pool"):
            model = zoo.vgg_mini(head=head)
            assert model.get_layer("conv1_1").compute_dtype == "bfloat16"
            assert model.output.dtype == "float32"
    finally:
        keras.config.set_dtype_policy(before)
