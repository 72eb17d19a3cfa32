"""Heads that are one function, feature maps, and layers held still."""

import keras
import numpy as np
import pytest

import zoo
from nntricks_keras.errors import InputError

SIZES = {"alexnet": 67, "alexnet_owt": 63, "alexnet_mini": 28, "vgg11_bn": 32, "vgg_mini": 28}


def thin(name, size=None, **arguments):
    size = size or SIZES[name]
    return zoo.create(name, **({"input_shape": (size, size, 3), "num_classes": 7, "width": 0.125} | arguments))


def images(rng, size, n=2):
    return rng.normal(size=(n, size, size, 3)).astype("float32")


def randomize(model, rng):
    """Every weight away from its start, variances kept positive."""
    for weight in model.weights:
        if "seed" not in weight.path:
            value = rng.normal(size=weight.shape) * 0.3
            value = (
                np.abs(value) + 0.5 if "variance" in weight.path else value / max(1, np.prod(weight.shape[:-1])) ** 0.5
            )
            weight.assign(value)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("activation", ["relu", "prelu"])
def test_conv_head_gives_the_logits_of_the_dense_head(name, activation, rng):
    dense = thin(name, head="dense", activation=activation)
    randomize(dense, rng)
    x = images(rng, SIZES[name])
    wanted = np.asarray(dense(x))
    assert np.ptp(wanted) > 1e-3

    built = thin(name, head="conv", activation=activation)
    assert [tuple(weight.shape) for weight in built.weights if "conv" in weight.path] == [
        tuple(weight.shape) for weight in dense.weights if "conv" in weight.path
    ]
    for mine, theirs in zip(built.layers, [layer for layer in dense.layers if layer.name != "flatten"], strict=False):
        assert mine.name == theirs.name
        for variable, source in zip(mine.weights, theirs.weights, strict=True):
            variable.assign(np.reshape(source, variable.shape))
    np.testing.assert_allclose(built(x), wanted, atol=1e-5)

    converted = zoo.to_conv_head(dense)
    np.testing.assert_allclose(np.asarray(converted(x))[:, 0, 0], wanted, atol=1e-5)


@pytest.mark.parametrize("name", ["vgg_mini", "alexnet_mini"])
def test_score_map_of_a_larger_image_is_the_dense_head_slid_over_its_map(name, rng):
    dense = thin(name, head="dense")
    randomize(dense, rng)
    scores = zoo.to_conv_head(dense)
    x = images(rng, 64)
    last = [layer.name for layer in dense.layers if layer.name.startswith("pool")][-1]
    features = np.asarray(zoo.feature_extractor(scores, last)(x))
    window = dense.get_layer("flatten").input.shape[1]
    head = keras.Model(dense.get_layer("flatten").input, dense.output)
    positions = features.shape[1] - window + 1
    assert scores(x).shape == (2, positions, positions, 7)
    slid = [[head(features[:, i : i + window, j : j + window]) for j in range(positions)] for i in range(positions)]
    np.testing.assert_allclose(scores(x), np.transpose(slid, (2, 0, 1, 3)), atol=1e-5)


def test_score_map_sizes_at_published_sizes():
    for name in ("vgg16", "alexnet", "alexnet_owt"):
        model = zoo.create(name, head="conv", input_shape=(None, None, 3), width=0.125, initializer="zeros")
        assert model.compute_output_shape((1, 224, 224, 3)) == (1, 1, 1, 1000)
        assert model.compute_output_shape((1, 288, 384, 3)) == (1, 3, 6, 1000)


def test_pool_head_converts_to_scores_whose_average_is_the_logits(rng):
    model = thin("vgg_mini", size=48, head="pool")
    randomize(model, rng)
    x = images(rng, 48)
    scores = np.asarray(zoo.to_conv_head(model)(x))
    assert scores.shape == (2, 6, 6, 7)
    np.testing.assert_allclose(scores.mean((1, 2)), model(x), atol=1e-5)


def test_conversion_copies_the_weights(rng):
    model = thin("vgg_mini", head="dense")
    converted = zoo.to_conv_head(model)
    model.get_layer("logits").bias.assign(np.ones(7))
    assert float(keras.ops.max(converted.get_layer("logits").bias)) == 0


def test_conversion_keeps_a_pooled_map_where_it_can_and_refuses_where_not(rng):
    pooled = thin("vgg_mini", size=64, head="dense")
    randomize(pooled, rng)
    x = images(rng, 64)
    np.testing.assert_allclose(np.asarray(zoo.to_conv_head(pooled)(x))[:, 0, 0], pooled(x), atol=1e-5)
    with pytest.raises(InputError, match="unequal size"):
        zoo.to_conv_head(thin("vgg_mini", size=40, head="dense"))


@pytest.mark.parametrize(("map_size", "size"), [(7, 4), (9, 6), (5, 4), (8, 4)])
def test_map_is_pooled_as_torch_does(map_size, size, rng):
    torch = pytest.importorskip("torch")
    from zoo.network import pool_to

    x = rng.normal(size=(2, map_size, map_size + 1, 3)).astype("float32")
    image = keras.Input(x.shape[1:])
    ours = keras.Model(image, pool_to(image, size, "adaptive_pool"))(x)
    theirs = torch.nn.AdaptiveAvgPool2d((size, size))(torch.from_numpy(x).permute(0, 3, 1, 2))
    np.testing.assert_allclose(ours, theirs.permute(0, 2, 3, 1).numpy(), atol=1e-6)


def test_feature_extractor_returns_the_named_maps(rng):
    model = thin("vgg11_bn")
    x = images(rng, 32)
    pool, conv = zoo.feature_extractor(model, ["pool2", "conv1_1_activation"])(x)
    assert pool.shape == (2, 8, 8, 16)
    assert conv.shape == (2, 32, 32, 8)
    assert zoo.feature_extractor(model, "pool5")(x).shape == (2, 1, 1, 64)
    with pytest.raises(InputError, match="pool2"):
        zoo.feature_extractor(model, ["pol2"])


def test_freeze_holds_the_first_layers_and_batch_statistics(rng):
    model = zoo.freeze(thin("vgg11_bn"), up_to="pool2")
    still, learning = model.get_layer("conv2_1_norm"), model.get_layer("conv3_1_norm")
    before = np.asarray(still.moving_mean), np.asarray(learning.moving_mean)
    model(images(rng, 32), training=True)
    np.testing.assert_array_equal(before[0], np.asarray(still.moving_mean))
    assert not np.array_equal(before[1], np.asarray(learning.moving_mean))
    assert not model.get_layer("conv1_1").trainable_variables
    assert model.get_layer("conv3_1").trainable_variables
    with pytest.raises(InputError, match="pool2"):
        zoo.freeze(model, up_to="pol2")
