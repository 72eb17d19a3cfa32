"""Whether an error says that the memory of a device, or of the machine, was not enough."""

import tensorflow as tf

# cuDNN that has no memory to try its algorithms in is a NotFoundError or an InternalError of TensorFlow.
WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "CUDNN_STATUS_ALLOC_FAILED")


def is_out_of_memory(error):
    """True for Python's MemoryError, TensorFlow's ResourceExhaustedError, and what cuDNN, JAX and PyTorch say."""
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return True
    return isinstance(error, (RuntimeError, tf.errors.OpError)) and any(words in str(error) for words in WORDS)
