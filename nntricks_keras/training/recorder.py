"""The recorder writes the run folder as the training goes on, and brings a training back from it."""

import contextlib
import math
import signal
import time

import keras
import numpy as np
from keras import ops

from nntricks_keras import signals
from nntricks_keras.errors import InputError
from nntricks_keras.files import save_atomically
from nntricks_keras.serialization import differences, in_words
from nntricks_keras.training.checkpoints import Checkpoints, restore
from nntricks_keras.training.curves import draw_curves
from nntricks_keras.training.distribution import alone
from nntricks_keras.training.focusing import Focus
from nntricks_keras.training.history import best_epoch
from nntricks_keras.training.losses import PLAIN
from nntricks_keras.training.progress import ProgressBar
from nntricks_keras.training.schedules import EarlyStopping, Plateau
from nntricks_keras.training.settings import Recipe

DRAWING_SHARE = 0.005  # of the time of a training that its pictures may take


class TrainingDivergedError(RuntimeError):
    """The loss or the weights became NaN or infinite; no checkpoint of such weights has been written."""


class TrainingInterruptedError(KeyboardInterrupt):
    """Ctrl-C or SIGTERM came; the run folder has a checkpoint of the step it came in.

    Args:
        message: where the training stopped.
        signal_number: of the signal that came.
    """

    def __init__(self, message, signal_number):
        super().__init__(message)
        self.signal_number = signal_number


