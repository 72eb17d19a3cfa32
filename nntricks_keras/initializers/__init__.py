"""Initial weights of the right size, one public class a file."""

from nntricks_keras.initializers.gaussian import Gaussian
from nntricks_keras.initializers.glorot import Glorot
from nntricks_keras.initializers.he import He
from nntricks_keras.initializers.xavier import Xavier

__all__ = ["Gaussian", "Glorot", "He", "Xavier"]
