"""Whether an error says that the memory of a device, or of the machine, was not enough."""

import tensorflow as tf


def is_out_of_memory(error):
    """True for Python's MemoryError, TensorFlow's ResourceExhaustedError, and what JAX and PyTorch say instead."""
    if isinstance(error, (MemoryError, tf.errors.ResourceExhaustedError)):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("RESOURCE_EXHAUSTED", "out of memory")
    )
