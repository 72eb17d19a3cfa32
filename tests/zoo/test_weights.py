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

# Height and width of which the last map is 2 x 3; AlexNet's stem pads 98 by one row and 129 by two columns.
SIZES = {"vgg": (64, 96), "alexnet": (98, 129), "alexnet_owt": (95, 127)}


def size_of(name):
    return SIZES.get(name, SIZES["vgg"])


def thin(name, **arguments):
    return zoo.create(name, **({"input_shape": (*size_of(name), 3), "num_classes": 7, "width": 0.125} | arguments))


def images(rng, name, n=2):
    return rng.normal(size=(n, *size_of(name), 3)).astype("float32")


def require(format):
    """Skips where the package that reads and writes the format is an extra that is not installed."""
    package = {"torchvision": "torch", "timm": "safetensors"}.get(format)
    return pytest.importorskip(package) if package else None


def snapshot(model):
    return [np.asarray(weight) for weight in model.weights]


def close(found, wanted, tolerance=1e-5):
    wanted = np.asarray(wanted)
    assert np.ptp(wanted) > 1e-3, "the reference is constant: the test would prove nothing"
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())


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


FORMATS = {
    "keras": "w.h5",
    "keras3": "w.weights.h5",
    "torchvision": "w.pth",
    "timm": "w.safetensors",
    "caffe": "w.caffemodel",
}


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
