"""Weights that are wrong: one clear error, and the model as it was."""

import h5py
import keras
import numpy as np
import pytest

import zoo
from nntricks_keras.errors import InputError
from tests.zoo.thin_models import FORMATS, require, snapshot, thin


def truncated(path):
    with open(path, "rb+") as file:
        file.truncate(path.stat().st_size * 2 // 3)


@pytest.mark.parametrize("format", FORMATS)
def test_a_truncated_file_is_one_clear_error_and_changes_nothing(format, tmp_path):
    require(format)
    model = thin("vgg11")
    path = zoo.export_weights(model, format.removesuffix("3"), tmp_path / FORMATS[format])
    truncated(path)
    fresh = thin("vgg11")
    before = snapshot(fresh)
    with pytest.raises(InputError, match=r"w\..*(cut off|damaged)"):
        zoo.load_weights(fresh, path)
    for weight, value in zip(snapshot(fresh), before, strict=True):
        np.testing.assert_array_equal(weight, value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"width": 0.25},
            r"first tensor that does not fit is block1_conv1, shape \(3, 3, 3, 8\).*conv1_1.*\(3, 3, 3, 16\)",
        ),
        ({"name": "vgg13"}, r"block2_conv1, shape \(3, 3, 8, 16\); conv1_2 of .*\(3, 3, 8, 8\)"),
        ({"name": "vgg11_bn"}, "no tensors for conv1_1_norm"),
        ({"input_shape": (96, 96, 3)}, r"another image size: its kernel \(384, 512\) does not fit fc6.*3 x 3 x 64"),
        ({"input_shape": (64, 96, 1)}, r"\(3, 3, 3, 8\).*\(3, 3, 1, 8\)"),
    ],
)
def test_a_file_of_another_architecture_names_the_first_tensor_and_changes_nothing(arguments, message, tmp_path):
    path = zoo.export_weights(thin("vgg11"), "keras", tmp_path / "w.h5")
    arguments = dict(arguments)
    model = thin(arguments.pop("name", "vgg11"), **arguments)
    before = snapshot(model)
    with pytest.raises(InputError, match=message):
        zoo.load_weights(model, path)
    for weight, value in zip(snapshot(model), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_a_file_with_more_layers_is_refused(tmp_path):
    path = zoo.export_weights(thin("vgg11_bn"), "keras", tmp_path / "w.h5")
    with pytest.raises(InputError, match=r"'block1_conv1_bn' \(norm\) has no place"):
        zoo.load_weights(thin("vgg11"), path)


@pytest.mark.parametrize("left_out", ["scale", "center"])
def test_a_batch_norm_without_scale_or_center_is_refused(left_out, tmp_path):
    model = thin("vgg11_bn", norm={"name": "batch", left_out: False})
    with pytest.raises(InputError, match=rf"conv1_1_norm .*{left_out}=False"):
        zoo.export_weights(model, "keras", tmp_path / "w.h5")
    assert not (tmp_path / "w.h5").exists()
    path = zoo.export_weights(thin("vgg11_bn"), "keras", tmp_path / "whole.h5")
    before = snapshot(model)
    with pytest.raises(InputError, match=rf"conv1_1_norm .*{left_out}=False"):
        zoo.load_weights(model, path)
    for weight, value in zip(snapshot(model), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_pickled_code_is_not_executed(tmp_path):
    torch = require("torchvision")
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pth")
    with pytest.raises(InputError, match=r"model\.pth"):
        zoo.load_weights(thin("vgg11"), tmp_path / "model.pth")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("imagnet", "unknown weights 'imagnet'"),
        ("nowhere/w.h5", "no such weights file"),
        (3, "received 3"),
        ("torchvision", r"vgg11_lrn; 'torchvision' has weights of .*vgg16_bn"),
        ("imagenet", r"no public weights of vgg11_lrn; 'imagenet' has weights of alexnet, alexnet_owt"),
    ],
)
def test_sources_that_do_not_exist(source, message):
    model = zoo.vgg11_lrn(initializer="zeros", head="pool")
    with pytest.raises(InputError, match=message):
        zoo.load_weights(model, source)


def test_thin_models_have_no_public_weights():
    with pytest.raises(InputError, match="width"):
        zoo.vgg16(width=0.5, head="pool", weights="imagenet")


def serve(monkeypatch, path):
    """Downloads give this local file, and remember what was asked for."""
    asked = []

    def get_file(name, url, **_):
        asked.append(url)
        return str(path)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    return asked


def test_a_wrong_hash_is_refused(monkeypatch, tmp_path):
    model = zoo.vgg16(initializer="zeros", head="pool")
    (tmp_path / "w.h5").write_bytes(b"not these")
    asked = serve(monkeypatch, tmp_path / "w.h5")
    with pytest.raises(InputError, match=r"md5 is .* published is 6d6bbae143d832006294945121d1f1fc"):
        zoo.load_weights(model, "imagenet")
    assert asked[0].endswith("notop.h5")


def test_a_failed_download_is_one_clear_error(monkeypatch):
    def get_file(name, url, **_):
        raise Exception(f"URL fetch failure on {url}: None -- unreachable")

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    with pytest.raises(InputError, match=r"vgg16_weights.*cannot be downloaded.*unreachable"):
        zoo.load_weights(zoo.vgg16(initializer="zeros", head="pool"), "keras")


def test_right_hashes_pass(tmp_path):
    import hashlib

    from zoo.weights.public import check_hashes

    path = tmp_path / "w"
    path.write_bytes(b"these")
    digest = hashlib.sha256(b"these").hexdigest()
    check_hashes(path, {"sha256_prefix": digest[:8], "md5": hashlib.md5(b"these").hexdigest()})
    with pytest.raises(InputError, match="sha256_prefix"):
        check_hashes(path, {"sha256_prefix": "00000000"})


def test_a_bias_of_another_shape_is_refused_before_anything_is_assigned(tmp_path):
    path = zoo.export_weights(thin("vgg11"), "keras", tmp_path / "w.h5")
    with h5py.File(path, "r+") as file:
        del file["fc2/fc2/bias:0"]
        file["fc2/fc2/bias:0"] = np.zeros(3, "float32")
    model = thin("vgg11")
    before = snapshot(model)
    with pytest.raises(InputError, match=r"fc7/bias, shape \(3,\)"):
        zoo.load_weights(model, path)
    for weight, value in zip(snapshot(model), before, strict=True):
        np.testing.assert_array_equal(weight, value)
