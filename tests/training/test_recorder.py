"""What a recipe of before is compared with, how speed is counted, and which signal stops a training at once."""

import dataclasses
import json
import os
import signal
import types

import keras
import numpy as np
import pytest

from nntricks_keras.training import recorder
from nntricks_keras.training.checkpoints import Checkpoints
from nntricks_keras.training.history import best_epoch
from nntricks_keras.training.progress import ProgressBar
from nntricks_keras.training.recorder import Recorder
from tests.training.small_runs import RECIPE, plain, train, weights


def test_a_checkpoint_of_before_a_setting_was_added_is_gone_on_with(images, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=1)
    run = train(images, tmp_path / "run", recipe, lean=True)
    (path,) = Checkpoints(run.folder / "checkpoints").paths()
    with np.load(path) as archive:
        arrays = dict(archive)
    state = json.loads(bytes(arrays["state"]))
    del state["recipe"]["balanced"], state["recipe"]["augmentation"]["cutmix"]
    arrays["state"] = np.frombuffer(json.dumps(state).encode(), dtype=np.uint8)
    np.savez(path, **arrays)
    (run.folder / "metrics.json").unlink()
    assert train(images, run.folder, recipe, lean=True, resume=True).is_complete


def test_a_smaller_last_batch_counts_for_what_it_holds(images, tmp_path, monkeypatch):
    """A clock that goes on by a second a step, and stands still otherwise."""
    now = [0.0]
    monkeypatch.setattr(recorder, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))

    def tick(batch, logs):
        now[0] += 1

    watcher = keras.callbacks.LambdaCallback(on_train_batch_end=tick)
    run = train(images, tmp_path / "run", dataclasses.replace(RECIPE, epochs=2), lean=True, callbacks=[watcher])
    number = images.counts["train"]
    assert number % RECIPE.batch_size
    seconds = -(-number // RECIPE.batch_size)
    assert [row["images_per_second"] for row in run.history] == [round(number / seconds, 1)] * 2


def test_the_last_epoch_that_validation_cannot_tell_from_its_best_is_kept(images, tmp_path, monkeypatch):
    number = images.counts["validation"]
    error = (0.8 * 0.2 / number) ** 0.5
    seen, given, as_it_is = [], [0.8, 0.8 - 0.8 * error, 0.8 - 1.2 * error], Recorder.on_epoch_end

    def judged(self, epoch, logs):
        seen.append(self.network.get_weights())
        as_it_is(self, epoch, {**logs, "val_top1": given[epoch]})

    monkeypatch.setattr(Recorder, "on_epoch_end", judged)
    run = train(images, tmp_path / "run", model=plain)
    assert [row["val_top1"] for row in run.history] == given
    assert (run.metrics["best_epoch"], run.metrics["validation"]["top1"]) == (2, given[1])
    for kept, of_epoch in zip(weights(run), seen[1], strict=True):
        np.testing.assert_array_equal(kept, of_epoch)


@pytest.mark.parametrize(
    ("tops", "number", "best"),
    [
        ([0.9, 0.94, 0.93], 100, 3),  # 0.024 is the standard error of 0.94
        ([0.9, 0.94, 0.93], 10_000, 2),  # and here 0.0024
        ([0.5, 1.0, 0.9975], 400, 3),  # one image of 400
        ([0.5, 1.0, 0.99], 400, 2),
        ([0.7], 1, 1),
    ],
)
def test_the_best_epoch_by_so_many_validation_images(tops, number, best):
    history = [{"epoch": epoch, "val_top1": top1} for epoch, top1 in enumerate(tops, 1)]
    assert best_epoch(history, number)["epoch"] == best


@pytest.mark.slow
def test_what_was_not_kept_before_a_kill_is_kept_on_resuming(images, tmp_path, monkeypatch):
    """The checkpoint comes first: model.keras is written from it when there was no time to."""
    as_it_is = Recorder._keep_best
    monkeypatch.setattr(Recorder, "_keep_best", lambda self: as_it_is(self) if len(self.history) == 1 else None)
    recipe = dataclasses.replace(RECIPE, epochs=2, ema_decay=0.9)
    run = train(images, tmp_path / "run", recipe, lean=True)
    early = weights(run)
    monkeypatch.setattr(Recorder, "_keep_best", as_it_is)
    monkeypatch.setattr(recorder, "best_epoch", lambda history, num_images: history[-1])
    whole = weights(train(images, tmp_path / "whole", recipe, lean=True))
    (run.folder / "metrics.json").unlink()
    resumed = weights(train(images, run.folder, recipe, lean=True, resume=True))
    assert any((a != b).any() for a, b in zip(early, whole, strict=True))
    for kept, wanted in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(kept, wanted)


def test_a_signal_during_validation_lets_the_other_callbacks_see_the_epoch_end(images, tmp_path):
    seen = []

    def on_epoch_end(epoch, logs):
        seen.append(epoch)

    def on_test_end(logs):
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)
    watcher.on_test_end = on_test_end
    with pytest.raises(recorder.TrainingInterruptedError, match="after epoch 1"):
        train(images, tmp_path / "run", lean=True, callbacks=[watcher])
    assert seen == [0]
    assert Checkpoints(tmp_path / "run" / "checkpoints").newest()[0]["epoch"] == 1


def test_a_signal_is_not_forgotten_when_a_callback_ends_the_training_with_an_error(images, tmp_path):
    """As tuning's pruning does: whoever was asked to stop does not go on to the next trial."""

    class Stop(keras.callbacks.Callback):
        def on_test_end(self, logs=None):
            os.kill(os.getpid(), signal.SIGTERM)

        def on_epoch_end(self, epoch, logs=None):
            raise LookupError("pruned")

    with pytest.raises(recorder.TrainingInterruptedError, match="after epoch 1") as stopped:
        train(images, tmp_path / "run", lean=True, callbacks=[Stop()])
    assert stopped.value.signal_number == signal.SIGTERM
    assert isinstance(stopped.value.__cause__, LookupError)


def test_the_progress_bar_shows_speed_and_the_time_left(monkeypatch, capsys):
    clock = iter([100.0, 102.0, 105.0])
    monkeypatch.setattr("nntricks_keras.training.progress.time.perf_counter", lambda: next(clock))
    recipe = types.SimpleNamespace(epochs=3, batch_size=16)
    bar = ProgressBar(types.SimpleNamespace(recipe=recipe, num_images=150, steps_per_epoch=10, step=10))
    bar.is_terminal = True
    bar.on_epoch_begin(1)
    bar.recorder.step = 14  # 4 steps in 2 s, and 16 are left
    bar.on_train_batch_end(3, {"loss": 0.5, "top1": 0.75})
    printed = capsys.readouterr().out
    assert "epoch 2/3" in printed
    assert "4/10  32 images/s  loss 0.500  top-1 0.750  8 s left" in printed
    bar.recorder.step = 20  # 150 images in 5 s
    bar.on_train_batch_end(9, {"loss": 0.5, "top1": 0.75})
    assert "10/10  30 images/s" in capsys.readouterr().out


def test_only_a_second_ctrl_c_stops_at_once():
    """A parent or a batch system may repeat its SIGTERM while the epoch is validated."""
    asked = types.SimpleNamespace()
    with Recorder.stopping_on_signals(asked):
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert asked.signals[0] == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
