"""What earlier releases saved still loads, and computes what it did (tests/golden/write.py wrote it)."""

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import nntricks_keras
import zoo
from nntricks_keras import initializers, layers, training
from nntricks_keras.layers.same_shape import SameShape

GOLDEN = Path(__file__).resolve().parent / "golden"


@pytest.fixture(params=sorted(path.parent.name for path in GOLDEN.glob("*/outputs.npz")))
def release(request):
    return GOLDEN / request.param


@pytest.fixture
def outputs(release):
    return np.load(release / "outputs.npz")


def close(model, x, expected):
    np.testing.assert_allclose(model(x, training=False), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("file", ["layers.keras", "folded.keras"])
def test_saved_models_load_and_compute_the_same(release, outputs, file):
    close(keras.models.load_model(release / file), outputs["x"], outputs["layers"])


def test_weights_load_by_their_file(release, outputs):
    close(zoo.vgg_mini(width=0.3, weights=release / "vgg_mini.weights.h5"), outputs["pictures"], outputs["thin"])


def test_a_run_is_read(release, outputs):
    run = training.Run.open(release / "run")
    close(run.load_model(), outputs["pictures"], outputs["run"])
    assert run.preprocessing.image_size == (28, 28)
    assert zoo.Experiment.load(run.folder).arguments == {"width": 0.3}
    assert run.history[0]["epoch"] == 1
    assert 0 < run.metrics["test"]["top1"] < 1


def test_this_release_saved_every_layer_and_initializer():
    newest = GOLDEN / nntricks_keras.__version__
    with zipfile.ZipFile(newest / "layers.keras") as archive:
        config = json.dumps(json.loads(archive.read("config.json")))
    public = [getattr(layers, name) for name in layers.__all__]
    public += [value for name in initializers.__all__ if isinstance(value := getattr(initializers, name), type)]
    saved = [thing for thing in public if issubclass(thing, (SameShape, keras.Layer, keras.Initializer))]
    assert len(saved) >= 16
    for thing in saved:
        assert f"nntricks_keras>{thing.__name__}" in config, thing.__name__
