"""What the processes of one training tell each other."""

import contextlib
import json

import keras
import numpy as np
import tensorflow as tf

from nntricks_keras.errors import InputError
from nntricks_keras.serialization import differences
from nntricks_keras.training.distribution import is_multi_worker, jax_room
from nntricks_keras.training.memory import is_out_of_memory


class WorkerLostError(RuntimeError):
    """Another worker of the training has died or does not answer."""


class Workers:
    """The processes that train together: all of them call the same methods in the same order.

    Args:
        strategy: that of the training, as training.strategy returns it; most have one process only.
    """

    def __init__(self, strategy):
        self.strategy = strategy
        self.index, self.count = 0, 1
        if isinstance(strategy, keras.distribution.DataParallel):
            self.index, self.count = jax_room().place()
        elif is_multi_worker(strategy):
            self.index = strategy.cluster_resolver.task_id
            self.count = len(strategy.cluster_resolver.cluster_spec().as_dict()["worker"])
        self._sum = tf.function(self._sum_of_values)  # traced once: there may be a call a step

    @property
    def is_chief(self):
        """Whether this process is the one that writes."""
        return self.index == 0

    def sum(self, numbers):
        """The sums over all workers of a few whole numbers."""
        if self.count == 1:
            return list(numbers)
        if isinstance(self.strategy, keras.distribution.DataParallel):
            return jax_room().sums(numbers)
        return self._sum(self._each(np.asarray(numbers, "int64"))).numpy().tolist()

    def wait(self):
        """Returns when every worker has come here."""
        self.sum([0])

    def check_agreement(self, settings):
        """Raises InputError on every worker unless all were started with the same settings.

        Args:
            settings: nested dictionaries of JSON values.
        """
        if self.count == 1:
            return
        chiefs, *others = map(json.loads, self._gather(json.dumps(settings)))
        different = [
            f"{name} is {here!r} on worker 0, {there!r} on worker {index}"
            for index, other in enumerate(others, 1)
            for name, (here, there) in differences(chiefs, other).items()
        ]
        if different:
            raise InputError("the workers were started with different settings: " + "; ".join(different))

    @contextlib.contextmanager
    def noticing_loss(self, folder):
        """Turns what the framework says when a worker is gone into a sentence."""
        try:
            yield
        except Exception as error:
            if self.count == 1 or not _is_about_workers(error):
                raise
            gone = [index for index in range(self.count) if f"task:{index}" in str(error) and index != self.index]
            raise WorkerLostError(
                f"{' or '.join(f'worker {index}' for index in gone) or 'another worker'} has died or cannot be "
                f"reached; start all workers again with resume=True to go on from the newest checkpoint in {folder}"
            ) from error

    def _each(self, array):
        """The array as the value of every replica of this worker."""
        return self.strategy.experimental_distribute_values_from_function(lambda _: tf.constant(array))

    def _sum_of_values(self, value):
        return self.strategy.reduce("SUM", value, axis=None) // self._replicas_here()

    def _gather(self, text):
        """The texts of all workers, in their order."""
        if isinstance(self.strategy, keras.distribution.DataParallel):
            return jax_room().gather(text)
        content = np.frombuffer(text.encode(), "uint8").astype("int32")
        lengths = self.strategy.gather(self._each(np.array([len(content)], "int32")), axis=0).numpy()
        joined = self.strategy.gather(self._each(content), axis=0).numpy().astype("uint8")
        parts = np.split(joined, np.cumsum(lengths)[:-1])
        return [part.tobytes().decode() for part in parts[:: self._replicas_here()]]

    def _replicas_here(self):
        return self.strategy.num_replicas_in_sync // self.count


def _is_about_workers(error):
    """Whether an error comes from an operation that needs the other workers, and not from this one's memory."""
    if is_out_of_memory(error):
        return False
    if isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError)):
        return True
    is_from_runtime = type(error).__name__ in ("JaxRuntimeError", "XlaRuntimeError") or "Gloo" in str(error)
    return keras.backend.backend() == "jax" and is_from_runtime
