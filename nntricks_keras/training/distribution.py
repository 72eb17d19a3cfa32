"""Which devices a training runs on."""

import contextlib

import keras
import tensorflow as tf

from nntricks_keras.errors import InputError


def strategy(devices="auto"):
    """The tf.distribute strategy for `devices`; build and fit the model inside its `scope()`.

    Args:
        devices: "auto" takes every GPU there is, or the CPU; a number takes that many GPUs, or, where there is
            none, makes that many logical devices of the CPU (the code path of GPUs, for trying it; no faster). A
            tf.distribute.Strategy is returned as it is.

    Returns:
        MirroredStrategy for several devices, OneDeviceStrategy-like default strategy for one.

    Raises:
        InputError: more devices than there are, or TensorFlow has started with another number of logical devices.
    """
    if isinstance(devices, tf.distribute.Strategy):
        return devices
    gpus = tf.config.list_physical_devices("GPU")
    if devices == "auto":
        devices = max(len(gpus), 1)
    if not isinstance(devices, int) or devices < 1:
        raise InputError(f"devices has to be 'auto' or a number from 1, received {devices!r}")
    if devices == 1:
        return tf.distribute.get_strategy()
    if gpus:
        if devices > len(gpus):
            raise InputError(f"{devices} devices asked for, and this machine has {len(gpus)} GPUs")
        return tf.distribute.MirroredStrategy([f"GPU:{index}" for index in range(devices)])
    return tf.distribute.MirroredStrategy([device.name for device in _logical_cpus(devices)])


def ready_for_fit(model, batch_size):
    """Builds loss and metrics from a symbolic batch, and keeps Keras from building them from a distributed one.

    Under a strategy Keras 3 averages the replicas' parts of the first batch to find their shapes, which fails when the
    parts differ in size (keras-team/keras #20585). Call it in the strategy's scope, after `compile`.
    """
    inputs, outputs = model.inputs[0], model.outputs[0]
    batch = tuple(keras.KerasTensor((batch_size, *tensor.shape[1:]), "float32") for tensor in (inputs, outputs))
    model._symbolic_build(data_batch=batch)
    model._maybe_symbolic_build = lambda **_: None


def make_deterministic():
    """The same bits from every run, at the price of slower kernels; for the rest of the process."""
    if keras.backend.backend() == "tensorflow":
        tf.config.experimental.enable_op_determinism()


def _logical_cpus(count):
    (cpu,) = tf.config.list_physical_devices("CPU")
    with contextlib.suppress(RuntimeError):  # TensorFlow has started: what is there is there
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    logical = tf.config.list_logical_devices("CPU")
    if len(logical) < count:
        raise InputError(
            f"{count} logical CPU devices asked for, but TensorFlow has already started with {len(logical)}: "
            "call training.strategy before anything is computed"
        )
    return logical[:count]
