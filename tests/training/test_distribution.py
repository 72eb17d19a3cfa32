"""Two devices do what one does, in a process of its own: devices can be divided only before TensorFlow starts."""

import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from nntricks_keras import training
from nntricks_keras.errors import InputError
from nntricks_keras.training import distribution
from nntricks_keras.training.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]

COMPARISON = """
    import os, signal, sys
    import keras, numpy as np
    from nntricks_keras import data, layers, training

    batch_size = int(sys.argv[3])
    strategy = training.strategy(2)
    assert strategy.num_replicas_in_sync == 2
    assert training.strategy(2) is strategy  # two of them in one process disturb each other on TensorFlow
    rng = np.random.default_rng(int(sys.argv[1]))
    labels = np.tile(np.arange(4), 86)[:343]
    images = data.load((rng.integers(0, 256, size=(343, 8, 8, 1), dtype=np.uint8), labels), validation_fraction=0.2)
    preprocessing = data.Preprocessing((8, 8), mean=127.0, std=64.0, channels="grey")

    def build():
        return keras.Sequential([
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same"),
            layers.BatchNorm(synchronized=True),
            keras.layers.Activation("tanh"),  # at a ReLU's kink rounding would change a gradient
            keras.layers.Flatten(),
            keras.layers.Dense(4),
        ])

    settings = {"epochs": 4, "batch_size": batch_size, "label_smoothing": 0.1, "ema_decay": 0.9}
    recipe = training.Recipe(optimizer=sys.argv[4], learning_rate=0.02, **settings)

    def train(name, devices, **kwargs):
        folder = f"{sys.argv[2]}/{name}"
        return training.train(build, images, preprocessing, recipe, folder, devices=devices, lean=True, **kwargs)

    last = images.counts["train"] % batch_size
    assert last % 2 == 1 and last > 1  # it does not go evenly over two devices
    assert -(-images.counts["train"] // batch_size) * recipe.epochs >= 50
    runs = [train("one", 1), train("two", 2)]
    one, two = (np.concatenate([w.ravel() for w in run.load_model().get_weights()]) for run in runs)
    # Muon makes small singular values large, with their rounding.
    np.testing.assert_allclose(two, one, atol=1e-4 if recipe.optimizer == "muon" else 1e-5)
    for first, second in zip(runs[0].history, runs[1].history):
        for column in ("loss", "val_loss"):
            np.testing.assert_allclose(second[column], first[column], atol=2e-3, err_msg=column)
        # Two logits that are equal but for rounding may change places: one image of a split, no more.
        for column, split in (("top1", "train"), ("top5", "train"), ("val_top1", "validation")):
            one_image = 1.01 / images.counts[split]
            np.testing.assert_allclose(second[column], first[column], atol=one_image, err_msg=column)

    begin, steps = keras.callbacks.CallbackList.on_train_batch_begin, []

    def send(self, batch, logs=None):
        steps.append(batch)
        if len(steps) == 20:
            os.kill(os.getpid(), signal.SIGTERM)
        begin(self, batch, logs)

    keras.callbacks.CallbackList.on_train_batch_begin = send
    try:
        train("stopped", 2)
    except training.TrainingInterruptedError as stop:
        assert "step 20 (epoch 2)" in str(stop)
    resumed = train("stopped", 2, resume=True)
    resumed_weights = np.concatenate([w.ravel() for w in resumed.load_model().get_weights()])
    np.testing.assert_allclose(resumed_weights, two, atol=1e-5)
    np.testing.assert_allclose(resumed.history[1]["loss"], runs[1].history[1]["loss"], atol=1e-5)
"""


# On TensorFlow batches of 13 go as 7 and 6; JAX cuts evenly, or leaves a batch whole.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "batch_size", "optimizer"),
    [("tensorflow", 13, "sgd"), ("tensorflow", 13, "muon"), ("jax", 18, "sgd"), ("jax", 18, "muon")],
)
def test_two_devices_give_the_weights_and_the_curve_of_one_and_resume(rng, tmp_path, backend, batch_size, optimizer):
    pytest.importorskip(backend)
    arguments = [str(rng.integers(10**6)), str(tmp_path), str(batch_size), optimizer]
    command = [sys.executable, "-c", textwrap.dedent(COMPARISON), *arguments]
    environment = {**os.environ, "KERAS_BACKEND": backend}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_on_jax_a_number_of_devices_that_are_not_there_is_named(tmp_path):
    pytest.importorskip("jax")
    code = (
        "import jax; jax.devices(); from nntricks_keras import training; from nntricks_keras.errors import InputError\n"
        "try: training.strategy(3)\n"
        "except InputError as error: print(error)"
    )
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "3 devices asked for, and JAX has 1" in done.stdout, done.stderr


