"""Thin models of the zoo and images for them, for the tests of weights."""

import numpy as np
import pytest

import zoo

FORMATS = {
    "keras": "w.h5",
    "keras3": "w.weights.h5",
    "torchvision": "w.pth",
    "timm": "w.safetensors",
    "caffe": "w.caffemodel",
}
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
