"""Focus: the images whose loss is above the mean come more often, and a training goes on with the same ones."""

import dataclasses
import math
import os
import signal
import time
import types

import keras
import numpy as np
import pytest

from nntricks_keras import data, training
from nntricks_keras.data.stores import store_of
from nntricks_keras.errors import InputError
from nntricks_keras.training import loop
from nntricks_keras.training.checkpoints import Checkpoints
from nntricks_keras.training.focusing import Focus
from tests.training.small_runs import RECIPE, assert_same_run, killed, plain, sigterm_in_step, train

FOCUSED = dataclasses.replace(RECIPE, focus=3, epochs=6)  # looks before epochs 2 and 4, evens out from epoch 6 on


def numbered(count=50):
    """Images told apart by every pixel, and the settings of a pipeline over them."""
    pictures = np.tile(np.arange(count, dtype="uint8")[:, None, None, None], (1, 8, 8, 1))
    split = data.load(((pictures, np.arange(count) % 2),) * 2).test
    looks = data.Preprocessing(8, mean=0.0, std=1.0, channels="grey")
    return split, looks, {"batch_size": 8, "num_classes": 2, "training": True, "repeat": True, "seed": 4}


def epochs_of(stream, count, steps=7):
    """The images of each epoch, (images, height, width)."""
    batches = [x[..., 0] for x, _ in stream.take(count * steps).as_numpy_iterator()]
    return [np.concatenate(batches[first : first + steps]) for first in range(0, len(batches), steps)]


def test_an_epoch_draws_from_an_urn_in_which_some_images_lie_several_times(rng):
    split, looks, settings = numbered()
    repeats = rng.permutation(np.repeat([1, 3], [30, 20]))
    epochs = epochs_of(data.pipeline(split, looks, repeats=repeats, **settings), 60)
    counts = np.array([np.bincount(epoch[:, 0, 0].astype(int), minlength=50) for epoch in epochs])
    assert (counts.sum(axis=1) == 50).all()
    assert (counts <= repeats).all()  # without replacement
    expected = repeats * 50 / repeats.sum()
    deviation = np.sqrt(repeats * 50 / 90 * 40 / 90 / 60)  # of the mean of 60 draws, hypergeometric at most
    assert (abs(counts.mean(axis=0) - expected) < 5 * deviation).all()
    assert len({epoch[:, 0, 0].tobytes() for epoch in epochs}) == 60


def test_each_of_several_comings_of_an_image_is_augmented_in_its_own_way():
    split, looks, settings = numbered()
    augmentation = data.Augmentation(erasing=1.0)
    stream = data.pipeline(split, looks, repeats=np.full(50, 2), augmentation=augmentation, **settings)
    (epoch,) = epochs_of(stream, 1)
    numbers = [np.bincount(image.astype(int).ravel()).argmax() for image in epoch]  # what was not erased
    twice = [image for image in range(1, 50) if numbers.count(image) == 2]
    assert len(twice) > 5
    same = [
        np.ptp([epoch[place] for place in np.flatnonzero(np.equal(numbers, image))], axis=0).max() for image in twice
    ]
    assert np.mean(np.equal(same, 0)) < 0.3


def test_it_begins_anywhere_and_workers_share_it(rng):
    split, looks, settings = numbered()
    settings |= {"repeats": rng.integers(1, 4, 50), "augmentation": data.Augmentation(horizontal_flip=True)}
    whole = [x for x, _ in data.pipeline(split, looks, **settings).take(20).as_numpy_iterator()]
    rest = [x for x, _ in data.pipeline(split, looks, start_step=9, **settings).take(11).as_numpy_iterator()]
    for mine, others in zip(whole[9:], rest, strict=True):
        np.testing.assert_array_equal(mine, others)
    parts = [
        [x for x, _ in data.pipeline(split, looks, shard=(worker, 2), **settings).take(20).as_numpy_iterator()]
        for worker in range(2)
    ]
    for together, *shares in zip(whole, *parts, strict=True):
        np.testing.assert_array_equal(np.concatenate(shares), together)


@pytest.mark.parametrize("repeats", [np.ones(49, int), np.zeros(50, int), np.ones(50), 2])
def test_repeats_that_cannot_be_meant_are_named(repeats):
    split, looks, settings = numbered()
    with pytest.raises(InputError, match="vector of 50 whole numbers"):
        data.pipeline(split, looks, repeats=repeats, **settings)


def test_settings_that_contradict_it_are_named():
    split, looks, settings = numbered()
    with pytest.raises(InputError, match="give one of them"):
        data.pipeline(split, looks, repeats=np.ones(50, int), balanced=True, **settings)
    with pytest.raises(InputError, match="for training"):
        data.pipeline(split, looks, repeats=np.ones(50, int), batch_size=8, num_classes=2)
    with pytest.raises(InputError, match="balanced and focus 2"):
        training.Recipe(focus=2, balanced=True)
    with pytest.raises(InputError, match="'plateau' may end before them"):
        training.Recipe(focus=2, schedule="plateau")
    with pytest.raises(InputError, match="early_stopping_patience may end before them"):
        training.Recipe(focus=2, early_stopping_patience=3)
    with pytest.raises(InputError, match="focus has to be at least 1, received 0"):
        training.Recipe(focus=0)


