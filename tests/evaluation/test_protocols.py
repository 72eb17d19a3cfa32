"""Loss and top-k against references, and what must not count as right."""

import keras
import numpy as np
import pytest

from nntricks_keras import data, evaluation
from nntricks_keras.errors import InputError
from nntricks_keras.evaluation.protocols import score


def test_score_agrees_with_keras(rng):
    logits, labels = rng.normal(size=(50, 12)) * 5, rng.integers(12, size=50)
    losses, ranks = score(logits, labels)
    expected = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for k in (1, 3, 12):
        expected = keras.metrics.sparse_top_k_categorical_accuracy(labels, logits.astype("float32"), k=k)
        np.testing.assert_array_equal(ranks < k, np.asarray(expected) > 0)


@pytest.mark.parametrize("logits", [np.zeros((4, 3)), np.full((4, 3), np.nan)])
def test_a_network_that_says_nothing_is_not_right(logits):
    assert (score(logits, np.array([0, 1, 2, 0]))[1] >= 1).all()


def test_evaluate_counts_every_image_once(rng):
    images = rng.integers(256, size=(23, 8, 8, 1), dtype=np.uint8)
    labels = np.tile(np.arange(3), 8)[:23]
    loaded = data.load((images, labels), validation_fraction=0.3)
    preprocessing = data.Preprocessing((8, 8), mean=(127.0,), std=(64.0,), channels="grey")
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    results = [evaluation.evaluate(model, loaded.train, preprocessing, batch_size=size) for size in (4, 64)]
    assert results[0]["count"] == loaded.counts["train"]
    assert results[0]["top1"] == results[1]["top1"]
    assert results[0]["loss"] == pytest.approx(results[1]["loss"], rel=1e-6)
    assert results[0]["top5"] == 1


def test_unknown_protocol():
    with pytest.raises(InputError, match="center"):
        evaluation.evaluate(None, None, None, protocol="centre")
