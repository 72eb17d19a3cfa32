"""How good a trained model is, by a stated protocol."""

from nntricks_keras.evaluation.protocols import evaluate

__all__ = ["evaluate"]
