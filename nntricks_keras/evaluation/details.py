"""What lies behind an accuracy: which classes are taken for which, and how far a probability can be believed."""

import numpy as np

from nntricks_keras.files import save_atomically

NUM_BINS = 15
MOST_NAMES = 40  # classes whose names a picture can still show


def confusion_matrix(probabilities, labels):
    """(num_classes, num_classes) counts: the row is the true class, the column the most probable one.

    Args:
        probabilities: (images, num_classes).
        labels: (images,) integers.
    """
    num_classes = probabilities.shape[1]
    pairs = np.asarray(labels) * num_classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def class_accuracies(confusion):
    """(num_classes,) share of each class's images that are recognized; NaN for a class without images.

    Args:
        confusion: (num_classes, num_classes) counts, as confusion_matrix makes them.
    """
    counts = confusion.sum(axis=1)
    return np.divide(confusion.diagonal(), counts, out=np.full(len(counts), np.nan), where=counts > 0)


def calibration(probabilities, labels):
    """How often the most probable class is right, by how probable it is.

    Args:
        probabilities: (images, num_classes), of one image or more.
        labels: (images,) integers.

    Returns:
        {"expected_calibration_error": sum over the bins of share * |accuracy - confidence| (Guo et al., 2017),
        "bins": [{"low", "high", "count", "confidence", "accuracy"}, ...] of those with images}: 15 bins of equal width.
    """
    confidences = probabilities.max(axis=1)
    hits = probabilities.argmax(axis=1) == np.asarray(labels)
    which = np.minimum((confidences * NUM_BINS).astype(int), NUM_BINS - 1)
    bins = []
    for index in np.unique(which):
        inside = which == index
        bins.append(
            {
                "low": index / NUM_BINS,
                "high": (index + 1) / NUM_BINS,
                "count": int(inside.sum()),
                "confidence": float(confidences[inside].mean()),
                "accuracy": float(hits[inside].mean()),
            }
        )
    error = sum(entry["count"] * abs(entry["accuracy"] - entry["confidence"]) for entry in bins) / len(hits)
    return {"expected_calibration_error": float(error), "bins": bins}


def draw_confusion(path, confusion, class_names, title):
    """Draws a confusion matrix, each row as shares of its class, to a PNG.

    Args:
        path: where the PNG goes.
        confusion: (num_classes, num_classes) counts.
        class_names: one a class; shown, with the shares, when there are few enough to be read.
        title: the headline.
    """
    from matplotlib.figure import Figure  # half a second, so only when a picture is due

    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    num_classes = len(shares)
    side = min(4 + 0.42 * num_classes, 18)
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, shrink=0.7, label="share of the true class")
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if num_classes <= MOST_NAMES:
        axes.set_xticks(range(num_classes), class_names, rotation=60, ha="right", rotation_mode="anchor", fontsize=8)
        axes.set_yticks(range(num_classes), class_names, fontsize=8)
        for row, column in zip(*np.nonzero(shares >= 0.01), strict=True):
            share = shares[row, column]
            color = "white" if share > 0.6 else "black"
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=7, color=color)
    save_atomically(path, lambda name: figure.savefig(name, dpi=130))


def draw_calibration(path, calibrated, title):
    """Draws accuracy against confidence, above the number of images, to a PNG; `calibrated` is of calibration()."""
    from matplotlib.figure import Figure

    bins = calibrated["bins"]
    middles = [(entry["low"] + entry["high"]) / 2 for entry in bins]
    figure = Figure(figsize=(5, 5.6), layout="constrained")
    accuracy, counts = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    accuracy.plot([0, 1], [0, 1], color="#9aa5b1", lw=1, ls=(0, (4, 3)), label="as sure as it is right")
    confidences = [entry["confidence"] for entry in bins]
    accuracy.plot(confidences, [entry["accuracy"] for entry in bins], color="#c8553d", marker="o", label="this model")
    accuracy.set_ylabel("share that is right")
    accuracy.set_title(
        f"{title}\nexpected calibration error {calibrated['expected_calibration_error']:.3f}", loc="left", fontsize=10
    )
    accuracy.legend(frameon=False)
    counts.bar(middles, [entry["count"] for entry in bins], width=0.9 / NUM_BINS, color="#9aa5b1")
    counts.set_yscale("log")
    counts.set_ylabel("images")
    counts.set_xlabel("probability of the predicted class")
    for axes in (accuracy, counts):
        axes.spines[["top", "right"]].set_visible(False)
    save_atomically(path, lambda name: figure.savefig(name, dpi=130))
