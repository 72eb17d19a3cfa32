"""What a person sees while it trains: a bar with images/s, the rate and the time left, and one line an epoch."""

import sys
import time

import keras

REFRESH_SECONDS = 0.5


class ProgressBar(keras.callbacks.Callback):
    """One line an epoch; on a terminal also a bar while the epoch runs.

    Args:
        recorder: Recorder, which counts the steps and keeps the history.
    """

    def __init__(self, recorder):
        super().__init__()
        self.recorder = recorder
        self.epochs = recorder.recipe.epochs
        self.steps_per_epoch = recorder.steps_per_epoch
        self.is_terminal = sys.stdout.isatty()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.began = self.shown = time.perf_counter()
        self.first_step = self.recorder.step
        self.first_image = self._images_done()

    def on_train_batch_end(self, batch, logs=None):
        now = time.perf_counter()
        if not self.is_terminal or now - self.shown < REFRESH_SECONDS:
            return
        self.shown = now
        done = self.recorder.step - self.epoch * self.steps_per_epoch
        seconds = now - self.began
        rate = (self.recorder.step - self.first_step) / seconds
        images = self._images_done() - self.first_image
        steps_left = self.steps_per_epoch * self.epochs - self.recorder.step
        filled = 24 * done // self.steps_per_epoch
        bar = "━" * filled + "─" * (24 - filled)
        print(
            f"\repoch {self.epoch + 1}/{self.epochs} {bar} {done}/{self.steps_per_epoch}  "
            f"{images / seconds:,.0f} images/s  loss {logs['loss']:.3f}  top-1 {logs['top1']:.3f}  "
            f"{format_seconds(steps_left / rate)} left\x1b[K",
            end="",
            flush=True,
        )

    def _images_done(self):
        """Images of this epoch that have been trained on; its last batch may be smaller."""
        steps = self.recorder.step - self.epoch * self.steps_per_epoch
        return min(steps * self.recorder.recipe.batch_size, self.recorder.num_images)

    def on_epoch_end(self, epoch, logs=None):
        row = self.recorder.history[-1]
        clear = "\r\x1b[K" if self.is_terminal else ""
        print(
            f"{clear}epoch {epoch + 1:>{len(str(self.epochs))}}/{self.epochs}  rate {row['learning_rate']:.2g}  "
            f"train: loss {row['loss']:.3f} top-1 {row['top1']:.4f}  validation: loss {row['val_loss']:.3f} "
            f"top-1 {row['val_top1']:.4f} top-5 {row['val_top5']:.4f}  {row['images_per_second']:,.0f} images/s  "
            f"{format_seconds(row['seconds'])}",
            flush=True,
        )


def format_seconds(seconds):
    """7.2 -> "7 s", 95 -> "1:35", 3700 -> "1:01:40"."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours}:{minutes:02d}:{seconds % 60:02d}" if hours else f"{minutes}:{seconds % 60:02d}"
