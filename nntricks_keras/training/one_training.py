"""OneTraining: callbacks to which several fits are one training."""

import keras


class OneTraining(keras.callbacks.CallbackList):
    """For the `callbacks` of each fit of a training that is cut into several: it begins once, and ends with `end()`.

    Between two fits other layers, or other images, come into the training. Keras's EarlyStopping begins anew with every
    `on_train_begin`, and its CSVLogger overwrites its file.

    Args:
        callbacks: a list of keras callbacks.
        model: keras.Model that is fitted.
        epochs: of the whole training.
        steps: of an epoch.
    """

    def __init__(self, callbacks, model, epochs, steps):
        super().__init__(callbacks, add_history=True, model=model, verbose=0, epochs=epochs, steps=steps)
        self._has_begun = False
        self._last_logs = None

    def on_train_begin(self, logs=None):
        if not self._has_begun:
            self._has_begun = True
            super().on_train_begin(logs)

    def on_train_end(self, logs=None):
        self._last_logs = logs

    def end(self):
        """Tells them that no further fit will come."""
        if self._has_begun:
            super().on_train_end(self._last_logs)