class Recorder(keras.callbacks.Callback):
    """Writes history, the best model, checkpoints and curves. Callbacks whose state it keeps come before it.

    Of several workers the chief alone writes. The others do what it does all the same, since to read a metric, to save
    and to stop are things that all workers do together.

    Args:
        run: Run.
        model: the network whose best state is kept; it may share its layers with the one that is fitted.
        recipe: Recipe.
        counts: of images, {split: number}.
        title: the headline of curves.png; None draws none.
        checkpoint_minutes: time between checkpoints within an epoch.
        average: WeightAverage, or None.
        workers: Workers.
    """

    def __init__(self, run, model, recipe, counts, title, checkpoint_minutes, average, workers):
        super().__init__()
        self.run = run
        self.network = model
        self.recipe = recipe
        self.num_images = counts["train"]
        self.num_validation_images = counts["validation"]
        self.steps_per_epoch = math.ceil(self.num_images / recipe.batch_size)
        self.title = title
        self.checkpoint_minutes = checkpoint_minutes
        self.history = []
        self.step = 0  # steps done since the training began, over all its sittings
        self.stopped_early = False
        self.health = None  # a LayerHealth, for the last words of a training that diverges
        self.checkpoints = Checkpoints(run.folder / "checkpoints")
        self.progress = ProgressBar(self)
        self.average = average
        self.workers = workers
        self.state_keepers = [average] if average else []
        if recipe.schedule == "plateau":
            self.state_keepers.append(
                Plateau("val_top1", recipe.plateau_factor, recipe.plateau_patience, recipe.plateau_drops)
            )
        if recipe.early_stopping_patience:
            self.state_keepers.append(EarlyStopping("val_top1", recipe.early_stopping_patience))
        self.focus = Focus(recipe.focus, recipe.epochs) if recipe.focus > 1 else None
        if self.focus:
            self.state_keepers.append(self.focus)
        self._config = model.get_config()  # of before anything is frozen for its first epochs
        self._plain = None  # the network to be saved
        self._draw_after = 0.0  # by time.perf_counter
        self.signals = []  # that have asked to stop, here or on another worker
        self._metrics = None  # of an epoch that was cut short: the sums of its first part
        self._seconds_before = 0.0  # likewise
        self.looks_since = None  # by time.perf_counter: when the loop began to look for the images of the next epoch
        self._looked = 0.0  # seconds, for those of this epoch

    def resume(self, model):
        """Loads the newest checkpoint into the model and this recorder; returns the number of steps it holds."""
        found = self.checkpoints.newest()
        if found is None:
            return 0
        state, arrays = found
        started_with = Recipe.from_dict(state["recipe"])  # with the defaults of settings added since
        changed = differences(started_with.to_dict(), self.recipe.to_dict())
        if changed:
            raise InputError(f"{self.run.folder} was started with another recipe: " + "; ".join(in_words(changed)))
        restore(model, state, arrays, self._averages())
        for keeper, kept in zip(self.state_keepers, state["callbacks"], strict=True):
            keeper.set_state(kept)
        self.history.extend(self.run.history[: state["epoch"]])
        self.stopped_early = state["stopped_early"]
        self.step = state["step"]
        self._metrics, self._seconds_before = state["metrics"], state["seconds"]
        if self.workers.is_chief and self.history and self.step % self.steps_per_epoch == 0:
            self._keep_best()  # it may have been killed between the checkpoint and this
        return self.step

    @contextlib.contextmanager
    def stopping_on_signals(self):
        """SIGTERM and the first Ctrl-C end the training after the step they come in, with a checkpoint.

        Also where a callback of the caller's ends it with an error at the end of that very epoch.
        """
        with signals.noted() as self.signals:
            try:
                yield
            except Exception as error:
                epoch_has_ended = self.history and self.step == len(self.history) * self.steps_per_epoch
                if not (self.signals and epoch_has_ended) or isinstance(error, TrainingDivergedError | OSError):
                    raise
                message = f"stopped after epoch {len(self.history)}"
                raise TrainingInterruptedError(message, self.signals[0]) from error

    def on_epoch_begin(self, epoch, logs=None):
        if self._metrics is not None:
            for variable, value in zip(self.model.metrics_variables, self._metrics, strict=True):
                variable.assign(value)
            self._metrics = None
        now = time.perf_counter()
        self._began = now - self._seconds_before
        self._looked = 0.0 if self.looks_since is None else now - self.looks_since
        self._seconds_before, self.looks_since = 0.0, None
        self._saved = now

    def on_test_begin(self, logs=None):
        self._trained = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.step += 1
        if not math.isfinite(logs["loss"]):  # a running mean: once NaN it stays NaN
            self._diverged(f"the loss became {logs['loss']}")
        if self.step % self.steps_per_epoch == 0:
            return  # the end of the epoch follows at once
        now = time.perf_counter()
        is_due = self.workers.is_chief and now - self._saved > 60 * self.checkpoint_minutes
        is_due, asked_to_stop = self._agree(is_due)
        if is_due or asked_to_stop:
            self.save(len(self.history), seconds=now - self._began + self._looked)
            self._saved = now
        if asked_to_stop:
            where = f"step {self.step} (epoch {len(self.history) + 1})"
            raise TrainingInterruptedError(f"stopped at {where}", self.signals[0])

    def on_epoch_end(self, epoch, logs=None):
        self._check_weights()
        row = {"epoch": epoch + 1, "learning_rate": float(ops.convert_to_numpy(self.model.optimizer.learning_rate))}
        row |= {
            prefix + name: float(logs[prefix + name]) for prefix in ("", "val_") for name in ("loss", "top1", "top5")
        }
        row["val_loss"] = float(logs.get(f"val_{PLAIN}", logs["val_loss"]))  # as that of the test: not smoothed
        row["seconds"] = round(time.perf_counter() - self._began + self._looked, 3)
        row["images_per_second"] = round(self.num_images / (self._trained - self._began), 1)
        self.history.append(row)
        self.stopped_early = bool(self.model.stop_training)
        if self.workers.is_chief:
            self.run.write_history(self.history)
        self.save(epoch + 1)
        if self.workers.is_chief:
            self._keep_best()
        if self.workers.is_chief and self.title is not None:
            self._draw()

    def stop_after_epoch(self, epoch, logs=None):
        """For the last callback of all: the others have done their part when a signal ends the training."""
        if self._agree()[1]:
            raise TrainingInterruptedError(f"stopped after epoch {epoch + 1}", self.signals[0])

    def best(self):
        """The row of the epoch that model.keras holds."""
        return best_epoch(self.history, self.num_validation_images)

    def _check_weights(self):
        """For what is to be saved: the loss of a step is that before its update, which may have spoilt the weights."""
        if not all(np.isfinite(weight).all() for weight in self.network.get_weights()):
            self._diverged("weights became NaN or infinite")

    def _diverged(self, what):
        self._sync()
        kept = " and ".join(path.name for path in self.checkpoints.paths())
        raise TrainingDivergedError(
            f"{what} at step {self.step} (epoch {len(self.history) + 1}); "
            f"a smaller learning_rate than {self.recipe.learning_rate:g} may help. "
            + (f"{self.checkpoints.folder} keeps {kept}" if kept else f"{self.run.folder} has no checkpoint yet")
            + (f". {self.health.last_words()}" if self.health else "")
        )

    def _agree(self, is_due=False):
        """(whether a checkpoint is due, whether to stop): the same on every worker, though a signal comes to one."""
        first = self.signals[:1]
        due, *stop = self.workers.sum([is_due, first == [signal.SIGINT], first == [signal.SIGTERM]])
        if any(stop) and not first:
            self.signals.append(signal.SIGINT if stop[0] else signal.SIGTERM)
        return bool(due), any(stop)

    def _sync(self):
        """Within an epoch on JAX the variables hold the weights of its start, or nothing, until this."""
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()

    def save(self, epoch, seconds=0.0):
        """Writes a checkpoint of this step, `epoch` of them being done and the next having taken `seconds` so far."""
        self._sync()
        cut_short = self.step % self.steps_per_epoch != 0
        if cut_short:  # otherwise on_epoch_end has looked, before model.keras was written
            self._check_weights()
        metrics = [ops.convert_to_numpy(variable).tolist() for variable in self.model.metrics_variables]
        if not self.workers.is_chief:
            return
        self.checkpoints.save(
            self.model,
            {
                "epoch": epoch,
                "step": self.step,
                "recipe": self.recipe.to_dict(),
                "callbacks": [keeper.state() for keeper in self.state_keepers],
                "stopped_early": self.stopped_early,
                "metrics": metrics if cut_short else None,
                "seconds": seconds,
            },
            self._averages(),
        )

    def _keep_best(self):
        """model.keras, if the epoch that has just ended is the best: the network, uncompiled, half the size on disk.

        After the checkpoint: the other way round, where that fails, model.keras would hold an epoch that is trained
        again, on some machines to other weights.
        """
        if self.best() is not self.history[-1]:
            return
        with alone():
            save_atomically(self.run.model_path, self.snapshot().save)

    def snapshot(self):
        """The network as it is now, averaged if weights are: uncompiled, on this process's own device. Call it in
        distribution.alone()."""
        if self._plain is None:
            self._plain = type(self.network).from_config(self._config)
        self._plain.set_weights(self.average.values() if self.average else self.network.get_weights())
        return self._plain

    def _averages(self):
        return self.average.variables if self.average else ()

    def _draw(self):
        """Draws the curves, unless the last picture is so recent that drawing would slow the training."""
        began = time.perf_counter()
        if not self.signals and began < self._draw_after:
            return
        draw_curves(self.run.folder / "curves.png", self.history, self.best(), self.title)
        ended = time.perf_counter()
        self._draw_after = ended + (ended - began) / DRAWING_SHARE
