"""Every processor that trains has an image in each step, or the batch size is refused with one that would do."""

import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from nntricks_keras.data.order import EpochOrder
from nntricks_keras.errors import InputError
from nntricks_keras.training import distribution

ROOT = Path(__file__).resolve().parents[2]


def replicas(count, kind, deals_parts):
    strategies = tf.distribute.MultiWorkerMirroredStrategy if deals_parts else tf.distribute.MirroredStrategy
    strategy = object.__new__(strategies)
    strategy._extended = types.SimpleNamespace(
        _in_multi_worker_mode=lambda: deals_parts,
        _num_replicas_in_sync=count,
        worker_devices=[f"/device:{kind}:{index}" for index in range(count)],
    )
    return strategy


@pytest.mark.parametrize(
    ("batch_size", "count", "deals_parts", "other"),
    [
        (16, 20, False, None),  # 4 4 4 4, then 1 1 1 1
        (16, 21, False, 14),  # 4 4 4 4, then 2 2 1 0; 15 would leave 2 2 2 0
        (5, 20, False, 4),  # 2 2 1 0 each time
        (16, 21, True, 12),  # 4 4 4 4, then 0 2 0 3; 12 leave 9: 2 2 2 3
        (16, 25, True, None),
        (16, 16, False, None),
    ],
)
def test_no_processor_is_left_without_an_image(batch_size, count, deals_parts, other):
    strategy = replicas(4, "CPU", deals_parts)
    if other is None:
        distribution.check_shares(strategy, batch_size, count)
    else:
        with pytest.raises(
            InputError, match=f"batch_size {batch_size} leaves one of 4 .*{count} images.* {other} would"
        ):
            distribution.check_shares(strategy, batch_size, count)
    assert distribution.largest_shared_batch(strategy, batch_size, count) == (other or batch_size)
    distribution.check_shares(replicas(4, "GPU", deals_parts), batch_size, count)
    distribution.check_shares(tf.distribute.get_strategy(), batch_size, count)
    if deals_parts:
        settings = {"shuffle": False, "seed": 0, "drop_remainder": False}
        orders = [EpochOrder(np.zeros(count), batch_size, shard=(part, 4), **settings) for part in range(4)]
        least = min(len(order.draws(0, step)) for order in orders for step in range(order.steps_per_epoch))
        assert (least > 0) == (other is None)
    with pytest.raises(InputError, match="3 images are too few"):
        distribution.largest_shared_batch(strategy, 16, 3)


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="of processors")
def test_a_share_that_is_taken_in_parts_has_an_image_for_each():
    one = tf.distribute.get_strategy()
    distribution.check_shares(one, 20, 9001)
    with pytest.raises(InputError, match=r"batch_size 20 leaves the device without .* 16 would do"):
        distribution.check_shares(one, 20, 9001, parts=2)
    distribution.check_shares(replicas(4, "CPU", True), 16, 25, parts=2)
    with pytest.raises(InputError, match="12 would do"):
        distribution.check_shares(replicas(4, "CPU", False), 16, 20, parts=2)


@pytest.mark.slow
def test_a_last_validation_image_goes_to_no_device_alone(tmp_path):
    """With the batches of the training it would leave the second device without one."""
    code = """
        import sys
        import keras, numpy as np
        from nntricks_keras import data, training
        from tests.training.small_runs import PREPROCESSING, RECIPE

        def build():
            convolutions = [keras.layers.Conv2D(4, 3, padding="same") for _ in range(2)]
            return keras.Sequential([
                keras.Input((8, 8, 1)), *convolutions, keras.layers.Flatten(), keras.layers.Dense(3, dtype="float32")
            ])

        strategy = training.strategy(2)
        pictures = np.random.default_rng().integers(0, 256, (205, 8, 8, 1), "uint8")
        images = data.load((pictures, np.arange(205) % 3), validation_fraction=0.2)
        recipe = training.Recipe(epochs=1, batch_size=images.counts["validation"] - 1)
        assert images.counts["train"] % recipe.batch_size > 1
        training.train(build, images, PREPROCESSING, recipe, sys.argv[1], devices=strategy, lean=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "run")]
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
