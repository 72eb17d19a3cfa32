"""TensorBoard: the columns of history.csv, epoch by epoch, under `tensorboard/` of the run folder."""

import keras
import tensorflow as tf


class TensorBoard(keras.callbacks.Callback):
    """Writes what the recorder put into the history; comes after it.

    Args:
        recorder: Recorder.
    """

    def __init__(self, recorder):
        super().__init__()
        self.recorder = recorder
        self._writer = None

    def on_epoch_end(self, epoch, logs=None):
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self.recorder.run.folder / "tensorboard"))
        row = self.recorder.history[-1]
        with self._writer.as_default(step=epoch + 1):
            for name, value in row.items():
                if name != "epoch":
                    split, quantity = ("validation", name[4:]) if name.startswith("val_") else ("training", name)
                    tf.summary.scalar(f"{quantity}/{split}", value)
        self._writer.flush()
