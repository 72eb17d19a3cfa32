"""GroupedConv2D is the stock convolution: same weights, outputs and gradients."""

import keras
import numpy as np
import pytest

from nntricks_keras.layers import GroupedConv2D

KINDS = (GroupedConv2D, keras.layers.Conv2D)


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize(("strides", "padding"), [(1, "same"), (2, "valid")])
def test_outputs_are_those_of_the_stock_layer(groups, strides, padding, rng):
    x = rng.normal(size=(2, 9, 8, 8)).astype("float32")
    ours = GroupedConv2D(12, 3, strides=strides, padding=padding, groups=groups)
    stock = keras.layers.Conv2D(12, 3, strides=strides, padding=padding, groups=groups)
    ours.build(x.shape)
    stock.build(x.shape)
    assert tuple(ours.kernel.shape) == (3, 3, 8 // groups, 12)
    ours.bias.assign(rng.normal(size=12))
    stock.set_weights(ours.get_weights())
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(ours(x)), keras.ops.convert_to_numpy(stock(x)), rtol=0, atol=1e-5
    )
    assert ours.compute_output_shape(x.shape) == tuple(ours(x).shape)


def test_one_step_of_training_is_that_of_the_stock_layer(rng):
    x, y = rng.normal(size=(8, 6, 6, 4)).astype("float32"), rng.normal(size=(8, 6, 6, 6)).astype("float32")
    models = [keras.Sequential([keras.Input((6, 6, 4)), kind(6, 3, padding="same", groups=2)]) for kind in KINDS]
    models[1].set_weights(models[0].get_weights())
    for model in models:
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(x, y, batch_size=8, verbose=0)
    for ours, stock in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(ours, stock, atol=1e-5)


def test_a_saved_model_has_the_layer(tmp_path, rng):
    model = keras.Sequential([keras.Input((6, 6, 4)), GroupedConv2D(6, 3, groups=2)])
    model.save(tmp_path / "m.keras")
    x = rng.normal(size=(2, 6, 6, 4)).astype("float32")
    again = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    with pytest.raises(ValueError, match="groups"):
        GroupedConv2D(5, 3, groups=2)
