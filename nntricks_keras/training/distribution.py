"""Which devices a training runs on, and how they share the work."""

import contextlib
import functools
import logging
import math

import keras
import tensorflow as tf

from nntricks_keras.data import order
from nntricks_keras.errors import InputError
from nntricks_keras.training.cluster import find_cluster
from nntricks_keras.training.meeting import meet

REPAIRED_UP_TO = (3, 15)  # the Keras that the repair of multi-worker training has been tried with


def strategy(devices="auto"):
    """The tf.distribute strategy for `devices`; build and fit the model inside its `scope()`.

    Args:
        devices: "auto" takes every GPU there is, or the CPU; a number takes that many GPUs, or, where there is
            none, makes that many logical devices of the CPU (the code path of GPUs, for trying it; no faster). A
            strategy is returned as it is. Where TF_CONFIG or Slurm's variables name several workers
            (cluster.py), "auto" takes every GPU of each, once all have come.

    Returns:
        MultiWorkerMirroredStrategy for several workers, MirroredStrategy for several devices, the default strategy for
        one. On JAX a keras.distribution.DataParallel for several devices, those of other processes among them.

    Raises:
        InputError: more devices than there are, TensorFlow has started already, variables that make no sense, a port
            in use, a worker that does not come.
    """
    if hasattr(devices, "num_replicas_in_sync"):
        return devices
    if devices != "auto" and (not isinstance(devices, int) or devices < 1):
        raise InputError(f"devices has to be 'auto' or a number from 1, received {devices!r}")
    cluster = find_cluster()
    if keras.backend.backend() == "jax":
        return _jax_strategy(devices, cluster)
    if cluster is not None:
        if devices != "auto":
            raise InputError(f"several workers train on all their devices: devices has to be 'auto', not {devices!r}")
        return _join(cluster)
    gpus = tf.config.list_physical_devices("GPU")
    if devices == "auto":
        devices = max(len(gpus), 1)
    if devices == 1:
        return tf.distribute.get_strategy()
    if gpus:
        if devices > len(gpus):
            raise InputError(f"{devices} devices asked for, and this machine has {len(gpus)} GPUs")
        return _mirrored(tuple(f"GPU:{index}" for index in range(devices)))
    return _mirrored(tuple(device.name for device in _logical_cpus(devices)))


def ready_for_fit(model, batch_size):
    """Builds loss and metrics from a symbolic batch, and keeps Keras from building them from a distributed one.

    Under a strategy Keras 3 averages the replicas' parts of the first batch to find their shapes, which fails when the
    parts differ in size (keras-team/keras #20585). Call it in the strategy's scope, after `compile`.
    """
    inputs, outputs = model.inputs[0], model.outputs[0]
    batch = tuple(keras.KerasTensor((batch_size, *tensor.shape[1:]), "float32") for tensor in (inputs, outputs))
    model._symbolic_build(data_batch=batch)
    model._maybe_symbolic_build = lambda **_: None


def smallest_batch(strategy):
    """Images a step at least, so that every replica has some; see `feed`."""
    num_replicas = strategy.num_replicas_in_sync
    return order.smallest_batch(num_replicas) if _deals_parts(strategy) else num_replicas


def check_shares(strategy, batch_size, count, parts=1):
    """InputError where a step leaves a replica without an image and that replica cannot do without.

    Those on processors cannot: with oneDNN, TensorFlow's convolution of no images has the channels of its input, and
    the next convolution ends the training.

    Args:
        strategy: tf.distribute.Strategy or keras.distribution.DataParallel.
        batch_size: of a step, over all replicas.
        count: of the training images.
        parts: into how many a replica cuts its share, see Recipe.accumulate.
    """
    if _leaves_one_out(strategy, batch_size, count, parts):
        where = f"one of {strategy.num_replicas_in_sync} devices" if strategy.num_replicas_in_sync > 1 else "the device"
        raise InputError(
            f"batch_size {batch_size} leaves {where} without an image in a step{' or a part of one' * (parts > 1)} "
            f"of an epoch of {count} images, which processors cannot do without; "
            f"{largest_shared_batch(strategy, batch_size, count, parts)} would do"
        )


def largest_shared_batch(strategy, batch_size, count, parts=1):
    """The largest batch size, at most `batch_size`, that gives every processor some of `count` images in each step.

    Even where `batch_size` is: what mixes images takes pairs.
    """
    for size in range(batch_size, 0, -1 if batch_size % 2 else -2):
        if not _leaves_one_out(strategy, size, count, parts):
            return size
    raise InputError(f"{count} images are too few for {strategy.num_replicas_in_sync} devices that are processors")


