"""Colour orders as matrices, so that a change of channels is one more linear step. Loads no TensorFlow."""

import numpy as np

# Name -> rows: the output channels as sums of red, green and blue. Grey is ITU-R 601 luma, as in Pillow.
CHANNELS = {
    "rgb": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "bgr": ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    "grey": ((0.299, 0.587, 0.114),),
}


def channel_matrix(num_raw, channels):
    """(outputs, num_raw) matrix that takes a raw image of 1 or 3 channels to `channels`."""
    matrix = np.array(CHANNELS[channels])
    if num_raw == 1:
        # A grey image is the same level in red, green and blue; the sum over them is 1 for every output channel.
        matrix = np.ones((len(matrix), 1))
    return matrix
