"""Recipe and train: how a network is trained, and the run folder it leaves.

TensorFlow is loaded by `train` and `strategy`, when they are first asked for.
"""

import importlib

from nntricks_keras.training.settings import Recipe

_PLACES = {
    "train": "loop",
    "TrainingDivergedError": "recorder",
    "TrainingInterruptedError": "recorder",
    "WorkerLostError": "workers",
    "Run": "run_folder",
    "compile_model": "compilation",
    "strategy": "distribution",
    "is_out_of_memory": "memory",
    "Muon": "optimizers",
    "SGDWithL2": "optimizers",
    "OneCycle": "schedules",
    "Plateau": "schedules",
}
__all__ = ["Recipe", *_PLACES]


def __getattr__(name):
    if name in _PLACES:
        return getattr(importlib.import_module(f"nntricks_keras.training.{_PLACES[name]}"), name)
    raise AttributeError(f"module 'nntricks_keras.training' has no attribute {name!r}")
