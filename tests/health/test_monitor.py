"""LayerHealth in anybody's fit: what it writes is true, nothing is lost or doubled, and the training stays as it is."""

import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import numpy as np
import pytest

from nntricks_keras import data, layers
from nntricks_keras.errors import InputError
from nntricks_keras.health import LayerHealth, probe
from nntricks_keras.health.budget import Budget
from nntricks_keras.health.records import COLUMNS, read_records

ROOT = Path(__file__).resolve().parents[2]


class Counted(keras.layers.Layer):
    """The identity; counts how often Python runs it, which a traced function does once."""

    calls = 0

    def call(self, x):
        Counted.calls += 1
        return x


def make(rng, seed=3):
    """A compiled network of two kernels, with everything that has a state, and 64 examples."""
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            Counted(name="counted"),
            keras.layers.Dense(8, name="hidden"),
            layers.BatchNorm(name="norm"),
            keras.layers.Activation("tanh", name="tanh"),
            layers.Dropout(0.7, seed=1, name="dropout"),
            keras.layers.Dense(3, name="logits"),
        ]
    )
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x = rng.normal(size=(64, 6)).astype("float32")
    return model, x, rng.integers(0, 3, 64)


def fit(model, x, y, *callbacks, epochs=3, **kwargs):
    return model.fit(x, y, batch_size=16, epochs=epochs, shuffle=False, verbose=0, callbacks=list(callbacks), **kwargs)


def steps(rows):
    return list(dict.fromkeys(row["step"] for row in rows))


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """(LayerHealth, folder, model, x, y) of a training of three epochs, four steps each."""
    folder = tmp_path_factory.mktemp("watched")
    model, x, y = make(np.random.default_rng())
    health = LayerHealth(x, y, folder=folder, tensorboard=folder, share=1)
    fit(model, x, y, health)
    return health, folder, model, x, y


def test_it_measures_at_the_start_and_after_each_epoch_and_the_file_says_the_same(watched):
    health, folder, *_ = watched
    assert steps(health.rows) == [0, 4, 8, 12]
    assert [row["name"] for row in health.rows][:4] == ["hidden", "norm", "tanh", "logits"]
    written = read_records(folder / "health.csv")
    assert len(written) == len(health.rows)
    for mine, read in zip(health.rows, written, strict=True):
        for column in COLUMNS:
            if isinstance(mine[column], float):
                assert read[column] == pytest.approx(mine[column], rel=1e-5, nan_ok=True)
            else:
                assert read[column] == mine[column]
    assert (folder / "health.png").read_bytes()[:4] == b"\x89PNG"


def test_the_last_row_is_that_of_the_trained_weights(watched):
    health, _, model, x, _ = watched
    row = next(row for row in reversed(health.rows) if row["name"] == "hidden")
    kernel, bias = (np.asarray(weight, "float64") for weight in model.get_layer("hidden").get_weights())
    np.testing.assert_allclose(row["std"], (x.astype("float64") @ kernel + bias).std(), rtol=1e-4)
    logits = next(row for row in reversed(health.rows) if row["name"] == "logits")
    assert logits["std"] == pytest.approx(health.report.layers[-1].std)


def test_the_training_is_the_same_to_the_bit(rng):
    model, x, y = make(rng)
    losses = fit(model, x, y).history["loss"]
    watched, *_ = make(rng)
    assert fit(watched, x, y, LayerHealth(x[:20], y[:20], every=1)).history["loss"] == losses
    for mine, others in zip(watched.variables, model.variables, strict=True):
        np.testing.assert_array_equal(mine, others, err_msg=mine.path)


def test_every_so_many_steps(rng):
    model, x, y = make(rng)
    health = LayerHealth(x, y, every=3)
    fit(model, x, y, health)
    assert steps(health.rows) == [0, 3, 6, 9, 12]


def test_it_is_traced_once(rng):
    model, x, y = make(rng)
    fit(model, x, y, epochs=1)
    before = Counted.calls
    counted = []
    count = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: counted.append(Counted.calls - before))
    fit(model, x, y, LayerHealth(x, y, share=1), count, epochs=4)
    assert counted[0] > 0
    assert counted[-1] == counted[0]


def test_a_stream_is_held(rng):
    """Each time the same examples, although the stream gives others the next time."""
    model, x, y = make(rng)
    read = []

    def stream():
        read.append(1)
        yield x[:16], y[:16]
        yield x[16:20], y[16:20]

    health = LayerHealth(stream(), share=1)
    fit(model, x, y, health)
    assert len(read) == 1
    assert health.report.num_examples == 20


@pytest.mark.parametrize("lost", [0, pytest.param(150, marks=pytest.mark.slow)])
def test_it_goes_on_with_a_file_and_doubles_nothing(watched, rng, tmp_path, lost):
    """Killed after it wrote the rows of step 12, or while it did, and the training goes on from step 8."""
    model, x, y = make(rng)
    whole = (watched[1] / "health.csv").read_text()
    (tmp_path / "health.csv").write_text(whole[: len(whole) - lost])
    model.optimizer.iterations.assign(8)
    fit(model, x, y, LayerHealth(x, y, folder=tmp_path, share=1), initial_epoch=2)
    rows = read_records(tmp_path / "health.csv")
    assert steps(rows) == [0, 4, 8, 12]
    assert len(rows) == 16
    assert whole.splitlines()[:13] == (tmp_path / "health.csv").read_text().splitlines()[:13]


@pytest.mark.parametrize("cut", [1, 60, 200, 350])
def test_a_measurement_cut_short_is_left_out(watched, tmp_path, cut):
    text = (watched[1] / "health.csv").read_text()
    (tmp_path / "health.csv").write_text(text[:-cut])
    assert steps(read_records(tmp_path / "health.csv")) == [0, 4, 8]


