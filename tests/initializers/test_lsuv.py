"""lsuv brings every layer to unit variance, says what it did, and says why when it cannot."""

import keras
import numpy as np
import pytest

from nntricks_keras import initializers, layers
from nntricks_keras.initializers import lsuv


def vgg19(width=16, size=32):
    """The 16 convolutions and 3 dense layers of configuration E, narrow."""
    x = inputs = keras.Input((size, size, 3))
    for block, (multiple, repeats) in enumerate([(1, 2), (2, 2), (4, 4), (8, 4), (8, 4)]):
        for i in range(repeats):
            name = f"conv{block + 1}_{i + 1}"
            x = keras.layers.Conv2D(multiple * width, 3, padding="same", name=name)(x)
            x = layers.LeakyReLU()(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    for name in ("fc6", "fc7"):
        x = layers.Dropout()(keras.layers.Dense(64, activation="relu", name=name)(x))
    return keras.Model(inputs, keras.layers.Dense(10, name="fc8")(x))


def images(rng, count=64, size=32):
    """As photographs, smooth: neighbouring pixels are alike."""
    coarse = rng.normal(size=(count, size // 8, size // 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    return (coarse + 0.3 * rng.normal(size=(count, size, size, 3))).astype("float32")


def outputs_before_activation(model, name, batch):
    layer = model.get_layer(name)
    y = keras.ops.convert_to_numpy(keras.Model(model.input, layer.input)(batch, training=False))
    kernel, bias = map(keras.ops.convert_to_numpy, (layer.kernel, layer.bias))
    if isinstance(layer, keras.layers.Dense):
        return y @ kernel + bias
    return keras.ops.convert_to_numpy(keras.ops.conv(y, kernel, padding="same")) + bias


@pytest.mark.parametrize("orthogonal", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_every_layer_of_a_vgg19_has_unit_variance(orthogonal, rng):
    model, batch = vgg19(), images(rng)
    for layer in model.layers:  # biases that make one division too few
        if hasattr(layer, "bias"):
            layer.bias.assign(0.3 * rng.normal(size=layer.bias.shape))
    biases = [keras.ops.convert_to_numpy(layer.bias) for layer in model.layers if hasattr(layer, "bias")]
    report = lsuv(model, batch, orthogonal=orthogonal, seed=0)
    names = [layer.name for layer in model.layers if hasattr(layer, "kernel")]
    assert [row.layer for row in report.rows] == names
    assert len(names) == 19
    for row in report.rows:
        measured = outputs_before_activation(model, row.layer, batch).var()
        assert abs(measured - 1) < 0.05
        assert row.variance == pytest.approx(measured, rel=1e-3)
    after = [keras.ops.convert_to_numpy(layer.bias) for layer in model.layers if hasattr(layer, "bias")]
    for old, new in zip(biases, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_report_prints_a_row_a_layer(rng):
    table = lsuv(vgg19(4), images(rng, 8)).table()
    assert len(table.splitlines()) == 20
    assert "conv5_4" in table


def test_kernels_are_orthogonal_within_groups(rng):
    model = keras.Sequential([keras.Input((8, 8, 4)), keras.layers.Conv2D(8, 3, groups=2)])
    lsuv(model, rng.normal(size=(64, 8, 8, 4)).astype("float32"))
    for part in np.split(keras.ops.convert_to_numpy(model.layers[0].kernel), 2, axis=-1):
        matrix = part.reshape(-1, 4)
        product = matrix.T @ matrix
        np.testing.assert_allclose(product / product[0, 0], np.eye(4), atol=1e-5)


def test_nested_models_and_models_that_still_work(rng):
    block = keras.Sequential([keras.layers.Dense(16, activation="tanh"), layers.BatchNorm(), layers.Dropout(0.9)])
    model = keras.Sequential([block, keras.layers.Dense(3)])
    x = rng.normal(size=(128, 7)).astype("float32")
    report = lsuv(model, x)
    assert len(report.rows) == 2
    model.compile("sgd", "mse")
    model.fit(x, np.zeros((128, 3)), verbose=0)
    assert block.layers[0].activation is keras.activations.tanh
    again = keras.models.model_from_json(model.to_json())
    assert again.layers[1].units == 3


def test_a_seed_repeats_the_kernels(rng):
    x = rng.normal(size=(64, 7)).astype("float32")
    kernels = []
    for seed in (1, 1, 2):
        model = keras.Sequential([keras.Input((7,)), keras.layers.Dense(5), keras.layers.Dense(5)])
        lsuv(model, x, seed=seed)
        kernels.append(keras.ops.convert_to_numpy(model.layers[1].kernel))
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.allclose(kernels[0], kernels[2])


def test_what_cannot_be_scaled_is_named(rng):
    x = rng.normal(size=(16, 4)).astype("float32")
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="here")])
    with pytest.raises(ValueError, match="no layer with a kernel"):
        lsuv(keras.Sequential([keras.Input((4,)), layers.ELU()]), x)
    with pytest.raises(ValueError, match=r"'here' have variance 0\.0"):
        lsuv(dense, np.zeros_like(x))
    with pytest.raises(ValueError, match="'here' have variance nan"):
        lsuv(dense, x * np.nan)
    dense.layers[0].kernel.assign(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="a kernel that is not zero"):
        lsuv(dense, x, orthogonal=False)
    dense.layers[0].bias.assign([-100, 0, 100])
    with pytest.raises(ValueError, match="after 10 steps"):
        lsuv(dense, x)
    assert "call" not in vars(dense.layers[0])  # left as it was


def test_bf16_reaches_the_tolerance_too(rng):
    model = keras.Sequential(
        [keras.Input((16,)), keras.layers.Dense(64, dtype="mixed_bfloat16", kernel_initializer=initializers.Xavier())]
    )
    (row,) = lsuv(model, rng.normal(size=(256, 16)).astype("float32")).rows
    assert abs(row.variance - 1) < 0.05