def _leaves_one_out(strategy, batch_size, count, parts):
    """Whether there are processors among the replicas and in some step one of them has less than `parts` images."""
    if not isinstance(strategy, tf.distribute.Strategy):
        return False  # JAX cuts batches in a way of its own
    num_replicas = strategy.num_replicas_in_sync

    def least_share(batch):
        if _deals_parts(strategy) and num_replicas > 1:
            return 2 * (batch // (2 * num_replicas))  # bounds are even, see EpochOrder
        return batch - (num_replicas - 1) * math.ceil(batch / num_replicas)  # as many to each, until there are no more

    batches = {min(batch_size, count), count % batch_size} - {0}
    return min(map(least_share, batches)) < parts and any("CPU" in name for name in _devices_of(strategy))


def _devices_of(strategy):
    if strategy.num_replicas_in_sync > 1:
        return strategy.extended.worker_devices
    return [device.name for device in tf.config.list_logical_devices("GPU")] or ["CPU"]  # where one replica goes


def _deals_parts(strategy):
    """Whether each replica reads its own part of a batch; otherwise tf.distribute, or JAX, cuts whole ones."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def feed(strategy, make_dataset):
    """What `fit` takes: `make_dataset((part, number of parts))`, for each worker the parts of its own replicas.

    Args:
        strategy: tf.distribute.Strategy.
        make_dataset: a function that returns the batches of one part as a tf.data.Dataset, (0, 1) being the whole.
    """
    if not _deals_parts(strategy):
        return make_dataset((0, 1))
    worker, num_replicas = strategy.cluster_resolver.task_id, strategy.num_replicas_in_sync
    here = num_replicas // len(strategy.cluster_resolver.cluster_spec().as_dict()["worker"])
    return strategy.distribute_datasets_from_function(
        lambda _: take_turns([make_dataset((worker * here + local, num_replicas)) for local in range(here)])
    )


def take_turns(datasets):
    """The first batch of each, the second of each, ...: what tf.distribute deals out to the replicas of a worker."""
    if len(datasets) == 1:
        return datasets[0]
    turns = tf.data.Dataset.range(len(datasets)).repeat()
    return tf.data.Dataset.choose_from_datasets(datasets, turns)


def is_multi_worker(strategy):
    """Whether several processes train together."""
    if isinstance(strategy, tf.distribute.Strategy):
        return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
    return jax_room().place()[1] > 1


def in_force(strategy):
    """The context that `fit` runs in."""
    return contextlib.nullcontext() if isinstance(strategy, tf.distribute.Strategy) else strategy.scope()


@contextlib.contextmanager
def alone():
    """What is made and computed inside is on this process's own device, whatever the others do."""
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def repair_multi_worker():
    """Lets Keras reduce what the steps of several workers return: scalars, which have no axis 0 (#20585)."""
    from keras.src.backend.tensorflow import trainer

    version = tuple(int(part) for part in keras.__version__.split(".")[:2])
    if version > REPAIRED_UP_TO:
        logging.getLogger("nntricks_keras").warning(
            "training with several workers has not been tried with Keras %s yet", keras.__version__
        )
    if hasattr(trainer.reduce_per_replica, "upstream"):
        return  # repaired already
    upstream = trainer.reduce_per_replica

    def reduce_per_replica(values, strategy, reduction):
        if not is_multi_worker(strategy) or reduction == "concat":
            return upstream(values, strategy, reduction)
        return keras.tree.map_structure(
            lambda value: strategy.reduce("SUM" if reduction == "sum" else "MEAN", value, axis=None), values
        )

    reduce_per_replica.upstream = upstream
    trainer.reduce_per_replica = reduce_per_replica


def repair_uneven_batches():
    """Lets Keras on JAX ask our DataParallel for the layout of every batch; it keeps that of the first one."""
    from keras.src.backend.jax import trainer

    upstream = trainer.JAXEpochIterator._get_distributed_iterator

    def iterate(self, distribution):
        if not isinstance(distribution, jax_room().DataParallel):
            yield from upstream(self, distribution)
            return
        for batch in self.data_adapter.get_jax_iterator():
            layouts = tuple(distribution.get_data_layout(part.shape).backend_layout for part in batch)
            here = distribution.rows_of_process(len(batch[0]))
            yield trainer._distribute_data(tuple(part[here] for part in batch), layouts)

    trainer.JAXEpochIterator._get_distributed_iterator = iterate


def make_deterministic():
    """The same bits from every run, at the price of slower kernels; for the rest of the process.

    On JAX, XLA has to be told before it starts: InputError for a GPU when it was not. On CPUs it always is so.
    """
    if keras.backend.backend() == "tensorflow":
        tf.config.experimental.enable_op_determinism()
    elif keras.backend.backend() == "jax":
        jax_room().check_deterministic()


@functools.cache
def _mirrored(names):
    """One strategy for all trainings of a process: the collective operations of two take each other for their own."""
    return tf.distribute.MirroredStrategy(names)


@functools.cache  # one joins once
def _join(cluster):
    """The strategy of several workers. They find one another first; a worker that dies later stops the others.

    TensorFlow's coordination service sees to that: after 10 s without a sign of life every collective operation fails.
    """
    meet(cluster)
    repair_multi_worker()
    num_gpus = len(tf.config.list_physical_devices("GPU"))
    # What TensorFlow takes by itself goes through the memory of the hosts, between the GPUs of one machine too.
    by = tf.distribute.experimental.CollectiveCommunication
    options = tf.distribute.experimental.CommunicationOptions(implementation=by.NCCL if num_gpus else by.AUTO)
    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec({"worker": list(cluster.addresses)}),
        task_type="worker",
        task_id=cluster.index,
        num_accelerators={"GPU": num_gpus},
        rpc_layer="grpc",
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(resolver, options)
    except RuntimeError as error:
        raise InputError(
            f"call training.strategy before anything is computed or loaded, to join the other workers: {error}"
        ) from None


@functools.cache
def _jax_strategy(devices, cluster):
    found = jax_room().find_devices(devices, cluster)
    if found is None:
        return tf.distribute.get_strategy()
    repair_uneven_batches()
    return found


def jax_room():
    """The module jax_devices."""
    from nntricks_keras.training import jax_devices  # JAX may not be installed

    return jax_devices


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
