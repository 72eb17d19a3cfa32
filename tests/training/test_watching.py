"""A run is watched by default: its health is written, its bits stay the same, its last words name a layer."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from nntricks_keras import data, training
from nntricks_keras.health.records import read_records
from nntricks_keras.training import watching
from tests.training.small_runs import PREPROCESSING, RECIPE, assert_same_run, build, killed, train


@pytest.fixture(scope="module")
def unwatched(images, tmp_path_factory):
    return train(images, tmp_path_factory.mktemp("runs") / "unwatched")


@pytest.fixture(scope="module")
def watched(images, tmp_path_factory):
    return train(images, tmp_path_factory.mktemp("runs") / "watched", health=True)


def last_step(run):
    return RECIPE.epochs * -(-run.inputs["counts"]["train"] // RECIPE.batch_size)


def test_the_training_is_the_same_to_the_bit_with_and_without(unwatched, watched):
    assert_same_run(unwatched, watched)


def test_the_run_folder_gets_the_health_of_every_layer(watched):
    rows = read_records(watched.folder / "health.csv")
    assert {row["name"] for row in rows} == {"conv", "norm", "logits"}
    times = list(dict.fromkeys((row["epoch"], row["step"]) for row in rows))
    assert times[0] == (0, 0)
    assert times[-1] == (RECIPE.epochs, last_step(watched))
    assert (watched.folder / "health.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.slow
def test_a_killed_and_resumed_run_has_every_row_once(watched, images, tmp_path):
    with killed(10):
        train(images, tmp_path / "run", health=True)
    resumed = train(images, tmp_path / "run", health=True, resume=True)
    assert_same_run(watched, resumed)
    rows = read_records(resumed.folder / "health.csv")
    keys = [(row["step"], row["name"]) for row in rows]
    assert len(keys) == len(set(keys))
    assert keys == sorted(keys, key=lambda key: key[0])
    assert {0, last_step(resumed)} <= {step for step, _ in keys}


@pytest.mark.slow
def test_preflight_says_in_one_line_that_all_is_well_or_what_is_not(images, tmp_path, capsys):
    once = dataclasses.replace(RECIPE, epochs=1)
    train(images, tmp_path / "well", once, health=True)
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("preflight")]
    assert len(told) == 1
    assert "all well" in told[0]


def test_the_last_words_of_a_diverged_run_name_the_layer(images, tmp_path):
    """The last layer alone gets weights so large that what it gives overflows."""

    def overflowing():
        model = build()
        model.get_layer("logits").kernel.assign(np.full(model.get_layer("logits").kernel.shape, 3e38, "float32"))
        return model

    with pytest.raises(training.TrainingDivergedError, match="logits went first"):
        training.train(overflowing, images, PREPROCESSING, RECIPE, tmp_path / "run")
    assert (tmp_path / "run" / "health.png").exists()


def test_a_first_update_that_is_too_large_is_told_from_a_slow_end(images, tmp_path):
    with pytest.raises(training.TrainingDivergedError, match=r"step 0 every layer was finite|went first"):
        train(images, tmp_path / "run", dataclasses.replace(RECIPE, learning_rate=1e30), health=True)


@pytest.mark.slow
def test_unfrozen_layers_are_watched_from_then_on(images, tmp_path):
    recipe = dataclasses.replace(RECIPE, unfreeze={"conv": 3}, batch_size=4)
    run = train(images, tmp_path / "run", recipe, health=True)
    rows = [row for row in read_records(run.folder / "health.csv") if row["name"] == "conv"]
    assert rows[0]["trainable"] is False
    assert rows[-1]["trainable"] is True
    assert rows[-1]["update_ratio"] is not None


@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_a_model_that_cannot_be_probed_is_trained_all_the_same(tmp_path, capsys):
    rng = np.random.default_rng()
    pictures, labels = rng.integers(0, 256, (40, 8, 8, 1), dtype=np.uint8), np.tile(np.arange(2), 20)
    images = data.load((pictures, labels), validation_fraction=0.2)

    def weightless():
        return keras.Sequential([keras.Input((8, 8, 1)), keras.layers.AveragePooling2D((8, 4)), keras.layers.Flatten()])

    training.train(weightless, images, PREPROCESSING, dataclasses.replace(RECIPE, epochs=1), tmp_path / "run")
    assert "health is left out" in capsys.readouterr().out


def test_a_look_sees_no_more_images_than_one_device_holds(images, tmp_path, monkeypatch):
    seen = []
    pipeline = watching.pipeline
    monkeypatch.setattr(watching, "pipeline", lambda *a, **settings: seen.append(settings) or pipeline(*a, **settings))
    model, recipe = build(), dataclasses.replace(RECIPE, accumulate=2)
    training.compile_model(model, recipe, 4)
    watching.watch(model, images, PREPROCESSING, recipe, tmp_path, 1, "title", num_devices=4)
    assert [settings["batch_size"] for settings in seen] == [2]  # of 16: on each of 4 devices two parts of 2


def test_no_memory_for_a_look_does_not_end_the_training(images, tmp_path, monkeypatch, capsys):
    def exhausted(*arguments, **settings):
        raise tf.errors.NotFoundError(None, None, "No algorithm worked! RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(watching, "Prober", exhausted)
    assert watching.watch(build(), images, PREPROCESSING, RECIPE, tmp_path, 0, "title") is None
    assert "health is left out: No algorithm worked!" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (tf.errors.ResourceExhaustedError(None, None, "OOM"), True),
        (tf.errors.NotFoundError(None, None, "No algorithm worked! RESOURCE_EXHAUSTED: Out of memory"), True),
        (tf.errors.InternalError(None, None, "CUDNN_STATUS_ALLOC_FAILED"), True),
        (RuntimeError("CUDA out of memory"), True),
        (tf.errors.NotFoundError(None, None, "no such file"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, is_memory):
    assert training.is_out_of_memory(error) == is_memory
