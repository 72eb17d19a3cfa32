"""Every variant with every trick folds to stock layers with equal outputs."""

import numpy as np
import pytest

import zoo
from nntricks_keras import folding
from nntricks_keras.initializers import He, lsuv
from tests.zoo import peers
from zoo.tricks import KERAS_ACTIVATIONS, OUR_ACTIVATIONS


def thin(name, **arguments):
    size = 28 if "mini" in name else 67 if "alexnet" in name else 32
    return zoo.create(name, **({"input_shape": (size, size, 3), "num_classes": 7, "width": 0.125} | arguments))


def check_fold(model, rng):
    peers.randomize(model, rng)
    x = rng.normal(size=(3, *model.input_shape[1:])).astype("float32")
    wanted = np.asarray(model(x))
    assert np.all(np.isfinite(wanted))
    folded = folding.fold(model)
    assert all(type(layer).__module__.startswith("keras.") for layer in folded.layers)
    np.testing.assert_allclose(folded(x), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    return folded


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.list_models())
def test_every_variant_folds_exactly(name, rng):
    check_fold(thin(name, keep_prob=0.7), rng)


@pytest.mark.slow  # tests/test_folding.py has them on a small network, with every norm and position
@pytest.mark.parametrize("activation", [*OUR_ACTIVATIONS, "relu", "tanh"])
def test_every_activation_folds_exactly(activation, rng):
    positions = [("batch", position) for position in ("before", "after", "pooled")]
    for norm, position in (*positions, ("lrn", "after"), (None, "before")):
        check_fold(thin("vgg_mini", activation=activation, norm=norm, norm_position=position, head="dense"), rng)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo.list_models())
def test_every_variant_with_every_trick_folds_exactly(name, rng):
    """Activation and position are drawn anew for each norm and head; all of them on vgg_mini above."""
    for norm, head in (("auto", "conv"), (None, "pool"), ("batch", "dense"), ("batch", "conv"), ("lrn", "dense")):
        activation = str(rng.choice([*OUR_ACTIVATIONS, *KERAS_ACTIVATIONS]))
        position = str(rng.choice(["before", "after", "pooled"]))
        print(norm, position, activation)
        check_fold(thin(name, activation=activation, norm=norm, norm_position=position, head=head), rng)


@pytest.mark.slow
@pytest.mark.parametrize("distribution", ["normal", "truncated_normal", "uniform", "orthogonal"])
def test_distributions_of_initializers_on_grouped_convolutions(distribution):
    """The deviation is that of the inputs of one group."""
    model = zoo.alexnet(
        (67, 67, 3), 7, width=0.5, initializer={"name": "he", "distribution": distribution, "seed": 1}, keep_prob=1
    )
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            fan_in = np.prod(layer.kernel.shape[:-1])
            wanted = np.sqrt(2 / fan_in)
            found = float(np.std(layer.kernel))
            assert abs(found / wanted - 1) < 4 / np.sqrt(2 * np.prod(layer.kernel.shape)) + 0.01, layer.name
    given = zoo.alexnet((67, 67, 3), 7, width=0.5, initializer=He(distribution), keep_prob=1)
    assert given.get_layer("conv2").kernel_initializer.groups == 2


@pytest.mark.parametrize("name", ["vgg19", "alexnet", "vgg_mini", "alexnet_mini"])
def test_lsuv_brings_every_layer_to_unit_variance(name, rng):
    model = thin(name, width=0.25)
    report = lsuv(model, rng.normal(size=(32, *model.input_shape[1:])).astype("float32"), seed=0)
    assert len(report.rows) == sum(hasattr(layer, "kernel") for layer in model.layers)
    for row in report.rows:
        assert abs(row.variance - 1) <= 0.05, row
