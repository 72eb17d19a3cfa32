"""How good a trained model is, by a stated protocol, and where it errs."""

from nntricks_keras.evaluation.details import (
    calibration,
    class_accuracies,
    confusion_matrix,
    draw_calibration,
    draw_confusion,
)
from nntricks_keras.evaluation.protocols import evaluate, predictions, summarize

__all__ = [
    "calibration",
    "class_accuracies",
    "confusion_matrix",
    "draw_calibration",
    "draw_confusion",
    "evaluate",
    "predictions",
    "summarize",
]
