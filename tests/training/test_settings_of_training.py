"""Averaging, clipping, accumulation, staged unfreezing, early stopping and half precision do what a Recipe says."""

import dataclasses
import json
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from nntricks_keras import evaluation, layers, training
from nntricks_keras.errors import InputError
from nntricks_keras.training import precision
from nntricks_keras.training.averaging import WeightAverage
from nntricks_keras.training.optimizers import AdamW, LossScale, SGDWithL2, shorten
from tests.training.small_runs import PREPROCESSING, RECIPE, assert_same_run, build, killed, plain, train, weights

EVERYTHING = dataclasses.replace(
    RECIPE,
    ema_decay=0.9,
    clip_norm=0.5,
    accumulate=3,
    unfreeze={"conv": 2},
    early_stopping_patience=2,
    learning_rate_factors={"conv": 0.5},
)


@pytest.mark.slow
def test_all_of_them_survive_a_kill(images, tmp_path):
    whole = train(images, tmp_path / "whole", EVERYTHING, lean=True)
    with killed(7):  # within the second epoch, in which conv begins to train
        train(images, tmp_path / "part", EVERYTHING, checkpoint_minutes=0, lean=True)
    assert_same_run(whole, train(images, tmp_path / "part", EVERYTHING, resume=True, lean=True))


def test_the_average_follows_the_recursion_and_validation_sees_it(rng):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), layers.BatchNorm()])
    average = WeightAverage(model, decay=0.5)
    average.set_model(model)
    expected = [weight.astype("float64") for weight in model.get_weights()]
    for step in range(1, 6):
        drawn = [rng.normal(size=weight.shape).astype("float32") for weight in expected]
        model.set_weights(drawn)
        average.on_train_batch_end(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = [decay * old + (1 - decay) * new for old, new in zip(expected, drawn, strict=True)]
    average.on_test_begin()
    for weight, reference in zip(model.get_weights(), expected, strict=True):
        np.testing.assert_allclose(weight, reference, rtol=1e-5, atol=1e-6)
    average.on_test_end()
    for weight, reference in zip(model.get_weights(), drawn, strict=True):
        np.testing.assert_array_equal(weight, reference)


def test_the_average_is_what_is_kept(images, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=1, seed=8)
    last = train(images, tmp_path / "last", recipe, lean=True)
    averaged = train(images, tmp_path / "averaged", dataclasses.replace(recipe, ema_decay=0.99), lean=True)
    assert averaged.history[0]["loss"] == last.history[0]["loss"]  # training goes its own way
    assert averaged.history[0]["val_loss"] != last.history[0]["val_loss"]
    result = averaged.metrics["validation"]["loss"]
    assert result == averaged.history[0]["val_loss"]
    assert any((a != b).any() for a, b in zip(weights(averaged), weights(last), strict=True))


def test_smoothed_labels_are_those_of_training_only(images, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=1, label_smoothing=0.5)
    run = train(images, tmp_path / "run", recipe, model=plain, lean=True)
    of_validation = evaluation.evaluate(run.load_model(), images.validation, PREPROCESSING)
    assert run.metrics["validation"]["loss"] == pytest.approx(of_validation["loss"], rel=1e-4)
    assert min(row["loss"] for row in run.history) > -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 6))  # their entropy


def test_parts_of_a_batch_add_up_to_its_gradient(images, tmp_path):
    assert images.counts["train"] % 16 not in (0, 15)  # the last batch is ragged
    runs = []
    for parts in (1, 5):
        recipe = dataclasses.replace(RECIPE, accumulate=parts, learning_rate=0.02, label_smoothing=0.1)
        runs.append(train(images, tmp_path / str(parts), recipe, model=plain, lean=True))
    for one, five in zip(*map(weights, runs), strict=True):
        np.testing.assert_allclose(five, one, atol=1e-5)
    for one, five in zip(*(run.history for run in runs), strict=True):
        for column in ("loss", "top1", "top5", "val_loss"):
            assert five[column] == pytest.approx(one[column], abs=1e-5), column


