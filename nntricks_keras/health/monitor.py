"""LayerHealth: the health of every layer while a network trains, in `model.fit` of any script."""

import dataclasses
import math
from pathlib import Path

import keras
from keras import ops

from nntricks_keras.errors import InputError
from nntricks_keras.health.budget import Budget
from nntricks_keras.health.divergence import first_to_go
from nntricks_keras.health.heat_maps import draw_health
from nntricks_keras.health.held import hold
from nntricks_keras.health.panels import PANELS
from nntricks_keras.health.plots import save
from nntricks_keras.health.probing import Prober
from nntricks_keras.health.records import HealthRecords

EXPLODING = 3.0  # times the loss of the first step: a look at once, before it is no number any more
SHARE = 0.02  # of the time of a training; with what is done in any case, two minutes of training pay less than 3 %
MOST_REPORTS = 20  # of those before, which tell since when a layer is dead
FIRST_PICTURE = 2.0  # seconds that loading matplotlib and drawing may take


class LayerHealth(keras.callbacks.Callback):
    """Probes the network on held examples before the first step, then each epoch or every few steps, and at the end.

    It leaves the training as it is: weights, moving statistics and the states of seed generators are not touched.
    Alarms are printed when they are first seen.

    Args:
        x: examples to hold on to, as `probe` takes them: an array, a list of arrays, or a stream of a few batches
            (tf.data.Dataset, or any iterable of (x, y)), which is read once. Sixty or more tell a dead unit from a rare
            one; each probe costs about as much as two training steps on as many.
        y: their labels, for everything about gradients; not with a stream.
        every: "epoch", or a number of steps.
        folder: gets health.csv (a row a layer and time, appended) and health.png; None writes neither.
        tensorboard: folder for TensorBoard's event files, or None.
        histograms: whether health.png shows those of activations and gradients.
        share: of the training's time that the probes of epochs and the pictures may take: one that would exceed it is
            left out, but for those at the start, after the first epoch, and at the end. 1 leaves none out.
        initial_step: the step this training goes on from; rows of later steps in health.csv are dropped. By default
            what the optimizer counts.
        title: the headline of health.png; the model's name by default.
        prober: a Prober of the model, to use what it has compiled; its `histograms` count then.

    Attributes:
        report: the newest HealthReport.
        rows: all measurements, as in health.csv.

    Raises:
        InputError: `every` or `share` make no sense; or, when the training begins, what `probe` raises.

    Histograms by layer are those of Glorot and Bengio, "Understanding the difficulty of training deep feedforward
    neural networks" (AISTATS 2010), figures 6 and 7.
    """

    def __init__(
        self,
        x,
        y=None,
        *,
        every="epoch",
        folder=None,
        tensorboard=None,
        histograms=True,
        share=SHARE,
        initial_step=None,
        title=None,
        prober=None,
    ):
        super().__init__()
        if every != "epoch" and not (isinstance(every, int) and every > 0):
            raise InputError(f"every has to be 'epoch' or a number of steps from 1, received {every!r}")
        if not 0 < share <= 1:
            raise InputError(f"share has to be above 0 and at most 1, received {share!r}")
        self.examples = hold(x, y)
        self.every = every
        self.folder = Path(folder) if folder else None
        self.tensorboard = tensorboard
        self.histograms = histograms
        self.budget = Budget(share, expected={"probe": 0.0, "picture": FIRST_PICTURE})
        self.initial_step = initial_step
        self.title = title
        self.prober = prober
        self.report = None
        self.step = 0
        self._epoch = 0
        self._records = None
        self._history, self._reports = [], []
        self._events = None
        self._told = set()
        self._bound = None  # for the loss

    @property
    def rows(self):
        return self._records.rows if self._records else []

    def on_train_begin(self, logs=None):
        if self._records is not None:  # a further fit of the same training
            return
        if self.initial_step is None:
            self.initial_step = int(ops.convert_to_numpy(self.model.optimizer.iterations))
        self.step = self.initial_step
        self._records = HealthRecords(self.folder and self.folder / "health.csv", self.initial_step)
        if self.step == 0:
            self._measure(0)
        self.budget.begin()  # what was traced just now is used from here on

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._first_step = epoch, self.step

    def on_train_batch_end(self, batch, logs=None):
        before, self.step = self.step, self._first_step + batch + 1
        due = self.every != "epoch" and self.step // self.every > before // self.every
        if due or self._is_exploding((logs or {}).get("loss")):
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()  # until then the variables hold the weights of the epoch's start
            self._measure(self._epoch, during=self._epoch + 1)

    def on_epoch_end(self, epoch, logs=None):
        self._epoch = epoch + 1
        self._history.append({"epoch": epoch + 1, **(logs or {})})
        if self.every == "epoch" and (self.budget.allows("probe") or len(self._reports) < 2):
            self._measure(epoch + 1)
        if self.folder and self.budget.allows("picture"):
            self.draw()

    def on_train_end(self, logs=None):
        if self._records.last_step != self.step:
            self._measure(self._epoch)
        if self.folder:
            self.draw()

    def last_words(self):
        """After the loss became NaN or infinite: which layer went first, in a sentence. Draws what was measured."""
        if self.folder and self.rows:
            self.draw()
        x, y = self.examples
        return first_to_go(self._prober()(x, y), self.rows)

    def draw(self):
        """Writes health.png."""
        with self.budget.spending("picture"):
            title = self.title or self.model.name
            save(draw_health(self.rows, title, self.report), self.folder / "health.png")

    def _measure(self, epoch, during=None):
        """`epoch` have been trained; `during` is the epoch that goes on, if one does."""
        with self.budget.spending("probe"):
            x, y = self.examples
            earlier = [*self._reports[:1], *self._reports[-MOST_REPORTS:]]
            self.report = self._prober()(x, y, history=[*self._history, *earlier], epoch=during or epoch)
            self._reports.append(dataclasses.replace(self.report, histograms=None))
            self._records.add(self.report, epoch, self.step)
            if self.tensorboard:
                self._write_events(epoch)
        for finding in self.report.alarms:
            if (finding.layer, finding.kind) not in self._told:
                self._told.add((finding.layer, finding.kind))
                print(f"health: {finding.text}", flush=True)

    def _prober(self):
        """A Prober for the weights that train now: unfrozen ones have to be traced."""

        def ids(weights):
            return {id(weight) for weight in weights}

        if self.prober is None or ids(self.prober.observer.trainable) != ids(self.model.trainable_variables):
            self.prober = Prober(self.model, histograms=self.histograms)
        return self.prober

    def _is_exploding(self, loss):
        """Whether the loss, a mean since the epoch began, is the first beyond its bound, which then rises with it."""
        if loss is None or not math.isfinite(loss):
            return False
        if self._bound is None:
            self._bound = EXPLODING * max(loss, 1e-3)
        if loss <= self._bound:
            return False
        self._bound = 10 * loss  # at each power of ten: few looks up to the largest float
        return True

    def _write_events(self, epoch):
        if self._events is None:
            from nntricks_keras.training.tensorboard import EventWriter  # loads TensorFlow, whatever the backend

            self._events = EventWriter(self.tensorboard)
        values = {
            f"health_{panel.column}/{row.name}": getattr(row, panel.column)
            for row in self.report.layers
            for panel in PANELS
            if getattr(row, panel.column) is not None
        }
        self._events.write(epoch if self.every == "epoch" else self.step, values)
