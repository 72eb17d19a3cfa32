"""The kernels the layers call. Each is written in keras.ops in `reference.py`; a framework's own file replaces those
it has a faster way for. Only the file of Keras's active backend is imported."""

import importlib

import keras

from nntricks_keras.backend import reference

if keras.backend.backend() not in ("tensorflow", "jax", "torch"):
    raise ImportError(f"nntricks_keras runs on tensorflow, jax and torch, not on {keras.backend.backend()!r}")
_active = importlib.import_module(f"nntricks_keras.backend.{keras.backend.backend()}")


def _fastest(name):
    return getattr(_active, name, getattr(reference, name))


batch_normalize = _fastest("batch_normalize")
celu = _fastest("celu")
differ_by_replica = _fastest("differ_by_replica")
drop = _fastest("drop")
elu = _fastest("elu")
exact_products = _fastest("exact_products")
gradient_pass = _active.gradient_pass  # each framework has its own: keras.ops has no gradients
leaky_relu = _fastest("leaky_relu")
local_response_norm = _fastest("local_response_norm")
normalize = _fastest("normalize")
parametric_elu = _fastest("parametric_elu")
prelu = _fastest("prelu")
rrelu = _fastest("rrelu")
scaled_tanh = _fastest("scaled_tanh")

__all__ = [
    "batch_normalize",
    "celu",
    "differ_by_replica",
    "drop",
    "elu",
    "exact_products",
    "gradient_pass",
    "leaky_relu",
    "local_response_norm",
    "normalize",
    "parametric_elu",
    "prelu",
    "rrelu",
    "scaled_tanh",
]
