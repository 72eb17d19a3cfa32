"""Tuning: which tricks, and how much of each. Built on keras-tuner; a trial is a zoo.Experiment."""

import importlib

_PLACES = {
    "space": "spaces",
    "search": "searches",
    "SearchInterruptedError": "running",
    "HyperZoo": "hyper_zoo",
    "ablate": "ablation.ablating",
    "report": "reporting.pages",
}
__all__ = list(_PLACES)


def __getattr__(name):
    if name in _PLACES:
        return getattr(importlib.import_module(f"tuning.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'tuning' has no attribute {name!r}")
