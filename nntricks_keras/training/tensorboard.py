"""TensorBoard: the columns of history.csv, epoch by epoch, under `tensorboard/` of the run folder."""

import keras
import tensorflow as tf


class EventWriter:
    """Writes scalars to TensorBoard's event files in a folder, which is made with the first of them."""

    def __init__(self, folder):
        self.folder = str(folder)
        self._writer = None

    def write(self, step, values):
        """{tag: number} at a step; on the disk when this returns."""
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(self.folder)
        with self._writer.as_default(step=step):
            for tag, value in values.items():
                tf.summary.scalar(tag, value)
        self._writer.flush()


class TensorBoard(keras.callbacks.Callback):
    """Writes what the recorder put into the history; comes after it.

    Args:
        recorder: Recorder.
    """

    def __init__(self, recorder):
        super().__init__()
        self.recorder = recorder
        self._events = EventWriter(recorder.run.folder / "tensorboard")

    def on_epoch_end(self, epoch, logs=None):
        values = {}
        for name, value in self.recorder.history[-1].items():
            if name != "epoch":
                split, quantity = ("validation", name[4:]) if name.startswith("val_") else ("training", name)
                values[f"{quantity}/{split}"] = value
        self._events.write(epoch + 1, values)
