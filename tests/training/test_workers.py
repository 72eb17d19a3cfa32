"""Two processes do what one does, and stop with a sentence when they cannot."""

import textwrap

import numpy as np
import pytest

from nntricks_keras import training
from tests.training.several_workers import start_workers, wait_for

TRAINING = textwrap.dedent("""
    import json, sys
    import keras, numpy as np
    from nntricks_keras import data, layers, training
    from nntricks_keras.errors import InputError

    seed, folder, weights_file, changes = int(sys.argv[1]), sys.argv[2], sys.argv[3], json.loads(sys.argv[4])
    strategy = training.strategy()
    rng = np.random.default_rng(seed)
    pictures, labels = rng.integers(0, 256, size=(99, 8, 8, 1), dtype=np.uint8), np.tile(np.arange(9), 11)
    images = data.load((pictures, labels), validation_fraction=0.2)
    preprocessing = data.Preprocessing((8, 8), mean=127.0, std=64.0, channels="grey")
    models = []

    def build():
        models.append(keras.Sequential([
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same"),
            layers.BatchNorm(synchronized=True),
            keras.layers.ReLU(),
            keras.layers.Flatten(),
            keras.layers.Dense(9),
        ]))
        return models[-1]

    # Batches of 17 go as 8 and 9, and the last of an epoch is smaller still.
    assert images.counts["train"] % 17 not in (0, 1)
    recipe = training.Recipe(**{"epochs": 13, "batch_size": 17, "learning_rate": 0.02} | changes)
    try:
        training.train(build, images, preprocessing, recipe, folder, devices=strategy)
    except InputError as error:
        sys.exit(f"InputError: {error}")
    np.savez(weights_file, *models[0].get_weights())
""")


def load(path):
    with np.load(path) as arrays:
        return np.concatenate([arrays[name].ravel() for name in arrays.files])


@pytest.mark.slow
def test_two_workers_give_the_weights_and_the_curve_of_one(rng, tmp_path):
    seed, changes = rng.integers(10**6), '{"clip_norm": 0.5, "ema_decay": 0.9, "label_smoothing": 0.1}'
    both = [tmp_path / "0.npz", tmp_path / "1.npz"]
    alone = start_workers(1, "-c", TRAINING, seed, tmp_path / "one", tmp_path / "one.npz", changes)
    pair = start_workers(2, "-c", TRAINING, seed, tmp_path / "two", both, changes)
    for code, printed in wait_for([*alone, *pair]):
        assert code == 0, printed
    one, first, second = (load(path) for path in (tmp_path / "one.npz", *both))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, one, atol=1e-4)
    histories = [training.Run(tmp_path / name).history for name in ("one", "two")]
    assert len(histories[1]) == 13
    counts = training.Run(tmp_path / "two").inputs["counts"]
    assert -(-counts["train"] // 17) * 13 >= 50  # steps
    for alone_row, row in zip(*histories, strict=True):
        for column in ("loss", "val_loss"):
            np.testing.assert_allclose(row[column], alone_row[column], atol=2e-3, err_msg=column)
        # Two logits that are equal but for rounding may change places: one image of a split, no more.
        for column, split in (
            ("top1", "train"),
            ("top5", "train"),
            ("val_top1", "validation"),
            ("val_top5", "validation"),
        ):
            np.testing.assert_allclose(row[column], alone_row[column], atol=1.01 / counts[split], err_msg=column)


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
