"""A folded model gives equal outputs, holds nothing of ours, and has no more layers than it needs."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from nntricks_keras import folding, initializers, layers

ACTIVATIONS = {
    "relu": lambda: keras.layers.ReLU(),
    "leaky_relu": lambda: layers.LeakyReLU(0.1),
    "prelu": lambda: layers.PReLU(),
    "rrelu": lambda: layers.RReLU(),
    "elu": lambda: layers.ELU(0.7),
    "celu": lambda: layers.CELU(1.7),
    "parametric_elu": lambda: layers.ParametricELU(0.8, 1.4),
    "scaled_tanh": lambda: layers.ScaledTanh(),
    "tanh": lambda: keras.layers.Activation("tanh"),
}
NORMS = {"batch": lambda: layers.BatchNorm(), "lrn": lambda: layers.LocalResponseNorm(), None: None}


def randomize(model, rng):
    """Weights and statistics as after training: none at its start."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            randomize(layer, rng)
            continue
        for weight in layer.weights:
            if isinstance(layer, layers.ParametricELU):
                weight.assign(rng.uniform(0.5, 1.5, weight.shape))
            elif weight.name in ("gamma", "beta", "moving_mean", "bias"):
                weight.assign(rng.normal(size=weight.shape))
            elif weight.name in ("moving_variance", "slope"):
                weight.assign(rng.uniform(0.3, 1.5, weight.shape))
            elif weight.name == "kernel":
                weight.assign(rng.normal(size=weight.shape) / np.sqrt(np.prod(weight.shape[:-1])))


def network(activation, norm, norm_position, padding="same", input_shape=(12, 12, 3), groups=1):
    x = inputs = keras.Input(input_shape)
    for channels in (8, 16):
        x = keras.layers.Conv2D(
            channels,
            3,
            padding=padding,
            groups=groups if channels == 16 else 1,
            kernel_initializer=initializers.He(),
        )(x)
        if norm and norm_position == "before":
            x = NORMS[norm]()(x)
        x = ACTIVATIONS[activation]()(x)
        if norm and norm_position == "after":
            x = NORMS[norm]()(x)
        x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Flatten()(x)
    x = layers.Dropout(0.6)(x)
    x = keras.layers.Dense(10, kernel_initializer=initializers.for_activation("relu"))(x)
    x = ACTIVATIONS[activation]()(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(inputs, keras.layers.Dense(4)(x))


def check(model, rng, batch=5):
    """Folds it and compares; returns the classes of the folded model's layers."""
    randomize(model, rng)
    shapes = [[batch, *tensor.shape[1:]] for tensor in model.inputs]
    x = [rng.normal(size=[size or 9 for size in shape]).astype("float32") for shape in shapes]
    x = x[0] if len(x) == 1 else x
    before = [weight.copy() for weight in model.get_weights()]
    folded = folding.fold(model)
    for weight, old in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, old)
    expected = keras.tree.flatten(model(x, training=False))
    actual = keras.tree.flatten(folded(x, training=False))
    for right, got in zip(expected, actual, strict=True):
        right, got = keras.ops.convert_to_numpy(right), keras.ops.convert_to_numpy(got)
        error = np.max(np.abs(right - got))
        assert error <= 1e-5 * np.max(np.abs(right))
    for operation in folded.operations:
        assert type(operation).__module__.startswith("keras."), operation
    assert "nntricks_keras" not in folded.to_json()
    return [type(operation).__name__ for operation in folded.operations]


