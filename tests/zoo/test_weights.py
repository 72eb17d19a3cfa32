"""Weights from every source: the same architecture in that framework, its file, loaded here, and the outputs compared.

Networks are thin here (an eighth of the channels) and images are not square, so that a map whose rows and columns were
confused would show; test_weights_full.py does it at 224 px.
"""

import dataclasses
import logging

import h5py
import keras
import numpy as np
import pytest

import zoo
from nntricks_keras.errors import InputError
from tests.zoo import peers
from tests.zoo.thin_models import FORMATS, SIZES, close, images, require, size_of, thin


@pytest.mark.parametrize(("head", "keep_prob"), [("dense", 0.5), ("dense", 1.0), ("conv", 0.7)])
@pytest.mark.parametrize("name", ["vgg11_bn", "vgg16c", "alexnet_owt", "alexnet"])
def test_torch_state_dictionary(name, head, keep_prob, tmp_path, rng):
    torch = require("torchvision")
    peer = peers.torch_peer(name, width=0.125, size=size_of(name), num_classes=7, rng=rng)
    torch.save(peer.state_dict(), tmp_path / "peer.pth")
    model = thin(name, head=head, keep_prob=keep_prob)
    zoo.load_weights(model, tmp_path / "peer.pth")
    x = images(rng, name)
    close(model(x), peers.torch_logits(peer, x))
    if name != "alexnet_owt":
        last = [layer.name for layer in model.layers if layer.name.startswith("pool")][-1]
        close(zoo.feature_extractor(model, last)(x), peers.torch_features(peer, x))


@pytest.mark.parametrize("name", ["vgg11", "vgg13_bn"])
def test_timm_safetensors(name, tmp_path, rng):
    require("torchvision")
    safetensors = pytest.importorskip("safetensors.torch")
    peer = peers.torch_peer(name, width=0.125, size=size_of(name), num_classes=7, rng=rng)
    safetensors.save_file(peers.as_timm(peer.state_dict(), map_shape=(2, 3)), tmp_path / "model.safetensors")
    model = thin(name, keep_prob=0.7)
    zoo.load_weights(model, tmp_path / "model.safetensors")
    x = images(rng, name)
    close(model(x), peers.torch_logits(peer, x))


@pytest.mark.parametrize("layout", ["legacy", "keras3"])
@pytest.mark.parametrize("name", ["vgg16", "vgg11_bn"])
def test_keras_files(name, layout, tmp_path, rng):
    peer = peers.keras_peer(name, width=0.125, size=size_of(name), num_classes=7, rng=rng)
    path = tmp_path / ("peer.h5" if layout == "legacy" else "peer.weights.h5")
    if layout == "legacy":
        peers.write_official_layout(peer, path)
    else:
        peer.save_weights(path)
    model = thin(name, keep_prob=0.7)
    zoo.load_weights(model, path)
    x = images(rng, name)
    close(model(x), peer(x))


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize("keep_prob", [0.5, 0.7])
def test_caffemodel_of_grouped_alexnet(keep_prob, generation, tmp_path, rng):
    peer = peers.caffe_alexnet(width=0.125, size=SIZES["alexnet"], num_classes=7, rng=rng)
    peers.write_caffemodel(peer, tmp_path / "peer.caffemodel", generation)
    model = thin("alexnet", keep_prob=keep_prob)
    zoo.load_weights(model, tmp_path / "peer.caffemodel")
    x = images(rng, "alexnet") * 60
    close(model(x), peer(x))
    # The map itself carries the factor that the next kernel takes back.
    ours = np.asarray(zoo.feature_extractor(model, "pool1")(x)) * 2**0.75 / np.sqrt(0.4)
    close(ours, keras.Model(peer.input, peer.get_layer("pool1").output)(x))
    close(zoo.feature_extractor(model, "pool5")(x), keras.Model(peer.input, peer.get_layer("pool5").output)(x))


def test_caffe_constants_need_a_homogeneous_activation(tmp_path, rng):
    peer = peers.caffe_alexnet(width=0.125, size=SIZES["alexnet"], num_classes=7, rng=rng)
    peers.write_caffemodel(peer, tmp_path / "peer.caffemodel", 2)
    with pytest.raises(InputError, match="activation of conv1"):
        zoo.load_weights(thin("alexnet", activation="elu"), tmp_path / "peer.caffemodel")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", ["vgg11", "vgg11_bn", "alexnet", "vgg_mini"])
def test_export_and_load_are_exact_to_1_ulp(name, format, tmp_path, rng):
    require(format)
    arguments = {"input_shape": (67, 67, 3), "keep_prob": 0.7, "num_classes": 7, "width": 0.125}
    model = zoo.create(name, **arguments)
    peers.randomize(model, rng)
    path = tmp_path / FORMATS[format]
    if format == "caffe" and "norm" in "".join(weight.path for weight in model.weights):
        with pytest.raises(InputError, match="BatchNorm"):
            zoo.export_weights(model, "caffe", path)
        return
    assert zoo.export_weights(model, format.removesuffix("3"), path) == path
    again = zoo.create(name, **arguments)
    report = zoo.load_weights(again, path)
    assert not report.kept
    for mine, theirs in zip(model.weights, again.weights, strict=True):
        if "seed" not in mine.path:
            wanted = np.asarray(mine)
            assert np.all(np.abs(np.asarray(theirs) - wanted) <= np.spacing(np.abs(wanted))), mine.path


