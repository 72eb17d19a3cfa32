"""Several devices and processes with Keras on JAX: one program sees the whole batch, and XLA shares it out."""

import inspect
import json
import os

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from nntricks_keras.errors import InputError
from nntricks_keras.training.meeting import meet

LOST_AFTER_SECONDS = 20  # without a sign of life; JAX's own 100 to 300 s are long to wait for an end
DETERMINISTIC = "--xla_gpu_deterministic_ops=true"
TIMEOUTS = ("heartbeat_timeout_seconds", "shutdown_timeout_seconds")


class DataParallel(keras.distribution.DataParallel):
    """keras.distribution.DataParallel that takes batches of every size, and says how many devices there are.

    JAX cuts arrays into equal parts only. A batch that the number of devices does not divide, as the last one of an
    epoch, is computed by each device as a whole: the same numbers as on one device, BatchNorm's statistics too, at the
    price of that batch's speed-up. Filling it up with images of weight 0 would change the statistics.
    """

    def __init__(self, devices=None):
        super().__init__(devices=devices, auto_shard_dataset=False)

    @property
    def num_replicas_in_sync(self):
        return self.device_mesh.devices.size

    def get_data_layout(self, data_shape):
        if data_shape[0] % self.num_replicas_in_sync == 0:
            return super().get_data_layout(data_shape)
        return keras.distribution.TensorLayout([None] * len(data_shape), self.device_mesh)

    def rows_of_process(self, number):
        """The rows of a batch of `number` images that this process gives to its devices, as a slice."""
        if number % self.num_replicas_in_sync:
            return slice(None)
        share = number // jax.process_count()
        return slice(share * jax.process_index(), share * (jax.process_index() + 1))


def find_devices(devices, cluster):
    """The DataParallel of all devices of all processes, or None to compute on one device.

    Args:
        devices: "auto", or how many there should be in this process; of GPUs the first so many, CPUs are made.
        cluster: Cluster of the processes, or None.
    """
    if devices == 1 and cluster is None:
        return None
    if devices != "auto":
        _make_cpus(devices)
    if cluster is not None:
        meet(cluster)
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        known = inspect.signature(jax.distributed.initialize).parameters  # older versions lack these
        patience = {name: LOST_AFTER_SECONDS for name in TIMEOUTS if name in known}
        jax.distributed.initialize(cluster.addresses[0], len(cluster.addresses), cluster.index, **patience)
    here = len(jax.local_devices())
    if cluster is None and devices != "auto" and devices < here:
        return DataParallel(keras.distribution.list_devices()[:devices])
    if devices not in ("auto", here):
        raise InputError(
            f"{devices} devices asked for, and JAX has {here}; on a CPU call training.strategy before JAX is used, or "
            f"set XLA_FLAGS=--xla_force_host_platform_device_count={devices}"
        )
    return DataParallel() if len(jax.devices()) > 1 else None


def check_deterministic():
    """Raises InputError when XLA may add in another order every time: on a GPU, unless its flags forbid it."""
    if jax.default_backend() == "gpu" and DETERMINISTIC not in os.environ.get("XLA_FLAGS", "").split():
        raise InputError(f"deterministic on JAX and a GPU needs XLA_FLAGS={DETERMINISTIC} in the environment")


def compute_capability():
    """Of this process's NVIDIA GPUs the lowest, as (major, minor); None of other accelerators, and without any."""
    found = [getattr(device, "compute_capability", None) for device in jax.local_devices()]
    return min((tuple(int(part) for part in str(one).split(".")) for one in found if one), default=None)


def place():
    """(index of this process, how many there are)."""
    return jax.process_index(), jax.process_count()


def gather(text):
    """The texts of all processes, in their order."""
    content = np.frombuffer(text.encode(), "uint8")
    lengths = multihost_utils.process_allgather(np.array(len(content))).reshape(-1)
    padded = np.zeros(lengths.max(), "uint8")
    padded[: len(content)] = content
    rows = np.asarray(multihost_utils.process_allgather(padded)).reshape(len(lengths), -1)
    return [row[:length].tobytes().decode() for row, length in zip(rows, lengths, strict=True)]


def sums(numbers):
    """The sums over all processes."""
    return [sum(column) for column in zip(*map(json.loads, gather(json.dumps(list(map(int, numbers))))), strict=True)]


def _make_cpus(count):
    try:
        jax.config.update("jax_num_cpu_devices", count)
    except RuntimeError:
        return  # JAX has started: what is there is there
