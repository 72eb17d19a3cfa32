"""Trainings of seconds, and when two of them are the same."""

import contextlib
import itertools
import os
import signal

import keras
import numpy as np
import pytest

from nntricks_keras import data, layers, training

RECIPE = training.Recipe(epochs=3, batch_size=16, learning_rate=0.1, seed=3)
PREPROCESSING = data.Preprocessing((8, 8), mean=(127.0,), std=(64.0,), channels="grey")


def build():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, padding="same", name="conv"),
            layers.BatchNorm(name="norm"),
            keras.layers.Flatten(name="flatten"),
            layers.Dropout(0.8, seed=1, name="dropout"),
            keras.layers.Dense(3, dtype="float32", name="logits"),
        ]
    )


def plain():
    """No BatchNorm and no Dropout: what a batch does depends on its images alone."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(4, 3, activation="tanh", name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(3, dtype="float32", name="logits"),
        ]
    )


def train(images, folder, recipe=RECIPE, *, model=build, health=False, **kwargs):
    return training.train(model, images, PREPROCESSING, recipe, folder, health=health, **kwargs)


@contextlib.contextmanager
def killed(number, hook="on_train_batch_begin"):
    """The training inside ends as `kill` would end it, nothing tidied, when Keras calls that hook of its callbacks for
    the time of that number."""

    def stop():
        raise KeyboardInterrupt

    with _in_call(number, hook, stop), pytest.raises(KeyboardInterrupt):
        yield


@contextlib.contextmanager
def sigterm_in_step(number):
    """SIGTERM comes when the step of that number, counted from 1 and from here, begins."""
    with _in_call(number, "on_train_batch_begin", lambda: os.kill(os.getpid(), signal.SIGTERM)):
        yield


@contextlib.contextmanager
def _in_call(number, hook, act):
    calls = itertools.count(1)
    called = getattr(keras.callbacks.CallbackList, hook)

    def act_then_call(*args, **kwargs):
        if next(calls) == number:
            act()
        called(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.callbacks.CallbackList, hook, act_then_call)
        yield


def weights(run):
    return run.load_model().get_weights()


def assert_same_run(run, other):
    """Bit for bit: the weights, and every column of the history but the times."""
    for mine, others in zip(weights(run), weights(other), strict=True):
        np.testing.assert_array_equal(mine, others)
    for column in ("epoch", "learning_rate", "loss", "top1", "top5", "val_loss", "val_top1"):
        assert [row[column] for row in run.history] == [row[column] for row in other.history], column