def test_export_loads_in_torch(tmp_path, rng):
    torch = require("torchvision")
    model = thin("vgg16", keep_prob=0.7)
    peers.randomize(model, rng)
    x = images(rng, "vgg16")
    peer = peers.torch_peer("vgg16", width=0.125, size=SIZES["vgg"], num_classes=7, rng=rng)
    state = torch.load(zoo.export_weights(model, "torchvision", tmp_path / "w.pth"), weights_only=True)
    peer.load_state_dict(state)
    close(peers.torch_logits(peer, x), model(x))


def test_export_loads_in_keras_applications(tmp_path, rng):
    model = thin("vgg16", keep_prob=0.7)
    peers.randomize(model, rng)
    x = images(rng, "vgg16")
    for path in (tmp_path / "w.h5", tmp_path / "w.weights.h5"):
        peer = peers.keras_peer("vgg16", width=0.125, size=SIZES["vgg"], num_classes=7, rng=rng)
        zoo.export_weights(model, "keras", path)
        peer.load_weights(path)
        close(peer(x), model(x))


def test_other_classes_load_all_but_the_last_layer_and_say_so(tmp_path, rng, caplog):
    path = zoo.export_weights(thin("vgg11"), "keras", tmp_path / "w.h5")
    model = thin("vgg11", num_classes=3)
    last = np.asarray(model.get_layer("logits").kernel)
    with caplog.at_level(logging.WARNING):
        report = zoo.load_weights(model, path)
    assert "all but logits" in caplog.text
    assert report.kept == ("logits",)
    assert "fc7" in report.loaded
    np.testing.assert_array_equal(last, np.asarray(model.get_layer("logits").kernel))


def test_pool_head_takes_the_convolutions(tmp_path):
    source = thin("vgg11")
    path = zoo.export_weights(source, "keras", tmp_path / "w.h5")
    model = thin("vgg11", head="pool", weights=path)
    np.testing.assert_array_equal(model.get_layer("conv5_2").kernel, source.get_layer("conv5_2").kernel)


def test_saved_models_and_weights_of_ours_load_by_name(tmp_path, rng):
    source = thin("vgg11_bn", activation="prelu", keep_prob=0.7)
    peers.randomize(source, rng)
    source.save(tmp_path / "m.keras")
    source.save_weights(tmp_path / "m.weights.h5")
    x = images(rng, "vgg11_bn")
    for path in (tmp_path / "m.keras", tmp_path / "m.weights.h5"):
        model = thin("vgg11_bn", activation="prelu", keep_prob=0.7)
        zoo.load_weights(model, path)
        close(model(x), source(x))


def test_a_saved_model_of_another_architecture_is_refused(tmp_path):
    thin("vgg13").save(tmp_path / "m.keras")
    with pytest.raises(InputError, match=r"conv1_2.*has no place in vgg11"):
        zoo.load_weights(thin("vgg11", width=0.125), tmp_path / "m.keras")
    with pytest.raises(InputError, match="no tensors for conv3_3"):
        zoo.load_weights(thin("vgg16"), tmp_path / "m.keras")


def test_learnt_slopes_are_not_lost_silently(tmp_path):
    with pytest.raises(InputError, match="conv1_1_activation"):
        zoo.export_weights(thin("vgg11", activation="prelu"), "keras", tmp_path / "w.h5")


def test_official_layout_keeps_names_of_weights_apart(tmp_path, rng):
    """The official file of VGG16 calls its weights block1_conv1_W_1:0, not kernel."""
    peer = peers.keras_peer("vgg16", width=0.125, size=SIZES["vgg"], num_classes=7, rng=rng)
    peers.write_official_layout(peer, tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5") as file:
        assert "block1_conv1_W_1:0" in file["block1_conv1"]


def test_weights_that_are_shipped_load_by_their_source(monkeypatch, tmp_path, rng):
    from zoo.cards import PublicWeights, card
    from zoo.weights import public

    source = zoo.vgg_mini()
    peers.randomize(source, rng)
    zoo.export_weights(source, "keras", tmp_path / "mini.weights.h5")
    shipped = PublicWeights("fashion_mnist", "MIT", shipped="mini.weights.h5")
    monkeypatch.setattr(public, "SHIPPED", tmp_path)
    monkeypatch.setattr(public, "card", lambda name: dataclasses.replace(card(name), weights=(shipped,)))
    x = rng.normal(size=(2, 28, 28, 1)).astype("float32")
    close(zoo.vgg_mini(weights="fashion_mnist", keep_prob=0.8)(x), source(x))
