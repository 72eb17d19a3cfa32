"""Under MirroredStrategy: statistics that are equal everywhere, and draws that are not."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.layers.harness import BACKEND, assert_within, numerical_gradients
from tests.layers.references import batch_norm_by_batch

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BACKEND != "tensorflow", reason="MirroredStrategy is TensorFlow's"),
]
COUNTS = [(4, 4), (5, 3), (6, 0), (0, 7)]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What tests/layers/replicas.py saw on two devices; one process for all tests of this file."""
    path = tmp_path_factory.mktemp("replicas") / "results.npz"
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
    subprocess.run([sys.executable, "-m", "tests.layers.replicas", path], check=True, cwd=root, env=environment)
    with np.load(path) as results:
        return dict(results)


def parts_of(seen, counts):
    return [part.astype("float64") for part in np.split(seen["x"][: sum(counts)], [counts[0]])]


def dy_of(parts):
    shape = np.concatenate(parts).shape
    dy = np.sin(np.arange(np.prod(shape), dtype="float32")).reshape(shape)
    return np.split(dy.astype("float64"), [len(parts[0])])


@pytest.mark.parametrize("synchronized", [False, True])
@pytest.mark.parametrize("counts", COUNTS)
def test_moving_statistics_are_equal_on_every_replica_and_weighted_by_count(counts, synchronized, seen):
    name = f"{counts[0]}+{counts[1]}/{synchronized}"
    for what in ("mean", "variance"):
        np.testing.assert_array_equal(seen[f"{name}/{what}/0"], seen[f"{name}/{what}/1"])
    np.testing.assert_array_equal(seen[f"{name}/saved_mean"], seen[f"{name}/mean/0"])
    parts = parts_of(seen, counts)
    everything = np.concatenate(parts)
    mean, variance = everything.mean((0, 1, 2)), everything.var((0, 1, 2))
    if not synchronized:  # each replica normalizes by its own variance, so that is what is averaged
        variance = sum(len(part) * part.var((0, 1, 2)) for part in parts if len(part)) / len(everything)
    assert_within(seen[f"{name}/mean/0"], 0.5 * mean, 1e-5)
    assert_within(seen[f"{name}/variance/0"], 0.5 + 0.5 * variance, 1e-5)


@pytest.mark.parametrize("counts", COUNTS)
def test_each_replica_normalizes_by_its_own_batch(counts, seen):
    check_outputs_and_gradients(seen, f"{counts[0]}+{counts[1]}/False", parts_of(seen, counts), own=True)


@pytest.mark.parametrize("counts", COUNTS)
def test_synchronized_replicas_normalize_as_one_batch(counts, seen):
    check_outputs_and_gradients(seen, f"{counts[0]}+{counts[1]}/True", parts_of(seen, counts), own=False)


def check_outputs_and_gradients(seen, name, parts, own):
    ones, zeros, dys = np.ones(4), np.zeros(4), dy_of(parts)

    def normalize(*parts):
        if own:
            return np.concatenate([batch_norm_by_batch(p, -1, ones, zeros) if len(p) else p for p in parts])
        return batch_norm_by_batch(np.concatenate(parts), -1, ones, zeros)

    outputs = np.split(normalize(*parts), [len(parts[0])])
    gradients = numerical_gradients(normalize, parts, np.concatenate(dys))
    for replica in (0, 1):
        assert_within(seen[f"{name}/y/{replica}"], outputs[replica], 1e-5, "outputs")
        assert_within(seen[f"{name}/dx/{replica}"], gradients[replica], 1e-5, "gradient of x")
        of_gamma = np.sum(dys[replica] * outputs[replica], (0, 1, 2))
        assert_within(seen[f"{name}/dgamma/{replica}"], of_gamma, 2e-5, "gradient of gamma")


@pytest.mark.parametrize("synchronized", [False, True])
def test_evaluate_in_the_strategy_equals_evaluate_after_saving_and_loading(synchronized, seen):
    inside, reloaded = seen[f"evaluate/{synchronized}"]
    assert abs(inside - reloaded) <= 1e-5 * abs(inside)


@pytest.mark.parametrize(("name", "agree"), [("fair", 0.5), ("dropout", 0.68), ("rrelu", 0.0)])
def test_draws_differ_between_replicas_and_steps(name, agree, seen):
    values = [seen[f"draws/{name}/{step}/{replica}"] for step in (0, 1) for replica in (0, 1)]
    for i, one in enumerate(values):
        for other in values[:i]:
            assert abs(np.mean(one == other) - agree) < 0.03
