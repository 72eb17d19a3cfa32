"""Weights of other frameworks in and out: layouts and conventions converted, hashes checked, nothing half-loaded."""

from zoo.weights.exporting import export_weights
from zoo.weights.loading import Loaded, load_weights

__all__ = ["Loaded", "export_weights", "load_weights"]
