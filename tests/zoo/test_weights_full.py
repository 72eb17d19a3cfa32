"""Weights of the published networks at their full size, 224 px: what the thin tests prove, with nothing scaled down."""

import keras
import numpy as np
import pytest

import zoo
from tests.zoo import peers

pytestmark = pytest.mark.slow


def check(model, wanted, x):
    found, wanted = np.asarray(model(x)), np.asarray(wanted)
    assert found.shape == wanted.shape == (1, 1000)
    print(f"parity of {model.name}: {np.abs(found - wanted).max() / np.abs(wanted).max():.1e}")
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.parametrize(("name", "layout"), [("VGG16", "legacy"), ("VGG19", "keras3")])
def test_keras_applications(name, layout, tmp_path, rng):
    peer = getattr(keras.applications, name)(weights=None, classifier_activation=None)
    peers.randomize(peer, rng)
    path = tmp_path / ("w.h5" if layout == "legacy" else "w.weights.h5")
    if layout == "legacy":
        peers.write_official_layout(peer, path)
    else:
        peer.save_weights(path)
    x = rng.normal(size=(1, 224, 224, 3)).astype("float32") * 60
    wanted = peer(x)
    maps = keras.Model(peer.input, peer.get_layer("block5_pool").output)(x)
    model = zoo.create(name.lower(), initializer="zeros", keep_prob=0.7, weights=path)
    check(model, wanted, x)
    found = np.asarray(zoo.feature_extractor(model, "pool5")(x))
    np.testing.assert_allclose(found, maps, rtol=0, atol=1e-5 * np.abs(maps).max())


@pytest.mark.parametrize(("name", "keep_prob"), [("vgg16_bn", 0.5), ("alexnet_owt", 0.7)])
def test_torchvision(name, keep_prob, tmp_path, rng):
    torch = pytest.importorskip("torch")
    peer = peers.torch_peer(name, width=1, size=(224, 224), num_classes=1000, rng=rng)
    torch.save(peer.state_dict(), tmp_path / "w.pth")
    x = rng.normal(size=(1, 224, 224, 3)).astype("float32")
    model = zoo.create(name, initializer="zeros", keep_prob=keep_prob, weights=tmp_path / "w.pth")
    check(model, peers.torch_logits(peer, x), x)


@pytest.mark.parametrize("size", [224, 227])
def test_caffe_grouped_alexnet(size, tmp_path, rng):
    peer = peers.caffe_alexnet(width=1, size=(size, size), num_classes=1000, rng=rng)
    peers.write_caffemodel(peer, tmp_path / "w.caffemodel", generation=1)
    x = rng.normal(size=(1, size, size, 3)).astype("float32") * 60
    model = zoo.alexnet((size, size, 3), initializer="zeros", weights=tmp_path / "w.caffemodel")
    check(model, peer(x), x)