@pytest.mark.slow
def test_a_new_training_begins_a_new_file(watched, rng, tmp_path):
    (tmp_path / "health.csv").write_text((watched[1] / "health.csv").read_text())
    again, x, y = make(rng)
    fit(again, x, y, LayerHealth(x, y, folder=tmp_path, share=1), epochs=1)
    assert steps(read_records(tmp_path / "health.csv")) == [0, 4]


def test_tensorboard_gets_the_numbers_of_the_file(watched):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    health, folder, *_ = watched
    events = EventAccumulator(str(folder))
    events.Reload()
    written = events.Tensors("health_std/hidden")
    wanted = [row["std"] for row in health.rows if row["name"] == "hidden"]
    assert [event.step for event in written] == [0, 1, 2, 3]
    np.testing.assert_allclose([make_ndarray(event.tensor_proto) for event in written], wanted, rtol=1e-6)


def test_a_budget_keeps_its_share_whatever_the_work_takes(rng):
    now = [0.0]
    budget = Budget(0.03, {"work": 0.0}, clock=lambda: now[0])
    worked = 0.0
    for _ in range(2000):
        now[0] += rng.exponential(1.0)  # an epoch
        if budget.allows("work"):
            with budget.spending("work"):
                took = rng.uniform(0.2, 0.3)
                now[0] += took
                worked += took
    assert worked <= 0.03 * now[0] + 0.1  # at most what the last work took longer than the one before
    assert worked > 0.02 * now[0]


def test_short_epochs_are_passed_over_but_for_the_last(rng):
    model, x, y = make(rng)
    health = LayerHealth(x, y, share=1e-9)
    fit(model, x, y, health, epochs=6)
    assert steps(health.rows) in ([0, 4, 24], [0, 24])


@pytest.mark.parametrize(
    ("arguments", "named"), [({"every": 0}, "0"), ({"every": "step"}, "step"), ({"share": 0}, "share")]
)
def test_what_makes_no_sense_is_named(arguments, named):
    with pytest.raises(InputError, match=named):
        LayerHealth(np.zeros((2, 3)), np.zeros(2), **arguments)


def test_an_endless_stream_is_refused():
    import tensorflow as tf

    with pytest.raises(InputError, match="never ends"):
        LayerHealth(tf.data.Dataset.from_tensors((np.zeros((2, 3)), np.zeros(2))).repeat())
    pixels, labels = np.zeros((8, 4, 4, 1), "uint8"), np.arange(8) % 2
    images = data.load((pixels, labels), validation_fraction=0.5)
    settings = {"batch_size": 2, "num_classes": 2, "training": True}
    with pytest.raises(InputError, match="never ends"):
        LayerHealth(data.pipeline(images.train, data.Preprocessing((4, 4), channels="grey"), repeat=True, **settings))


def test_a_fit_of_no_epochs_ends_quietly(rng):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = rng.normal(size=(8, 3)).astype("float32"), np.arange(8) % 2
    model.fit(x, y, epochs=1, verbose=0)
    model.fit(x, y, initial_epoch=3, epochs=3, verbose=0, callbacks=[LayerHealth(x, y)])


MIRRORED = """
    import sys
    import keras, numpy as np
    from nntricks_keras import health, layers, training
    from nntricks_keras.training.losses import CrossEntropy

    def make():
        return keras.Sequential([
            keras.Input((6,)), keras.layers.Dense(8, name="hidden"), layers.BatchNorm(synchronized=True, name="norm"),
            keras.layers.ReLU(name="relu"), keras.layers.Dense(3, name="logits"),
        ])

    strategy = training.strategy(2)
    assert strategy.num_replicas_in_sync == 2
    rng = np.random.default_rng(int(sys.argv[1]))
    x, y = rng.normal(size=(48, 6)).astype("float32"), np.eye(3, dtype="float32")[rng.integers(0, 3, 48)]
    with strategy.scope():
        model = make()
        model.compile(keras.optimizers.SGD(0.1), CrossEntropy())
    watch = health.LayerHealth(x[:31], y[:31], folder=sys.argv[2], share=1)
    model.fit(x, y, batch_size=16, epochs=2, verbose=0, callbacks=[watch])
    alone = make()
    alone.set_weights(model.get_weights())
    alone.compile(keras.optimizers.SGD(0.1), CrossEntropy())
    wanted = health.probe(alone, x[:31], y[:31])
    np.testing.assert_allclose(watch.report.loss, wanted.loss, rtol=1e-5)
    for mine, theirs in zip(watch.report.layers, wanted.layers, strict=True):
        for column in ("std", "dead", "gradient_std", "weight_std", "update_ratio", "drift"):
            a, b = getattr(mine, column), getattr(theirs, column)
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-7, err_msg=f"{mine.name} {column}")
    assert len(health.records.read_records(f"{sys.argv[2]}/health.csv")) == 3 * 4
    with strategy.scope():
        np.testing.assert_allclose(health.probe(model, x[:31], y[:31]).loss, wanted.loss, rtol=1e-5)
"""


@pytest.mark.slow
def test_under_two_devices_it_sees_what_one_would(rng, tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(MIRRORED), str(rng.integers(10**6)), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_report_is_what_probe_gives(watched):
    health, _, model, x, y = watched
    wanted = probe(model, x, y)
    assert health.report.loss == pytest.approx(wanted.loss, rel=1e-4)
    assert [row.name for row in health.report.layers] == [row.name for row in wanted.layers]
