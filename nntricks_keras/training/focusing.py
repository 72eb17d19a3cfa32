"""Focus: the training images that the network still gets wrong come more often than the others."""

import base64
import math

import keras
import numpy as np


class Focus(keras.callbacks.Callback):
    """Which training images are hard, found anew every few epochs: Recipe.focus says how often these come.

    An image is hard when its loss, as evaluation sees it, is above the mean of all. The first epochs, a sixteenth, have
    nothing to judge by, and in the last eighth all images come alike: what comes more often is believed to be more
    frequent, which these epochs put right.

    Its state goes through a checkpoint. To `fit` it is a callback that does nothing.

    Args:
        times: how many times as often as an easy image a hard one comes, 2 or more.
        epochs: of the whole training.
    """

    def __init__(self, times, epochs):
        super().__init__()
        self.times = times
        self.first = max(1, round(epochs / 16))
        self.end = epochs - math.ceil(epochs / 8)
        self.every = max(2, epochs // 16)
        self.hard = None  # bool (images,), from the first look on; set by the loop

    def is_due(self, epoch):
        """Whether to look again before `epoch` (from 0)."""
        return self.first <= epoch < self.end and (epoch - self.first) % self.every == 0

    def next_change(self, epoch):
        """The first epoch after `epoch`, both from 0, to begin with another choice; infinite when there is none."""
        changes = [*range(self.first, self.end, self.every), self.end]
        return min((change for change in changes if change > epoch), default=math.inf)

    def repeats(self, epoch):
        """How many times each image lies in the urn of `epoch`, as data.pipeline takes it; None: once each."""
        return np.where(self.hard, self.times, 1) if self.first <= epoch < self.end else None

    def state(self):
        if self.hard is None:
            return {"hard": None, "count": 0}
        return {"hard": base64.b64encode(np.packbits(self.hard).tobytes()).decode(), "count": len(self.hard)}

    def set_state(self, state):
        if state["hard"] is None:
            self.hard = None
            return
        bits = np.frombuffer(base64.b64decode(state["hard"]), "uint8")
        self.hard = np.unpackbits(bits, count=state["count"]).astype(bool)
