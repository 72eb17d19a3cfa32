"""How the learning rate changes, OneCycle by the step and Plateau by the validation accuracy; and EarlyStopping."""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="nntricks_keras")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """From peak / 25 linearly up to `peak` in `warmup_steps`, then along half a cosine down to 0 at `total_steps`.

    Smith and Topin, "Super-convergence" (2017), with the cosine that has since replaced its second ramp.
    """

    def __init__(self, peak, total_steps, warmup_steps):
        self.peak = peak
        self.total_steps = total_steps
        self.warmup_steps = warmup_steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        start = self.peak / 25
        climb = start + (self.peak - start) * step / max(self.warmup_steps, 1)
        progress = (step - self.warmup_steps) / max(self.total_steps - self.warmup_steps, 1)
        fall = self.peak / 2 * (1 + ops.cos(math.pi * ops.clip(progress, 0.0, 1.0)))
        return ops.where(step < self.warmup_steps, climb, fall)

    def get_config(self):
        return {"peak": self.peak, "total_steps": self.total_steps, "warmup_steps": self.warmup_steps}


class Plateau(keras.callbacks.Callback):
    """Multiplies the rate by `factor` when `monitor` (higher is better) has not improved for `patience` epochs.

    After `drops` of these the next plateau ends the training: "divided by 10 three times", as both papers did by hand.
    `state()` and `set_state()` carry the counters through a checkpoint; the rate itself is the optimizer's.
    """

    def __init__(self, monitor="val_top1", factor=0.1, patience=5, drops=3):
        super().__init__()
        self.monitor = monitor
        self.factor = factor
        self.patience = patience
        self.drops = drops
        self.best = -math.inf
        self.waited = 0
        self.dropped = 0

    def on_epoch_end(self, epoch, logs=None):
        if logs[self.monitor] > self.best:
            self.best = logs[self.monitor]
            self.waited = 0
            return
        self.waited += 1
        if self.waited < self.patience:
            return
        self.waited = 0
        if self.dropped == self.drops:
            self.model.stop_training = True
            return
        self.dropped += 1
        optimizer = self.model.optimizer
        optimizer.learning_rate = float(ops.convert_to_numpy(optimizer.learning_rate)) * self.factor

    def state(self):
        best = None if math.isinf(self.best) else self.best
        return {"best": best, "waited": self.waited, "dropped": self.dropped}

    def set_state(self, state):
        self.best = -math.inf if state["best"] is None else state["best"]
        self.waited = state["waited"]
        self.dropped = state["dropped"]


class EarlyStopping(keras.callbacks.Callback):
    """Ends the training when `monitor` (higher is better) has not improved for `patience` epochs.

    Keras's own loses its counters when a training is resumed.
    """

    def __init__(self, monitor="val_top1", patience=5):
        super().__init__()
        self.monitor = monitor
        self.patience = patience
        self.best = -math.inf
        self.waited = 0

    def on_epoch_end(self, epoch, logs=None):
        if logs[self.monitor] > self.best:
            self.best = logs[self.monitor]
            self.waited = 0
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.model.stop_training = True

    def state(self):
        return {"best": None if math.isinf(self.best) else self.best, "waited": self.waited}

    def set_state(self, state):
        self.best = -math.inf if state["best"] is None else state["best"]
        self.waited = state["waited"]


def make_schedule(recipe, steps_per_epoch):
    """The learning rate the optimizer starts with: a float, or a schedule over the steps of the whole training."""
    if recipe.schedule == "one_cycle":
        total = recipe.epochs * steps_per_epoch
        return OneCycle(recipe.learning_rate, total, round(total * recipe.warmup_fraction))
    return recipe.learning_rate
