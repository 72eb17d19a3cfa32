"""Confusion, accuracy by class and calibration, against loops written out."""

import numpy as np
import pytest

from nntricks_keras import evaluation


@pytest.fixture
def predicted(rng):
    """Probabilities of 400 images over 5 classes, of which the last has no images."""
    probabilities = rng.dirichlet(np.full(5, 0.4), size=400)
    labels = np.where(rng.random(400) < 0.6, probabilities.argmax(axis=1), rng.integers(0, 4, size=400))
    return probabilities, np.minimum(labels, 3)


def test_the_confusion_matrix_counts_pairs(predicted):
    probabilities, labels = predicted
    expected = np.zeros((5, 5), int)
    for row, label in zip(probabilities, labels, strict=True):
        expected[label, int(np.argmax(row))] += 1
    confusion = evaluation.confusion_matrix(probabilities, labels)
    np.testing.assert_array_equal(confusion, expected)
    accuracies = evaluation.class_accuracies(confusion)
    for index in range(4):
        of_class = probabilities[labels == index].argmax(axis=1)
        assert accuracies[index] == pytest.approx((of_class == index).mean())
    assert np.isnan(accuracies[4])


def test_calibration_bins_by_confidence(predicted):
    probabilities, labels = predicted
    error, count = 0.0, 0
    for index in range(15):
        inside = [
            (row.max(), row.argmax() == label)
            for row, label in zip(probabilities, labels, strict=True)
            if index / 15 <= row.max() < (index + 1) / 15 or (index == 14 and row.max() == 1)
        ]
        if inside:
            confidence, right = np.mean(inside, axis=0)
            error += len(inside) / len(labels) * abs(confidence - right)
            count += len(inside)
    calibrated = evaluation.calibration(probabilities, labels)
    assert count == sum(entry["count"] for entry in calibrated["bins"]) == 400
    assert calibrated["expected_calibration_error"] == pytest.approx(error)


def test_a_model_that_is_as_sure_as_it_is_right_has_no_error(rng):
    confidence = rng.uniform(0.5, 1, size=20000)
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = (rng.random(20000) > confidence).astype(int)
    assert evaluation.calibration(probabilities, labels)["expected_calibration_error"] < 0.02


def test_summarize_is_what_evaluate_says_of_the_same_predictions(predicted):
    probabilities, labels = predicted
    result = evaluation.summarize(probabilities, labels, top_k=(1, 2))
    assert result["top1"] == (probabilities.argmax(axis=1) == labels).mean()
    assert result["top2"] == np.mean(
        [label in row.argsort()[-2:] for row, label in zip(probabilities, labels, strict=True)]
    )
    assert result["count"] == 400


@pytest.mark.parametrize("num_classes", [5, 60])
def test_pictures_are_written(rng, tmp_path, num_classes):
    probabilities = rng.dirichlet(np.full(num_classes, 0.2), size=300)
    labels = rng.integers(0, num_classes, size=300)
    names = [f"class {index}" for index in range(num_classes)]
    confusion = evaluation.confusion_matrix(probabilities, labels)
    evaluation.draw_confusion(tmp_path / "confusion.png", confusion, names, "title")
    evaluation.draw_calibration(tmp_path / "calibration.png", evaluation.calibration(probabilities, labels), "title")
    for name in ("confusion.png", "calibration.png"):
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
