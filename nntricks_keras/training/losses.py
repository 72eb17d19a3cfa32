"""The loss: cross-entropy that means the same on one device and on many."""

import keras
import tensorflow as tf
from keras import ops

PLAIN = "cross_entropy"  # the metric that tells the loss without smoothing


class CrossEntropy(keras.losses.CategoricalCrossentropy):
    """Mean cross-entropy of one-hot labels and logits over the *global* batch.

    Keras divides by each replica's own share of the batch and then by the number of replicas, so that an image weighs
    more on a replica that got fewer of them, as in the ragged last batch of an epoch. Here every image weighs the same:
    a replica's sum is divided by the number of images on all replicas, and the gradients are summed over the replicas.

    Args:
        label_smoothing: s in [0, 1]; targets are (1 - s) for the class plus s / classes for every class.
    """

    def __init__(self, label_smoothing=0.0):
        super().__init__(from_logits=True, label_smoothing=label_smoothing, name="cross_entropy")

    def __call__(self, y_true, y_pred, sample_weight=None):
        num_replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if keras.backend.backend() != "tensorflow" or num_replicas == 1:
            return super().__call__(y_true, y_pred, sample_weight)
        values = self.of_each(y_true, y_pred)
        if sample_weight is not None:
            values = values * ops.cast(sample_weight, values.dtype)
        total, count = tf.reduce_sum(values), tf.shape(values)[0]
        reported = tf.math.divide_no_nan(total, tf.cast(count, total.dtype)) / num_replicas
        loss = total / self.global_count(count)
        # The gradient is that of `loss`; the value is one from which Keras's average over replicas comes out right.
        return loss + tf.stop_gradient(reported - loss)

    def of_each(self, y_true, y_pred):
        """The cross-entropy of each image, (batch,)."""
        return self.call(ops.convert_to_tensor(y_true), ops.cast(y_pred, "float32"))

    @staticmethod
    def global_count(count):
        """Images of the batch on all replicas together, as a float of at least 1; `count` of them are on this one."""
        count = tf.cast(count, "float32")
        replica = tf.distribute.get_replica_context()
        if replica is not None:  # None while Keras builds the loss, before any replica runs
            count = replica.all_reduce(tf.distribute.ReduceOp.SUM, count)
        return tf.maximum(count, 1.0)