@pytest.mark.parametrize("norm_position", ["before", "after"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_norm_and_position_folds_to_equal_outputs(activation, norm, norm_position, rng):
    kinds = check(network(activation, norm, norm_position), rng)
    assert kinds.count("BatchNormalization") == (2 if norm == "batch" and norm_position == "after" else 0)


def test_a_norm_before_the_activation_and_dropout_vanish(rng):
    kinds = check(network("relu", "batch", "before"), rng)
    assert sorted(set(kinds)) == ["Conv2D", "Dense", "Flatten", "InputLayer", "MaxPooling2D", "ReLU"]


def test_grouped_and_valid_convolutions(rng):
    for groups in (1, 2, 4):
        check(network("elu", "batch", "before", padding="valid", groups=groups, input_shape=(20, 20, 3)), rng)


def test_a_norm_after_the_activation_folds_into_an_unpadded_kernel_only(rng):
    for padding, size, remaining in (("valid", 3, 0), ("same", 3, 1), ("same", 1, 0)):
        model = keras.Sequential(
            [
                keras.Input((9, 9, 8)),
                keras.layers.ReLU(),
                layers.BatchNorm(),
                keras.layers.Conv2D(6, size, padding=padding, groups=2, use_bias=False),
                keras.layers.ReLU(),
                layers.BatchNorm(),
                layers.Dropout(0.7),
                keras.layers.Flatten(),
                keras.layers.Dense(3),
            ]
        )
        kinds = check(model, rng)
        assert kinds.count("BatchNormalization") == remaining
        assert "Rescaling" not in kinds


def test_dropout_stays_as_a_factor_where_no_kernel_takes_it(rng):
    """Before a saturating activation, before two consumers, and at the end."""
    x = inputs = keras.Input((6,))
    x = layers.Dropout(0.9)(keras.layers.Activation("tanh")(layers.Dropout(0.8)(x)))
    two = [keras.layers.Dense(3)(x), keras.layers.Dense(3)(x)]
    outputs = layers.Dropout(0.5)(keras.layers.Add()(two))
    assert check(keras.Model(inputs, outputs), rng).count("Rescaling") == 3


def test_a_layer_called_twice_is_not_folded_into(rng):
    inputs = keras.Input((6,))
    dense, slopes = keras.layers.Dense(6), layers.PReLU()
    x = dense(inputs)
    y = layers.Dropout(0.5)(slopes(layers.BatchNorm()(dense(x))))
    model = keras.Model(inputs, [slopes(dense(y)), x])
    kinds = check(model, rng)
    assert kinds.count("Dense") == 1
    assert kinds.count("PReLU") == 1
    assert kinds.count("BatchNormalization") == 1


def test_outputs_that_others_see_are_not_normalized_away(rng):
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(inputs)
    y = layers.BatchNorm()(x)
    assert check(keras.Model(inputs, {"raw": x, "normalized": y}), rng).count("BatchNormalization") == 1
    assert check(keras.Model(inputs, keras.layers.Add()([x, layers.BatchNorm()(x)])), rng).count("Conv2D") == 1


@pytest.mark.parametrize(("order", "left"), [("channels_last", 0), ("channels_first", 1)])
def test_a_norm_folds_through_a_flatten_that_keeps_the_order(order, left, rng):
    """Keras's default under channels_first in keras.json: Flatten transposes, also what has its channels last."""
    inputs = keras.Input((4, 5, 3))
    x = layers.BatchNorm()(keras.layers.ReLU()(keras.layers.Conv2D(6, 3)(inputs)))
    model = keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten(data_format=order)(x)))
    assert check(model, rng).count("BatchNormalization") == left


def test_a_norm_on_another_axis_stays(rng):
    inputs = keras.Input((5, 6))
    x = layers.BatchNorm(axis=1)(keras.layers.Dense(6)(inputs))
    x = layers.LocalResponseNorm(axis=1, alpha=0.3)(layers.ParametricELU(axis=1)(layers.PReLU(axis=1)(x)))
    assert check(keras.Model(inputs, layers.PReLU(shared=False)(x)), rng).count("BatchNormalization") == 1


def test_center_and_scale_off(rng):
    for center, scale in ((False, True), (True, False), (False, False)):
        norm = layers.BatchNorm(center=center, scale=scale)
        model = keras.Sequential([keras.Input((8, 3)), keras.layers.Conv1D(4, 3, use_bias=False), norm])
        assert "BatchNormalization" not in check(model, rng)
        stays = keras.Sequential([keras.Input((8, 3)), layers.BatchNorm(center=center, scale=scale)])
        assert "BatchNormalization" in check(stays, rng)


