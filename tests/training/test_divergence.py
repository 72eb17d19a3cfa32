"""A training that diverges says where and what is left of it, and leaves nothing that diverges again at once."""

import dataclasses
import os
import signal

import pytest

from nntricks_keras import training
from nntricks_keras.training.recorder import Recorder
from tests.training.small_runs import RECIPE, train

SHORT = dataclasses.replace(RECIPE, epochs=2)


def test_a_diverging_loss_stops_the_run_and_names_the_step_and_what_went_first(images, tmp_path):
    words = r"step \d+ \(epoch 1\).* has no checkpoint yet\. .*(went first|all weights were lost)"
    with pytest.raises(training.TrainingDivergedError, match=words):
        train(images, tmp_path / "run", dataclasses.replace(RECIPE, learning_rate=1e30), health=True)


@pytest.mark.parametrize("asked_to_stop", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_weights_that_the_last_step_spoilt_are_not_saved_and_the_message_names_what_is(
    images, tmp_path, monkeypatch, asked_to_stop
):
    """The loss of step 7, in the second epoch, is still finite: it is that before the update."""
    end = Recorder.on_train_batch_end

    def spoil(self, batch, logs=None):
        if self.step + 1 == 7 and not resumed:
            self._sync()
            self.network.get_layer("logits").bias.assign([float("nan")] * 3)
            if asked_to_stop:
                os.kill(os.getpid(), signal.SIGTERM)
        end(self, batch, logs)

    resumed = False
    monkeypatch.setattr(Recorder, "on_train_batch_end", spoil)
    kept = "step-00000004.npz" if asked_to_stop else "step-00000005.npz and step-00000006.npz"
    with pytest.raises(training.TrainingDivergedError, match=rf"at step 7 \(epoch 2\).*/checkpoints keeps {kept}$"):
        train(images, tmp_path / "run", SHORT, checkpoint_minutes=10 if asked_to_stop else 0, lean=True)
    resumed = True
    assert train(images, tmp_path / "run", SHORT, resume=True, lean=True).is_complete
