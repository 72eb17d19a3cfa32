"""Models written for other programs compute what they computed here."""

import dataclasses
import importlib
import json

import keras
import numpy as np
import pytest

import zoo
from nntricks_keras.data import Preprocessing
from nntricks_keras.errors import InputError
from nntricks_keras.training import precision
from tests.zoo.runs import make_run
from zoo import deployment
from zoo.chosen import choose
from zoo.commands import export


@pytest.mark.parametrize("format", ["saved_model", "onnx", "litert"])
def test_exported_file_agrees_with_the_model(format, tmp_path, capsys):
    for package in deployment.NEEDED[format]:
        pytest.importorskip(package)
    make_run(tmp_path / "run", activation="leaky_relu", head="dense")
    path = tmp_path / "out"
    path = path.with_suffix({"saved_model": "", "onnx": ".onnx", "litert": ".tflite"}[format])
    assert export.main([str(tmp_path / "run"), "--format", format, "--output", str(path)]) == 0
    assert "agree" in capsys.readouterr().out
    facts = json.loads((tmp_path / f"{path.name}.json").read_text())
    assert facts["class_names"][0] == "flamingo"
    assert facts["preprocessing"]["image_size"] == [28, 28]
    with pytest.raises(InputError, match="exists"):
        export.main([str(tmp_path / "run"), "--format", format, "--output", str(path)])


def test_a_model_in_half_precision_is_exported_in_float32(tmp_path, rng):
    with precision.policy("mixed_bfloat16"):
        model = make_run(tmp_path / "run", norm="batch")
    assert model.get_layer("conv1_1").compute_dtype == "bfloat16"
    path, difference = deployment.export_model(choose(tmp_path / "run"), "saved_model", tmp_path / "out")
    assert difference < 1e-5
    x = rng.normal(size=(3, 28, 28, 3)).astype("float32")
    # The three logits may happen to be small: what they are sums of is what is rounded.
    features = np.asarray(zoo.feature_extractor(model, "global_pool")(x), "float32")
    kernel = np.asarray(model.get_layer("logits").kernel)
    size = np.linalg.norm(features, axis=1).max() * np.linalg.norm(kernel, axis=0).max()
    np.testing.assert_allclose(deployment.RUNNERS["saved_model"](path, x), model(x), atol=0.01 * size)


def test_a_file_that_computes_something_else_is_refused_and_removed(tmp_path, monkeypatch):
    make_run(tmp_path / "run")
    monkeypatch.setitem(deployment.RUNNERS, "saved_model", lambda path, images: np.zeros((len(images), 3)))
    with pytest.raises(InputError, match="differs"):
        deployment.export_model(choose(tmp_path / "run"), "saved_model", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named_with_the_extra_that_brings_it(tmp_path, monkeypatch):
    make_run(tmp_path / "run")
    found = importlib.import_module

    def import_module(name, *arguments):
        if name == "tf2onnx":
            raise ImportError(name)
        return found(name, *arguments)

    monkeypatch.setattr(importlib, "import_module", import_module)
    with pytest.raises(InputError, match=r"tf2onnx: pip install nntricks-keras\[export\]"):
        deployment.export_model(choose(tmp_path / "run"), "onnx", tmp_path / "out.onnx")


def test_a_description_of_another_model_is_not_overwritten(tmp_path):
    make_run(tmp_path / "run")
    (tmp_path / "out.json").write_text("mine")
    with pytest.raises(InputError, match=r"out\.json exists"):
        deployment.export_model(choose(tmp_path / "run"), "saved_model", tmp_path / "out")
    assert (tmp_path / "out.json").read_text() == "mine"
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("channels", "resize"), [("rgb", None), ("bgr", None), ("rgb", 32)])
def test_the_file_can_take_pixels(channels, resize, tmp_path, rng):
    make_run(tmp_path / "run")
    chosen = choose(tmp_path / "run")
    preprocessing = Preprocessing((28, 28), resize, mean=(120, 110, 100), std=(60, 50, 40), channels=channels)
    chosen = dataclasses.replace(chosen, preprocessing=preprocessing)
    path, difference = deployment.export_model(chosen, "saved_model", tmp_path / "out", pixels=True)
    assert difference < 1e-5
    image = rng.integers(0, 256, (1, 28, 28, 3), dtype="uint8")
    wanted = chosen.model(dataclasses.replace(preprocessing, resize=None).apply(image))
    np.testing.assert_allclose(deployment.RUNNERS["saved_model"](path, image.astype("float32")), wanted, atol=1e-5)


def test_a_model_with_dropout_exports_as_it_is(tmp_path, rng):
    """Keras's own export of a model that is not folded, as a user would call it."""
    model = make_run(tmp_path / "run")
    model.export(str(tmp_path / "out"), verbose=False)
    x = rng.normal(size=(2, 28, 28, 3)).astype("float32")
    found = deployment.RUNNERS["saved_model"](tmp_path / "out", x)
    right = keras.ops.convert_to_numpy(model(x))
    assert np.max(np.abs(found - right)) <= 1e-5 * np.max(np.abs(right))
