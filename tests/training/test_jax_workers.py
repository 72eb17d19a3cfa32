"""Two processes on JAX do what one does."""

import numpy as np
import pytest

from nntricks_keras import training
from tests.training.several_workers import start_workers, wait_for
from tests.training.test_workers import TRAINING, load


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_processes_give_the_weights_of_one(rng, tmp_path, monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    seed, changes = rng.integers(10**6), '{"batch_size": 16, "ema_decay": 0.9}'
    both = [tmp_path / "0.npz", tmp_path / "1.npz"]
    alone = start_workers(1, "-c", TRAINING, seed, tmp_path / "one", tmp_path / "one.npz", changes)
    pair = start_workers(2, "-c", TRAINING, seed, tmp_path / "two", both, changes)
    for code, printed in wait_for([*alone, *pair]):
        assert code == 0, printed
    np.testing.assert_array_equal(load(both[0]), load(both[1]))
    np.testing.assert_allclose(load(both[0]), load(tmp_path / "one.npz"), atol=1e-4)
    for one, two in zip(training.Run(tmp_path / "one").history, training.Run(tmp_path / "two").history, strict=True):
        np.testing.assert_allclose(two["val_loss"], one["val_loss"], atol=2e-3)
