"""VGG's deeper networks start from the trained A."""

import dataclasses

import keras
import numpy as np
import pytest

import zoo
from nntricks_keras import data, training
from nntricks_keras.errors import InputError
from nntricks_keras.files import write_json
from nntricks_keras.serialization import to_dict
from zoo.experiment import build, resolve

SHAPE = {"input_shape": (32, 32, 1), "num_classes": 4}
PREPROCESSING = data.Preprocessing((32, 32), mean=127.0, std=64.0, channels="grey")
FROM_A = ["conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc6", "fc7", "logits"]


def saved(name, path, **arguments):
    model = zoo.create(name, **{**SHAPE, "width": 0.05, **arguments})
    for weight in model.weights:  # as if trained: nothing is left at a start that others have too
        weight.assign(keras.random.normal(weight.shape))
    model.save(path)
    return model


def experiment(path, model="vgg13"):
    return zoo.Experiment(
        model=model, arguments={"width": 0.05}, preprocessing=PREPROCESSING, initial_weights=str(path)
    )


@pytest.mark.parametrize(("name", "deeper"), [("vgg11", "vgg13"), ("vgg11_bn", "vgg16_bn")])
def test_the_first_four_convolutions_and_the_dense_layers_are_those_of_a(tmp_path, name, deeper):
    trained = saved(name, tmp_path / "a.keras")
    model = build(experiment(tmp_path / "a.keras", deeper), num_classes=4)
    same = [
        layer.name
        for layer in model.layers
        if layer.weights
        and layer.name in {other.name for other in trained.layers}
        and all(
            np.array_equal(*pair)
            for pair in zip(layer.get_weights(), trained.get_layer(layer.name).get_weights(), strict=True)
        )
    ]
    norms = [f"{conv}_norm" for conv in FROM_A[:4]] if name.endswith("bn") else []
    assert sorted(same) == sorted(FROM_A + norms)


def test_a_last_layer_for_other_classes_keeps_its_start(tmp_path):
    trained = saved("vgg11", tmp_path / "a.keras", num_classes=7)
    model = build(experiment(tmp_path / "a.keras"), num_classes=4)
    np.testing.assert_array_equal(model.get_layer("fc7").kernel, trained.get_layer("fc7").kernel)
    assert model.get_layer("logits").units == 4


def test_a_convolutional_head_is_a_start_too(tmp_path):
    trained = saved("vgg11", tmp_path / "a.keras", head="conv")
    started = dataclasses.replace(experiment(tmp_path / "a.keras"), arguments={"width": 0.05, "head": "conv"})
    for num_classes, is_kept in [(4, True), (7, False)]:
        model = build(started, num_classes=num_classes)
        np.testing.assert_array_equal(model.get_layer("fc7").kernel, trained.get_layer("fc7").kernel)
        is_same = np.array_equal(model.get_layer("logits").kernel, trained.get_layer("logits").kernel)
        assert is_same == is_kept


def test_another_width_is_named(tmp_path):
    saved("vgg11", tmp_path / "a.keras", width=0.1)
    with pytest.raises(InputError, match=r"vgg13 cannot start from vgg11.*width"):
        build(experiment(tmp_path / "a.keras"), num_classes=4)


def test_a_deeper_network_is_fed_as_the_trained_one_was(picture_folder, tmp_path):
    """Not as Keras's public VGG16 is: BGR, and grey levels that no deviation divides."""
    saved("vgg11", tmp_path / "a.keras")
    started = dataclasses.replace(experiment(tmp_path / "a.keras", "vgg16"), data=str(picture_folder))
    started = dataclasses.replace(started, preprocessing=None, image_size=(32, 32))
    measured = resolve(started)[0].preprocessing
    assert (measured.channels, measured.image_size) == ("rgb", (32, 32))
    assert min(measured.std) > 10
    write_json(tmp_path / "inputs.json", {"preprocessing": to_dict(PREPROCESSING)})
    assert resolve(started)[0].preprocessing == PREPROCESSING


@pytest.mark.slow
def test_the_model_of_a_run_is_a_start(picture_folder, tmp_path):
    recipe = training.Recipe(epochs=1, batch_size=16)
    arguments = {"width": 0.05, "keep_prob": 1.0}
    shallow = zoo.Experiment("vgg11", arguments, str(picture_folder), recipe=recipe, image_size=(32, 32))
    run = zoo.train(shallow, tmp_path / "a", lean=True)
    started_from = dataclasses.replace(shallow, model="vgg13", initial_weights=str(run.model_path))
    assert zoo.train(started_from, tmp_path / "b", lean=True).is_complete