@pytest.mark.slow
def test_on_jax_some_of_the_devices_train(tmp_path):
    """As some GPUs of a machine would; CPUs that are there already are not made anew."""
    pytest.importorskip("jax")
    code = """
        import sys
        import jax, numpy as np
        assert len(jax.devices()) == 4
        from nntricks_keras import data, training
        from tests.training.small_runs import RECIPE, train
        strategy = training.strategy(2)
        assert strategy.num_replicas_in_sync == 2
        images = data.load((np.zeros((40, 8, 8, 1), "uint8"), np.arange(40) % 3), validation_fraction=0.2)
        run = train(images, sys.argv[1], devices=strategy, lean=True)
        assert len(run.history) == RECIPE.epochs
    """
    environment = {**os.environ, "KERAS_BACKEND": "jax", "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("devices", [0, -1, "two", 1.5, None])
def test_a_wrong_number_of_devices_is_named(devices):
    with pytest.raises(InputError, match=str(devices)):
        training.strategy(devices)


def test_more_devices_than_a_started_tensorflow_has():
    tf.constant(0)
    with pytest.raises(InputError, match="already started"):
        training.strategy(3)


def worker_of_two():
    """A strategy of two workers, without the other one; it notes the axis along which it is to reduce."""
    strategy = object.__new__(tf.distribute.MultiWorkerMirroredStrategy)
    strategy._extended = types.SimpleNamespace(_in_multi_worker_mode=lambda: True)
    strategy.axes = []
    strategy.reduce = lambda operation, value, axis=None: strategy.axes.append((operation, axis))
    return strategy


@pytest.mark.parametrize(("gpus", "implementation"), [([], "AUTO"), (["GPU:0", "GPU:1"], "NCCL")])
def test_gpus_of_several_workers_talk_by_nccl(monkeypatch, gpus, implementation):
    given = []
    monkeypatch.setattr(distribution, "meet", lambda cluster: None)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
    monkeypatch.setattr(tf.distribute, "MultiWorkerMirroredStrategy", lambda *arguments: given.extend(arguments))
    distribution._join.__wrapped__(Cluster(("10.0.0.1:80", "10.0.0.2:80"), 1))
    resolver, options = given
    assert resolver.num_accelerators() == {"GPU": len(gpus)}
    assert options.implementation.name == implementation


def test_keras_still_needs_the_repair_of_multi_worker_training(monkeypatch):
    """When this fails, Keras has mended #20585: take repair_multi_worker away."""
    from keras.src.backend.tensorflow import trainer

    upstream = getattr(trainer.reduce_per_replica, "upstream", trainer.reduce_per_replica)
    strategy = worker_of_two()
    upstream({"loss": tf.constant(1.0)}, strategy, "auto")
    assert strategy.axes == [("MEAN", 0)], "a scalar has no axis 0"

    monkeypatch.setattr(trainer, "reduce_per_replica", upstream)
    distribution.repair_multi_worker()
    trainer.reduce_per_replica({"loss": tf.constant(1.0)}, strategy, "auto")
    assert strategy.axes[1:] == [("MEAN", None)]
    one_device = trainer.reduce_per_replica({"loss": tf.constant(1.0)}, tf.distribute.get_strategy(), "auto")
    assert float(one_device["loss"]) == 1.0


def test_a_keras_newer_than_the_repair_is_said(monkeypatch, caplog):
    monkeypatch.setattr(keras, "__version__", "3.99.0")
    distribution.repair_multi_worker()
    assert "3.99.0" in caplog.text


def test_the_replicas_of_several_workers_take_pairs():
    strategy = worker_of_two()
    strategy._extended._num_replicas_in_sync = 4
    assert distribution.smallest_batch(strategy) == 8
    assert distribution.smallest_batch(tf.distribute.get_strategy()) == 1


def test_the_parts_of_a_worker_with_several_devices_take_turns():
    parts = [tf.data.Dataset.range(3).map(lambda step, part=part: 10 * step + part) for part in range(3)]
    taken = [int(value) for value in distribution.take_turns(parts)]
    assert taken == [0, 1, 2, 10, 11, 12, 20, 21, 22]


DETERMINISTIC = """
import dataclasses, sys
import keras, numpy as np
from nntricks_keras import data, training
from tests.training.small_runs import PREPROCESSING, RECIPE, build
rng = np.random.default_rng(int(sys.argv[1]))
images = data.load((rng.integers(0, 256, (90, 8, 8, 1), "uint8"), np.tile(np.arange(3), 30)), validation_fraction=0.2)
recipe = dataclasses.replace(RECIPE, deterministic=True)
runs = [training.train(build, images, PREPROCESSING, recipe, f"{sys.argv[2]}/{n}", lean=True) for n in range(2)]
for one, two in zip(*(run.load_model().get_weights() for run in runs), strict=True):
    np.testing.assert_array_equal(one, two)
"""


@pytest.mark.slow
def test_a_deterministic_training_on_jax_gives_the_same_bits(rng, tmp_path):
    pytest.importorskip("jax")
    command = [sys.executable, "-c", DETERMINISTIC, str(rng.integers(10**6)), str(tmp_path)]
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_a_deterministic_training_on_jax_and_a_gpu_says_which_flag_it_needs(monkeypatch):
    jax = pytest.importorskip("jax")
    from nntricks_keras.training.jax_devices import check_deterministic

    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=/tmp")
    with pytest.raises(InputError, match="XLA_FLAGS=--xla_gpu_deterministic_ops=true"):
        check_deterministic()
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=/tmp --xla_gpu_deterministic_ops=true")
    check_deterministic()
