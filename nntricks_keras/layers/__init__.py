"""The tricks as layers, one public class a file."""

from nntricks_keras.layers.batch_norm import BatchNorm
from nntricks_keras.layers.dropout import Dropout
from nntricks_keras.layers.elu import ELU
from nntricks_keras.layers.leaky_relu import LeakyReLU

__all__ = ["ELU", "BatchNorm", "Dropout", "LeakyReLU"]
