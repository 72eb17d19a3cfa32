"""WeightAverage: the moving average of a network's weights over the steps, better than the last weights."""

import keras
import tensorflow as tf
from keras import ops


class WeightAverage(keras.callbacks.Callback):
    """average <- d * average + (1 - d) * weights after every step, with d = min(decay, (1 + t) / (10 + t)) at step t.

    All weights are averaged, BatchNorm's moving mean and variance too, since they belong to the weights beside them.
    Validation sees the average: it is put into the model for that time. Keras's own `use_ema` leaves the moving
    statistics out, keeps the random start for long, and overwrites the weights at the end of every `fit`.

    Args:
        model: a built keras.Model; the average starts from its weights. Make it in the strategy's scope.
        decay: in (0, 1); about 1 / (1 - decay) steps are averaged.
    """

    def __init__(self, model, decay):
        super().__init__()
        self.decay = decay
        self.updates = 0
        self.weights = list(model.weights)
        self.variables = [
            keras.Variable(ops.copy(weight), trainable=False, dtype=weight.dtype, name=f"average_{index}")
            for index, weight in enumerate(self.weights)
        ]
        self._update = tf.function(self._move) if keras.backend.backend() == "tensorflow" else self._move

    def values(self):
        """The averages as arrays, in the order of `model.get_weights()`."""
        return [ops.convert_to_numpy(variable) for variable in self.variables]

    def on_train_batch_end(self, batch, logs=None):
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()  # until then the variables hold the weights of the epoch's start
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self._update(ops.convert_to_tensor(1 - decay, "float32"))

    def on_test_begin(self, logs=None):
        self._trained = [ops.convert_to_numpy(weight) for weight in self.weights]
        self._put(self.values())

    def on_test_end(self, logs=None):
        self._put(self._trained)
        del self._trained

    def state(self):
        return {"updates": self.updates}

    def set_state(self, state):
        self.updates = state["updates"]

    def _move(self, share):
        for average, weight in zip(self.variables, self.weights, strict=True):
            average.assign(average + ops.cast(share, average.dtype) * (weight - average))

    def _put(self, values):
        for weight, value in zip(self.weights, values, strict=True):
            weight.assign(value)
