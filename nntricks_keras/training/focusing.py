"""Focus: the training images that the network still gets wrong come more often than the others."""

import base64
import math

import keras
import numpy as np


class Focus(keras.callbacks.Callback):
    """Which training images are hard, found anew every few epochs: Recipe.focus says how often these come.

    An image is hard when its loss, as evaluation sees it, is above the mean of all. The first epochs, a sixteenth, have
    nothing to judge by; in the last eighth all images come alike, for the network takes what comes often to be
    frequent. Trainings of one or two epochs have room for neither.

    Its state goes through a checkpoint. To `fit` it is a callback that does nothing.

    Args:
        times: how many times as often as an easy image a hard one comes, 2 or more.
        epochs: of the whole training.
    """

    def __init__(self, times, epochs):
        super().__init__()
        self.times = times
        self.end = epochs - math.ceil(epochs / 8)
        self.looks = range(max(1, round(epochs / 16)), self.end, max(2, epochs // 8))
        self.hard = None  # bool (images,)
        self.looked = None  # before which epoch

    def is_due(self, epoch):
        """Whether to look, perhaps again, before `epoch` (from 0)."""
        return epoch in self.looks and epoch != self.looked

    def choose(self, hard, epoch):
        """These images, bool (images,), are the hard ones from `epoch` on."""
        self.hard, self.looked = hard, epoch

    def next_change(self, epoch):
        """The first epoch after `epoch`, both from 0, to begin with another choice; infinite when there is none."""
        changes = [*self.looks, self.end] if self.looks else []
        return min((change for change in changes if change > epoch), default=math.inf)

    def repeats(self, epoch):
        """How many times each image lies in the urn of `epoch`, as data.pipeline takes it; None: once each."""
        return np.where(self.hard, self.times, 1) if self.looks and self.looks[0] <= epoch < self.end else None

    def state(self):
        if self.hard is None:
            return {"looked": None, "count": 0, "hard": ""}
        bits = base64.b64encode(np.packbits(self.hard).tobytes()).decode()
        return {"looked": self.looked, "count": len(self.hard), "hard": bits}

    def set_state(self, state):
        if state["looked"] is not None:
            bits = np.frombuffer(base64.b64decode(state["hard"]), "uint8")
            self.choose(np.unpackbits(bits, count=state["count"]).astype(bool), state["looked"])
