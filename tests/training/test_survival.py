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
from nntricks_keras.locks import held
from nntricks_keras.training.checkpoints import Checkpoints
from tests.training.several_workers import start_workers, wait_for
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


WORKER_FLAGS = ["--epochs", "100", "--batch-size", "16", "--width", "0.3", "--image-size", "16", "16"]


def wait_for_first_epoch(folder, processes):
    while not (folder / "history.csv").exists():
        assert all(process.poll() is None for process in processes), [p.communicate()[0] for p in processes]
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_local_workers_end_when_one_is_killed(picture_folder, tmp_path):
    folder = tmp_path / "run"
    parent = start(folder, "--data", picture_folder, *WORKER_FLAGS, "--workers", 2)
    wait_for_first_epoch(folder, [parent])
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    os.kill(int(children[1]), signal.SIGKILL)
    printed, _ = parent.communicate(timeout=120)
    assert parent.returncode == 1
    assert "worker 1 was killed by signal 9; the others have been stopped" in printed
    assert f"--run-dir {folder} --workers 2 --resume" in printed
    assert not any(Path(f"/proc/{child}").exists() for child in children)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_local_workers_end_with_a_checkpoint_when_their_parent_is_killed(picture_folder, tmp_path):
    folder = tmp_path / "run"
    parent = start(folder, "--data", picture_folder, *WORKER_FLAGS, "--epochs", 300, "--workers", 2)
    wait_for_first_epoch(folder, [parent])
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    parent.kill()
    printed, _ = parent.communicate(timeout=120)  # the pipe is the chief's, too: it ends with both
    assert f"{folder} --resume goes on from there" in printed
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with held(folder / ".lock", folder):  # free
        assert Checkpoints(folder / "checkpoints").newest()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_sigterm_to_one_worker_stops_all_after_the_same_step(picture_folder, tmp_path):
    folder = tmp_path / "run"
    pair = start_workers(2, "-m", "zoo", "train", "--run-dir", folder, "--data", picture_folder, *WORKER_FLAGS)
    wait_for_first_epoch(folder, pair)
    pair[1].send_signal(signal.SIGTERM)
    for code, printed in wait_for(pair):
        assert code == 128 + signal.SIGTERM, printed
        assert "Traceback" not in printed
    state, _ = Checkpoints(folder / "checkpoints").newest()
    assert f"stopped at step {state['step']} " in printed or f"stopped after epoch {state['epoch']}" in printed
