"""Preprocessing and Augmentation: settings that need no TensorFlow and go to JSON and back."""

import json
import subprocess
import sys

import numpy as np
import pytest

from nntricks_keras import data
from nntricks_keras.data.augmentation import PRESETS
from nntricks_keras.errors import InputError
from nntricks_keras.serialization import from_dict, to_dict


@pytest.mark.parametrize("name", PRESETS)
def test_presets_go_through_json(name):
    preset = data.Augmentation.preset(name)
    assert from_dict(data.Augmentation, json.loads(json.dumps(to_dict(preset)))) == preset


def test_preprocessing_goes_through_json():
    settings = data.Preprocessing((32, 48), resize=64, mean=(1, 2, 3), std=4, channels="bgr")
    assert from_dict(data.Preprocessing, json.loads(json.dumps(to_dict(settings)))) == settings
    assert settings.input_shape == (32, 48, 3)
    assert settings.std == (4.0, 4.0, 4.0)
    assert data.Preprocessing(28, channels="grey").input_shape == (28, 28, 1)


def test_settings_load_no_tensorflow():
    code = """
import sys, types
package = types.ModuleType("nntricks_keras"); package.__path__ = ["nntricks_keras"]
sys.modules["nntricks_keras"] = package
from nntricks_keras.data import Augmentation, Preprocessing
assert "tensorflow" not in sys.modules and "keras" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_wrong_settings_are_named():
    for settings, message in [
        ({"image_size": (0, 3)}, "image_size"),
        ({"image_size": 8, "mean": (1, 2)}, "mean has to hold 3 numbers"),
        ({"image_size": 8, "std": 0}, "std has to be positive"),
        ({"image_size": 8, "channels": "bgrr"}, "nearest: bgr"),
        ({"image_size": 8, "resize": 0}, "resize"),
    ]:
        with pytest.raises(InputError, match=message):
            data.Preprocessing(**settings)
    for settings in [
        {"rotation": -1}, {"brightness": 2}, {"zoom": (2, 1)}, {"crop_area": (0.1, 1.5)}, {"fill": "mirror"},
        {"crop_area": (0.1, 1), "short_side": (2, 3)},
    ]:  # fmt: skip
        with pytest.raises(InputError, match=next(iter(settings))):
            data.Augmentation(**settings)
    with pytest.raises(InputError, match=r"zoom has to be two positive numbers, the smaller first, received 0\.9"):
        data.Augmentation(zoom=0.9)
    with pytest.raises(InputError, match=r"crop_area \(0\.1, 1\) and short_side \(2, 3\) exclude"):
        data.Augmentation(crop_area=(0.1, 1), short_side=(2, 3))
    with pytest.raises(InputError, match="rand_augment 2 and trivial_augment True exclude"):
        data.Augmentation(rand_augment=2, trivial_augment=True)
    with pytest.raises(InputError, match="principal_colors has to be three rows"):
        data.Augmentation(principal_colors=((1, 2, 3), (4, 5, 6)))
    with pytest.raises(InputError, match="quick"):
        data.Augmentation.preset("quik")


def test_lists_are_as_good_as_tuples():
    """What is compiled is kept by its settings, and a list could not be a key."""
    colors = data.Augmentation().principal_colors
    given = data.Augmentation(crop_area=[0.1, 1.0], principal_colors=[list(row) for row in colors])
    assert hash(given) == hash(data.Augmentation(crop_area=(0.1, 1.0)))


@pytest.mark.parametrize(("channels", "expected"), [("rgb", [10, 20, 40]), ("bgr", [40, 20, 10]), ("grey", [19.29])])
def test_apply_orders_the_channels(channels, expected):
    image = np.broadcast_to(np.array([10, 20, 40], np.uint8), (5, 7, 3))
    x = data.Preprocessing(4, mean=1, std=2, channels=channels).apply(image)
    assert x.shape == (4, 4, len(expected))
    np.testing.assert_allclose(x, np.broadcast_to((np.array(expected) - 1) / 2, x.shape), rtol=1e-5)


def test_a_grey_image_becomes_three_equal_channels():
    x = data.Preprocessing(4, mean=(0, 1, 2), std=1).apply(np.full((4, 4, 1), 9, np.uint8))
    np.testing.assert_allclose(x[0, 0], [9, 8, 7], rtol=1e-6)


def test_channel_statistics(rng):
    x = rng.integers(0, 256, (40, 6, 5, 3), np.uint8)
    split = data.load((x, np.arange(40) % 2), validation_fraction=0.1).train
    pixels = np.concatenate([image.reshape(-1, 3) for image, _ in split.as_numpy_iterator()]).astype(np.float64)
    mean, std = data.channel_statistics(split)
    np.testing.assert_allclose(mean, pixels.mean(0))
    np.testing.assert_allclose(std, pixels.std(0))