@pytest.mark.parametrize("clip_norm", [0.1, 1e6])
def test_clipping_shortens_a_long_gradient_and_leaves_a_short_one(rng, clip_norm):
    drawn = [rng.normal(size=shape).astype("float32") for shape in [(3, 4), (5,)]]
    first, none, second = shorten([tf.constant(drawn[0]), None, tf.constant(drawn[1])], clip_norm)
    assert none is None
    length = np.sqrt(sum(np.sum(np.square(part, dtype="float64")) for part in drawn))
    for part, clipped in zip(drawn, (first, second), strict=True):
        np.testing.assert_allclose(clipped, part * min(1, clip_norm / length), rtol=1e-5)


@pytest.mark.parametrize("optimizer", [SGDWithL2(0.5, clip_norm=1.0), AdamW(0.5, clip_norm=1.0)])
def test_optimizers_clip_and_keep_it_in_their_config(optimizer, rng):
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert again.clip_norm == 1.0
    if isinstance(optimizer, SGDWithL2):
        variable = keras.Variable(np.zeros(3, "float32"))
        gradient = rng.normal(size=3).astype("float32") * 100
        again.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        np.testing.assert_allclose(variable, -0.5 * gradient / np.linalg.norm(gradient), rtol=1e-5)


@pytest.mark.slow
def test_layers_begin_to_train_in_their_epoch(images, tmp_path):
    start = {}

    def remembered():
        model = build()
        start["conv"], start["logits"] = (model.get_layer(name).get_weights() for name in ("conv", "logits"))
        start["moving"] = model.get_layer("norm").get_weights()[2:]
        return model

    recipe = dataclasses.replace(RECIPE, epochs=1, unfreeze={"conv": 2, "nor*": 2})
    frozen = train(images, tmp_path / "frozen", recipe, model=remembered, lean=True).load_model()
    assert_equal(frozen.get_layer("conv").get_weights(), start["conv"])
    assert_equal(frozen.get_layer("norm").get_weights()[2:], start["moving"])
    assert (frozen.get_layer("logits").get_weights()[0] != start["logits"][0]).any()
    assert all(layer.trainable for layer in frozen.layers)  # for what comes after: only this training froze them
    free = train(images, tmp_path / "free", dataclasses.replace(recipe, epochs=2), model=remembered, lean=True)
    checkpoint = np.load(sorted((free.folder / "checkpoints").glob("*.npz"))[-1])
    described = json.loads(bytes(checkpoint["state"]))["variables"]
    kernel = next(entry["key"] for entry in described if entry["path"].endswith("conv/kernel"))
    assert (checkpoint[kernel].view("float32").reshape(start["conv"][0].shape) != start["conv"][0]).any()


def test_a_callback_that_stops_the_training_stops_it_before_an_unfreezing_too(images, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=4, unfreeze={"conv": 3})
    stop = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(stop.model, "stop_training", True))
    run = train(images, tmp_path / "run", recipe, lean=True, callbacks=[stop])
    assert [row["epoch"] for row in run.history] == [1]
    assert run.is_complete


def assert_equal(ours, references):
    for array, reference in zip(ours, references, strict=True):
        np.testing.assert_array_equal(array, reference)


def test_a_layer_to_unfreeze_that_is_not_there(images, tmp_path):
    with pytest.raises(InputError, match="conv"):
        train(images, tmp_path / "run", dataclasses.replace(RECIPE, unfreeze={"convv": 2}))


@pytest.mark.parametrize("settings", [{"accumulate": 2}, {"unfreeze": {"conv": 2}}])
def test_what_needs_tensorflow_is_refused_elsewhere_before_anything_is_written(images, tmp_path, monkeypatch, settings):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(InputError, match=rf"{next(iter(settings))} .* needs the TensorFlow backend, not jax"):
        train(images, tmp_path / "run", dataclasses.replace(RECIPE, **settings), devices=tf.distribute.get_strategy())
    assert not (tmp_path / "run").exists()