def test_nested_models_are_opened_up(rng):
    block = keras.Sequential([keras.Input((6,)), keras.layers.Dense(6, use_bias=False), layers.BatchNorm()])
    inputs = keras.Input((6,))
    outer = keras.Model(inputs, layers.CELU()(block(layers.ELU()(inputs))))
    assert "BatchNormalization" not in check(outer, rng)
    twice = keras.Model(inputs, block(keras.ops.tanh(block(inputs))))
    assert check(twice, rng).count("Dense") == 1


def test_unknown_sizes_and_stock_operations(rng):
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(inputs)
    x = layers.PReLU()(layers.BatchNorm()(x))
    x = keras.ops.mean(layers.Dropout(0.4)(x) * 2.0, axis=(1, 2))
    check(keras.Model(inputs, x), rng)


def test_mixed_precision_keeps_its_policy(rng):
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(32, 3, dtype="mixed_bfloat16"),
            layers.BatchNorm(dtype="mixed_bfloat16"),
            layers.LocalResponseNorm(dtype="mixed_bfloat16"),
            layers.ParametricELU(dtype="mixed_bfloat16"),
        ]
    )
    randomize(model, rng)
    x = rng.normal(size=(3, 8, 8, 3)).astype("float32")
    right, got = (keras.ops.convert_to_numpy(keras.ops.cast(one(x), "float32")) for one in (model, folding.fold(model)))
    assert np.max(np.abs(right - got)) <= 3e-2 * np.max(np.abs(right))
    assert {layer.compute_dtype for layer in folding.fold(model).layers if layer.weights} == {"bfloat16", "float32"}


class Foreign(keras.layers.Layer):
    def call(self, inputs):
        return inputs


def test_what_cannot_be_folded_is_refused_by_name():
    with pytest.raises(ValueError, match="'strange' of class Foreign"):
        folding.fold(keras.Sequential([keras.Input((3,)), Foreign(name="strange")]))
    with pytest.raises(ValueError, match="built Sequential or functional"):
        folding.fold(keras.Sequential([keras.layers.Dense(3)]))
    with pytest.raises(ValueError, match="activation of layer 'here' is ELU"):
        folding.fold(keras.Sequential([keras.Input((3,)), keras.layers.Dense(3, activation=layers.ELU(), name="here")]))


WITHOUT_US = """
import sys
sys.modules["nntricks_keras"] = None  # any import of it fails
import keras, numpy as np
folder = sys.argv[1]
model = keras.models.load_model(folder + "/folded.keras")
np.save(folder + "/y.npy", keras.ops.convert_to_numpy(model(np.load(folder + "/x.npy"))))
"""


@pytest.mark.slow
def test_the_folded_model_loads_without_this_package(tmp_path, rng):
    x = inputs = keras.Input((12, 12, 3))
    for activation in ACTIVATIONS.values():
        x = keras.layers.Conv2D(4, 3, padding="same", kernel_initializer=initializers.Glorot())(x)
        x = layers.LocalResponseNorm()(layers.BatchNorm()(activation()(x)))
    model = keras.Model(inputs, layers.Dropout()(x))
    randomize(model, rng)
    folding.fold(model).save(tmp_path / "folded.keras")
    x = rng.normal(size=(3, 12, 12, 3)).astype("float32")
    np.save(tmp_path / "x.npy", x)
    subprocess.run([sys.executable, "-c", WITHOUT_US, tmp_path], check=True, cwd=tmp_path, env=dict(os.environ))
    right = keras.ops.convert_to_numpy(model(x))
    assert np.max(np.abs(np.load(tmp_path / "y.npy") - right)) <= 1e-5 * np.max(np.abs(right))
