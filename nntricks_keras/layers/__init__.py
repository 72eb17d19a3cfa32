"""The tricks as layers, one public class a file."""

from nntricks_keras.layers.batch_norm import BatchNorm
from nntricks_keras.layers.celu import CELU
from nntricks_keras.layers.dropout import Dropout
from nntricks_keras.layers.elu import ELU
from nntricks_keras.layers.grouped_conv2d import GroupedConv2D
from nntricks_keras.layers.leaky_relu import LeakyReLU
from nntricks_keras.layers.local_response_norm import LocalResponseNorm
from nntricks_keras.layers.parametric_elu import ParametricELU
from nntricks_keras.layers.prelu import PReLU
from nntricks_keras.layers.rrelu import RReLU
from nntricks_keras.layers.scaled_tanh import ScaledTanh

__all__ = [
    "CELU",
    "ELU",
    "BatchNorm",
    "Dropout",
    "GroupedConv2D",
    "LeakyReLU",
    "LocalResponseNorm",
    "PReLU",
    "ParametricELU",
    "RReLU",
    "ScaledTanh",
]