def test_early_stopping_ends_the_run_and_stays_ended(images, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=9, learning_rate=1e-12, early_stopping_patience=2, schedule="constant")
    run = train(images, tmp_path / "run", recipe, model=plain, lean=True)  # BatchNorm would move at any rate
    assert len(run.history) == 3
    (run.folder / "metrics.json").unlink()
    again = train(images, tmp_path / "run", recipe, model=plain, resume=True, lean=True)
    assert len(again.history) == 3


@pytest.mark.slow
def test_float16_scales_the_loss_and_still_learns(images, tmp_path):
    run = train(images, tmp_path / "run", dataclasses.replace(RECIPE, precision="mixed_float16"))
    assert run.load_model().get_layer("conv").compute_dtype == "float16"
    assert run.metrics["test"]["top1"] > 0.8


def test_a_gradient_that_overflows_is_left_out_and_halves_the_scale():
    variable = keras.Variable(np.ones(2, "float32"), name="kernel")
    optimizer = LossScale(SGDWithL2(0.1), initial_scale=8.0)
    optimizer.build([variable])
    optimizer.apply([tf.constant([np.inf, 1.0])], [variable])
    np.testing.assert_array_equal(variable, [1, 1])
    assert float(optimizer.dynamic_scale) == 4.0
    optimizer.apply([tf.constant([4.0, 8.0])], [variable])
    np.testing.assert_allclose(variable, [0.9, 0.8], rtol=1e-6)


@pytest.mark.parametrize(
    ("flags", "capability", "fastest"),
    [
        ({"avx2", "fma"}, None, "float32"),
        ({"avx512f", "avx512_bf16"}, None, "mixed_bfloat16"),
        (set(), (7, 5), "mixed_float16"),
        (set(), (6, 1), "float32"),
        (set(), (9, 0), "mixed_bfloat16"),
    ],
)
def test_auto_takes_what_the_machine_computes_natively(monkeypatch, caplog, flags, capability, fastest):
    gpus = ["GPU:0"] if capability else []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda device: {"compute_capability": capability})
    monkeypatch.setattr(precision, "cpu_flags", lambda: flags)
    assert precision.resolve("auto") == fastest
    assert precision.resolve("float32") == "float32"
    precision.resolve("mixed_bfloat16")
    assert ("emulates" in caplog.text) == (fastest == "float32")


@pytest.mark.parametrize(
    ("capability", "fastest"), [("7.5", "mixed_float16"), ("9.0", "mixed_bfloat16"), (None, "mixed_bfloat16")]
)
def test_auto_asks_jax_for_its_gpus(monkeypatch, capability, fastest):
    jax = pytest.importorskip("jax")
    device = types.SimpleNamespace(compute_capability=capability)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    monkeypatch.setattr(keras.distribution, "list_devices", lambda: ["gpu:0"])
    monkeypatch.setattr(jax, "local_devices", lambda: [device])
    assert precision.resolve("auto") == fastest


def test_parts_of_a_batch_are_not_left_to_xla(monkeypatch):
    for parts in (1, 2):
        model = build()
        monkeypatch.setattr(model, "_resolve_auto_jit_compile", lambda: True)  # as on a GPU
        training.compile_model(model, dataclasses.replace(RECIPE, accumulate=parts), 4)
        assert model.jit_compile == (parts == 1)


@pytest.mark.slow
def test_tensorboard_has_the_history(images, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train(images, tmp_path / "run")
    events = EventAccumulator(str(run.folder / "tensorboard"))
    events.Reload()
    written = [tf.make_ndarray(event.tensor_proto).item() for event in events.Tensors("top1/validation")]
    assert written == pytest.approx([row["val_top1"] for row in run.history])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"accumulate": 17}, r"accumulate has to be in \[1, 16\], received 17"),
        ({"ema_decay": 1.0}, "ema_decay"),
        ({"unfreeze": {"conv": 0}}, "unfreeze"),
        ({"early_stopping_patience": -1}, "early_stopping_patience"),
    ],
)
def test_a_wrong_setting_is_named(change, named):
    with pytest.raises(InputError, match=named):
        dataclasses.replace(RECIPE, **change)
