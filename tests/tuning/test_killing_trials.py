"""A real process, killed in the middle of an epoch: the trial goes on, and its record is that of one not killed."""

import dataclasses
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import zoo
from tests.tuning.test_trials import learnt
from tuning.studies import COMPLETED, RUNNING, Study, StudySettings

ROOT = Path(__file__).resolve().parents[2]


def start(study, trial_id):
    return subprocess.Popen([sys.executable, "-m", "tests.tuning.trial_process", str(study.folder), trial_id], cwd=ROOT)


def num_epochs(record):
    return sum(len(execution.history) for execution in record.executions) if record else 0


@pytest.mark.slow
def test_kill_9_in_the_middle_of_an_epoch_costs_that_epoch(picture_folder, tmp_path):
    recipe = dataclasses.replace(zoo.recipe("standard"), epochs=2, batch_size=2, deterministic=True)
    experiment = zoo.Experiment(arguments={"width": 0.3}, data=str(picture_folder), image_size=(16, 16), recipe=recipe)
    study = Study(tmp_path / "study")
    study.write_settings(StudySettings(experiment, "tricks", executions=2))
    whole = start(study, "whole")
    assert whole.wait(300) == 0
    shortest = min(row["seconds"] for each in study.record("whole").executions for row in each.history)
    for killed_after in (1, 3):  # epochs: in the second of the first execution, then in the second of the second
        process = start(study, "killed")
        while num_epochs(study.record("killed")) < killed_after:
            assert process.poll() is None
            time.sleep(0.005)
        time.sleep(random.uniform(0, 0.2 * shortest))  # seconds; another time an epoch may take half as long
        process.kill()
        process.wait()
        left = study.record("killed")
        assert (left.status, num_epochs(left)) == (RUNNING, killed_after)
    assert start(study, "killed").wait(300) == 0
    record = study.record("killed")
    for before, after in zip(left.executions, record.executions, strict=True):
        assert after.history[: len(before.history)] == before.history  # the same seconds: not trained again
    assert learnt(record) == learnt(study.record("whole"))
    expected = study.record("whole")
    assert record.status == COMPLETED
    assert (record.score, record.experiment, record.reason) == (expected.score, expected.experiment, None)
