"""Initial weights of the right size, one public class a file."""

from nntricks_keras.initializers.activation_scaled import ActivationScaled, for_activation
from nntricks_keras.initializers.gaussian import Gaussian
from nntricks_keras.initializers.glorot import Glorot
from nntricks_keras.initializers.he import He
from nntricks_keras.initializers.unit_variance import LsuvReport, LsuvRow, lsuv
from nntricks_keras.initializers.xavier import Xavier

__all__ = [
    "ActivationScaled",
    "Gaussian",
    "Glorot",
    "He",
    "LsuvReport",
    "LsuvRow",
    "Xavier",
    "for_activation",
    "lsuv",
]
