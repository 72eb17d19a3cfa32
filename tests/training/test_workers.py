"""Two processes do what one does, and stop with a sentence when they cannot."""

import signal
import textwrap
import time

import numpy as np
import pytest

from nntricks_keras import training
from nntricks_keras.training import workers
from nntricks_keras.training.checkpoints import Checkpoints
from nntricks_keras.training.focusing import Focus
from tests.training.several_workers import start_workers, wait_for

TRAINING = textwrap.dedent("""
    import json, sys
    import keras, numpy as np
    from nntricks_keras import data, layers, training
    from nntricks_keras.errors import InputError

    seed, folder, weights_file, changes, resume = *sys.argv[1:5], len(sys.argv) > 5
    strategy = training.strategy()
    rng = np.random.default_rng(int(seed))
    pictures, labels = rng.integers(0, 256, size=(99, 8, 8, 1), dtype=np.uint8), np.tile(np.arange(9), 11)
    images = data.load((pictures, labels), validation_fraction=0.2)
    preprocessing = data.Preprocessing((8, 8), mean=127.0, std=64.0, channels="grey")
    models = []

    def build():
        models.append(keras.Sequential([
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same"),
            layers.BatchNorm(synchronized=True),
            keras.layers.Activation("tanh"),  # at a ReLU's kink rounding would change a gradient
            keras.layers.Flatten(),
            keras.layers.Dense(9),
        ]))
        return models[-1]

    # Batches of 17 go as 8 and 9, and the last of an epoch is smaller still.
    assert images.counts["train"] % 17 not in (0, 1)
    recipe = training.Recipe(**{"epochs": 13, "batch_size": 17, "learning_rate": 0.02} | json.loads(changes))
    try:
        training.train(build, images, preprocessing, recipe, folder, devices=strategy, resume=resume)
    except (InputError, training.WorkerLostError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
    np.savez(weights_file, *models[0].get_weights())
""")


CHANGES = '{"clip_norm": 0.5, "ema_decay": 0.9, "label_smoothing": 0.1}'


def load(path):
    with np.load(path) as arrays:
        return np.concatenate([arrays[name].ravel() for name in arrays.files])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same training by one process ("one") and by two ("two"), and what they were started with."""
    folder = tmp_path_factory.mktemp("workers")
    arguments = (np.random.default_rng().integers(10**6), CHANGES)
    print(f"seed and changes: {arguments}")
    alone = start_workers(1, "-c", TRAINING, arguments[0], folder / "one", folder / "one.npz", CHANGES)
    both = [folder / "two-0.npz", folder / "two-1.npz"]
    pair = start_workers(2, "-c", TRAINING, arguments[0], folder / "two", both, CHANGES)
    for code, printed in wait_for([*alone, *pair]):
        assert code == 0, printed
    return folder, arguments[0]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_workers_give_the_weights_and_the_curve_of_one(runs):
    folder, _ = runs
    one, first, second = (load(folder / name) for name in ("one.npz", "two-0.npz", "two-1.npz"))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, one, atol=1e-4)
    histories = [training.Run(folder / name).history for name in ("one", "two")]
    assert len(histories[1]) == 13
    counts = training.Run(folder / "two").inputs["counts"]
    assert -(-counts["train"] // 17) * 13 >= 50  # steps
    for alone_row, row in zip(*histories, strict=True):
        for column in ("loss", "val_loss"):
            np.testing.assert_allclose(row[column], alone_row[column], atol=2e-3, err_msg=column)
        # Two logits that are equal but for rounding may change places: one image of a split, no more.
        for column in ("top1", "top5", "val_top1", "val_top5"):
            one_image = 1.01 / counts["validation" if column.startswith("val_") else "train"]
            np.testing.assert_allclose(row[column], alone_row[column], atol=one_image, err_msg=column)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("killed", [0, 1])
def test_a_worker_that_is_killed_stops_the_other_and_both_go_on_together(runs, tmp_path, killed):
    """As on two machines: nobody watches over both, they notice by themselves."""
    whole, seed = runs
    folder, both = tmp_path / "run", [tmp_path / "0.npz", tmp_path / "1.npz"]
    pair = start_workers(2, "-c", TRAINING, seed, folder, both, CHANGES)
    while not (folder / "history.csv").exists():
        assert all(process.poll() is None for process in pair), [process.communicate()[0] for process in pair]
        time.sleep(0.01)
    pair[killed].kill()
    ended = wait_for(pair)
    assert ended[killed][0] == -signal.SIGKILL
    code, printed = ended[1 - killed]
    assert code == 1, printed
    assert "WorkerLostError" in printed
    assert "start all workers again with resume=True" in printed
    assert not (folder / "metrics.json").exists()

    for code, printed in wait_for(start_workers(2, "-c", TRAINING, seed, folder, both, CHANGES, "resume")):
        assert code == 0, printed
    assert len(training.Run(folder).history) == 13
    for number in (0, 1):
        np.testing.assert_allclose(load(both[number]), load(whole / f"two-{number}.npz"), atol=1e-5)


@pytest.mark.slow
def test_workers_focus_on_the_same_images(tmp_path):
    both = [tmp_path / "0.npz", tmp_path / "1.npz"]
    for code, printed in wait_for(start_workers(2, "-c", TRAINING, 5, tmp_path / "run", both, '{"focus": 2}')):
        assert code == 0, printed
    np.testing.assert_array_equal(load(both[0]), load(both[1]))
    state, _ = Checkpoints(tmp_path / "run" / "checkpoints").newest()
    (chosen,) = state["callbacks"]
    assert chosen["looked"] == 9  # of 13 epochs: before the second, and every second until two are left
    focus = Focus(2, 13)
    focus.set_state(chosen)
    assert 0 < focus.hard.mean() < 1


@pytest.mark.slow
def test_workers_that_disagree_are_told_in_what(tmp_path):
    changes = ["{}", '{"momentum": 0.5, "seed": 7}']
    pair = start_workers(2, "-c", TRAINING, 1, tmp_path / "run", tmp_path / "weights.npz", changes)
    for code, printed in wait_for(pair):
        assert code == 1
        assert "recipe.momentum is 0.9 on worker 0, 0.5 on worker 1; recipe.seed is 0 on worker 0, 7" in printed
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_batch_smaller_than_the_replicas_is_named(tmp_path):
    pair = start_workers(2, "-c", TRAINING, 1, tmp_path / "run", tmp_path / "weights.npz", '{"batch_size": 1}')
    for code, printed in wait_for(pair):
        assert code == 1
        assert "batch_size 1 cannot be split over 2 devices" in printed


def test_memory_that_is_not_enough_is_no_worker_that_died(monkeypatch):
    class XlaRuntimeError(RuntimeError):
        pass

    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    assert workers._is_about_workers(XlaRuntimeError("INTERNAL: connection closed by peer"))
    assert not workers._is_about_workers(XlaRuntimeError("RESOURCE_EXHAUSTED: out of memory allocating 5 bytes"))
