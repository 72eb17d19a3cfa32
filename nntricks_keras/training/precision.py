"""What the layers compute in: the policy a Recipe names, or the fastest one that this machine computes natively."""

import contextlib
import logging

import keras
import tensorflow as tf

from nntricks_keras.hardware import cpu_flags

BFLOAT16_ON_CPU = {"avx512_bf16", "amx_bf16", "bf16"}  # flags of x86 (two kinds of instruction) and of ARM


def resolve(precision):
    """The Keras dtype policy for a Recipe's precision; "auto" looks at the machine.

    GPUs from Ampere on and TPUs multiply bfloat16 in hardware, Volta and Turing float16, and so do some CPUs bfloat16;
    where there is none of it, half precision is emulated and slower than float32 by an order of magnitude.
    """
    fastest = _fastest()
    if precision == "auto":
        return fastest
    if precision == "mixed_bfloat16" and fastest == "float32":
        logging.getLogger("nntricks_keras").warning(
            "this machine emulates bfloat16, which may be ten times slower than float32; precision='auto' avoids it"
        )
    return precision


@contextlib.contextmanager
def policy(name):
    """Layers made inside compute in the Keras dtype policy `name`."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _fastest():
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        return _of_capability(min(detail.get("compute_capability", (0, 0)) for detail in details))
    if keras.backend.backend() == "jax" and any(
        device.split(":")[0] != "cpu" for device in keras.distribution.list_devices()
    ):
        from nntricks_keras.training.jax_devices import compute_capability

        capability = compute_capability()
        return _of_capability(capability) if capability else "mixed_bfloat16"
    return "mixed_bfloat16" if BFLOAT16_ON_CPU & cpu_flags() else "float32"


def _of_capability(capability):
    if capability >= (8, 0):
        return "mixed_bfloat16"
    return "mixed_float16" if capability >= (7, 0) else "float32"