@pytest.mark.parametrize(
    ("epochs", "looks", "end"), [(84, 7, 73), (36, 8, 31), (16, 7, 14), (6, 2, 5), (3, 1, 2), (2, 0, 1), (1, 0, 0)]
)
def test_when_it_looks(epochs, looks, end):
    focus = Focus(2, epochs)
    due = [epoch for epoch in range(epochs) if focus.is_due(epoch)]
    assert len(due) == looks
    assert focus.next_change(end) == math.inf
    changes, epoch = [], 0
    while (epoch := focus.next_change(epoch)) < epochs:
        changes.append(epoch)
    assert changes == ([*due, end] if due else [])
    focus.choose(np.array([True, False]), epoch=due[0] if due else None)
    assert not due or not focus.is_due(due[0])
    used = [epoch for epoch in range(epochs) if focus.repeats(epoch) is not None]
    assert used == list(range(due[0], end) if due else [])


def test_the_hard_images_are_those_whose_loss_is_above_the_mean(images, tmp_path, monkeypatch, capsys):
    """Against the losses of the model after the epoch before, reckoned in float64."""
    seen = {}

    def spy(dataset, preprocessing, **settings):
        if settings.get("training"):
            seen[settings["start_step"]] = settings["repeats"]
        return data.pipeline(dataset, preprocessing, **settings)

    monkeypatch.setattr(loop, "pipeline", spy)
    steady = dataclasses.replace(FOCUSED, schedule="constant")
    train(images, tmp_path / "run", steady)
    steps = -(-images.counts["train"] // RECIPE.batch_size)
    assert list(seen) == [0, steps, 3 * steps, 5 * steps]
    assert seen[0] is None
    assert seen[5 * steps] is None
    first = train(images, tmp_path / "first", dataclasses.replace(steady, epochs=1), lean=True).load_model()
    store = store_of(images.train)
    inputs = (store.image(np.arange(len(store))).numpy() - 127.0) / 64.0
    logits = first.predict(inputs, verbose=0).astype("float64")
    losses = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(logits)), store.labels]
    np.testing.assert_array_equal(seen[steps], np.where(losses > losses.mean(), 3, 1))
    assert capsys.readouterr().out.count("of the training images are hard: they come 3 times as often now") == 2


@pytest.mark.slow
@pytest.mark.parametrize("at_step", [8, 10, 17])
def test_a_training_goes_on_with_the_same_images(images, tmp_path, at_step):
    """Stopped within an epoch that began with a look, at its end, and in one that goes on with the images of before."""
    whole = train(images, tmp_path / "whole", FOCUSED, lean=True)
    with sigterm_in_step(at_step), pytest.raises(training.TrainingInterruptedError):
        train(images, tmp_path / "part", FOCUSED, lean=True)
    state, _ = Checkpoints(tmp_path / "part" / "checkpoints").newest()
    assert state["callbacks"][-1]["count"] == images.counts["train"]
    assert_same_run(whole, train(images, tmp_path / "part", FOCUSED, resume=True, lean=True))


@pytest.mark.slow
def test_a_signal_that_comes_during_a_look_ends_it(images, tmp_path, monkeypatch):
    looked = []

    def send(logits):
        looked.append(len(logits))
        os.kill(os.getpid(), signal.SIGTERM)
        return logits

    with monkeypatch.context() as patch:
        patch.setattr(loop, "softmax", send)
        with pytest.raises(training.TrainingInterruptedError, match="after epoch 1"):
            train(images, tmp_path / "part", FOCUSED, lean=True)
    assert len(looked) == 1
    assert_same_run(
        train(images, tmp_path / "whole", FOCUSED, lean=True),
        train(images, tmp_path / "part", FOCUSED, resume=True, lean=True),
    )


def test_a_look_is_not_repeated_by_a_run_that_was_killed_after_it(images, tmp_path, monkeypatch):
    """Its checkpoint holds the choice: on other devices rounding might choose others."""
    with killed(4, "on_epoch_begin"):
        train(images, tmp_path / "run", FOCUSED, lean=True)
    monkeypatch.setattr(loop, "_find_hard_images", None)
    assert len(train(images, tmp_path / "run", FOCUSED, resume=True, lean=True).history) == 6


def test_the_time_of_a_look_is_time_of_the_epoch_after_it(images, tmp_path, monkeypatch):
    late = types.SimpleNamespace(perf_counter=lambda: time.perf_counter() - 1000)  # as if each look had taken 1000 s
    monkeypatch.setattr(loop, "time", late)
    run = train(images, tmp_path / "run", FOCUSED, model=plain, lean=True)
    assert [row["seconds"] > 1000 for row in run.history] == [False, True, False, True, False, False]
    assert all(row["images_per_second"] > images.counts["train"] / 1000 for row in run.history)


class Counting(keras.callbacks.Callback):
    """Counts what it is told."""

    def __init__(self):
        super().__init__()
        self.began = self.ended = self.epochs = 0

    def on_train_begin(self, logs=None):
        self.began += 1

    def on_epoch_end(self, epoch, logs=None):
        self.epochs += 1

    def on_train_end(self, logs=None):
        assert logs["loss"] > 0
        self.ended += 1


def test_to_callbacks_a_training_of_several_fits_begins_and_ends_once(images, tmp_path):
    counting = Counting()
    train(images, tmp_path / "run", FOCUSED, lean=True, callbacks=[counting])
    assert (counting.began, counting.epochs, counting.ended) == (1, 6, 1)
    assert counting.params["epochs"] == 6
