"""Real processes, really killed: what is left goes on to the same bits."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nntricks_keras import training
from tests.training.small_runs import assert_same_run

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ["--epochs", "6", "--batch-size", "4", "--width", "0.3", "--image-size", "16", "16", "--deterministic"]


def start(folder, *flags):
    command = [sys.executable, "-m", "zoo", "train", "--run-dir", str(folder), *map(str, flags)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def finish(process):
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    return printed


@pytest.fixture(scope="module")
def whole(picture_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole") / "run"
    finish(start(folder, "--data", picture_folder, *FLAGS))
    return training.Run(folder)


def wait_for_epochs(folder, process, epochs):
    while not (folder / "history.csv").exists() or len(training.Run(folder).history) < epochs:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


@pytest.mark.slow
def test_kill_9_at_any_moment_then_resume(whole, picture_folder, tmp_path):
    folder = tmp_path / "run"
    process = start(folder, "--data", picture_folder, *FLAGS)
    for _ in range(2):
        wait_for_epochs(folder, process, 1)
        time.sleep(random.uniform(0, 1.5))
        process.kill()
        process.communicate()
        process = start(folder, "--resume")
    finish(process)
    assert_same_run(whole, training.Run(folder))


@pytest.mark.slow
def test_sigterm_ends_cleanly_and_says_how_to_go_on(whole, picture_folder, tmp_path):
    folder = tmp_path / "run"
    process = start(folder, "--data", picture_folder, *FLAGS)
    wait_for_epochs(folder, process, 1)
    os.kill(process.pid, signal.SIGTERM)
    printed, _ = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in printed
    assert f"--run-dir {folder} --resume" in printed
    finish(start(folder, "--resume"))
    assert_same_run(whole, training.Run(folder))
