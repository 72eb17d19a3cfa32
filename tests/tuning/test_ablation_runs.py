"""Real ablations: of a few seconds, in worker processes, and through kill -9."""

import csv
import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

import tuning
import zoo
from nntricks_keras.data import Preprocessing
from nntricks_keras.errors import InputError
from nntricks_keras.hardware import usable_cores
from nntricks_keras.locks import held
from nntricks_keras.training import Run
from tests.training.small_runs import assert_same_run
from tuning.ablation import running
from tuning.ablation.settings import AblationSettings
from tuning.ablation.tricks import choose

ROOT = Path(__file__).resolve().parents[2]
PREPROCESSING = Preprocessing((16, 16), mean=(120.0,), std=(60.0,))


@pytest.fixture(scope="module")
def experiment(picture_folder):
    recipe = dataclasses.replace(zoo.recipe("standard"), epochs=2, batch_size=16, deterministic=True)
    return zoo.Experiment(
        data=str(picture_folder), arguments={"width": 0.3, "depth": 1}, recipe=recipe, image_size=(16, 16)
    )


def rows(folder):
    """ablation.csv without the times."""
    with open(folder / "ablation.csv", newline="") as file:
        return [{name: cell for name, cell in row.items() if "seconds" not in name} for row in csv.DictReader(file)]


@pytest.mark.slow
def test_one_trick_and_one_seed(experiment, tmp_path, capsys):
    experiment = dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, epochs=1))
    settings = {"tricks": ["keep_prob"], "designs": ["add_one_in"], "workers": 0}
    ablation = tuning.ablate(experiment, tmp_path / "ablation", num_seeds=1, **settings)
    assert "no interval" in ablation.report()
    assert [row["recipe"] for row in rows(tmp_path / "ablation")] == ["bare", "full"]
    run = Run(tmp_path / "ablation" / "runs" / "full" / "0")
    assert ablation.outcomes[frozenset(["keep_prob"]), 0].test_top1 == pytest.approx(run.metrics["test"]["top1"])
    saved = zoo.Experiment.load(run.folder)
    assert saved.arguments["keep_prob"] == 0.8
    assert saved.preprocessing == zoo.Experiment.load(tmp_path / "ablation" / "runs" / "bare" / "0").preprocessing
    assert (tmp_path / "ablation" / "forest.png").exists()
    assert not (run.folder / "checkpoints").exists()
    assert "2/2" in capsys.readouterr().out


def test_two_ablations_of_one_folder_do_not_train_the_same_runs(experiment, tmp_path, monkeypatch):
    experiment = dataclasses.replace(experiment, preprocessing=PREPROCESSING, image_size=None)
    run = tmp_path / "ablation" / "runs" / "bare" / "0"
    run.mkdir(parents=True)  # the other process has just begun it
    AblationSettings(experiment, choose(experiment, ["norm"]), ("add_one_in",), num_seeds=1).save(tmp_path / "ablation")
    settings = {"tricks": ["norm"], "designs": ["add_one_in"], "num_seeds": 1, "workers": 0}
    monkeypatch.setattr(zoo, "train", lambda *_, **__: pytest.fail("it trains"))
    with (
        held(tmp_path / "ablation" / "lock", "the ablation"),
        pytest.raises(InputError, match="being worked on by another process"),
    ):
        tuning.ablate(experiment, tmp_path / "ablation", **settings)
    assert run.is_dir()


def start(folder, experiment, *flags):
    command = [sys.executable, "-m", "tuning", "ablate", "--ablation-dir", folder, "--experiment", experiment, *flags]
    return subprocess.Popen(
        list(map(str, command)), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def children(process):
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in listed if "tuning.ablation.worker" in Path(f"/proc/{child}/cmdline").read_text()]


def wait_for(condition, process, seconds=200):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_kill_9_of_all_of_it_and_of_a_worker_then_the_same_result(experiment, tmp_path, capsys):
    longer = dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, epochs=4))
    longer.save(tmp_path / "experiment.json")
    flags = ["--tricks", "norm", "--designs", "add_one_in", "--seeds", 1]
    folder = tmp_path / "ablation"
    bare, full = (folder / "runs" / name / "0" for name in ("bare", "full"))

    process = start(folder, tmp_path / "experiment.json", *flags)
    wait_for(lambda: (bare / "history.csv").exists(), process)
    time.sleep(random.uniform(0, 0.5))
    workers = children(process)
    assert workers
    process.kill()
    process.communicate()
    end = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers):  # a worker ends with the process it belongs to
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not (bare / "metrics.json").exists()

    process = start(folder, tmp_path / "experiment.json", *flags)
    wait_for(lambda: (full / "history.csv").exists(), process)
    os.kill(children(process)[0], signal.SIGKILL)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    assert "2/2" in printed

    assert_same_run(zoo.train(zoo.Experiment.load(bare), tmp_path / "whole", lean=True), Run(bare))
    assert [row["recipe"] for row in rows(folder)] == ["bare", "full"]

    settings = {"tricks": ["norm"], "designs": ["add_one_in"], "workers": 0}
    more = tuning.ablate(longer, folder, num_seeds=2, **settings)
    assert "2 of 4 runs are finished already" in capsys.readouterr().out
    top1 = [more.outcomes[run].val_top1 for run in more.settings.runs()]
    assert more.effects[0].effect == pytest.approx((top1[1] - top1[0] + top1[3] - top1[2]) / 2)


@pytest.mark.slow
def test_a_worker_that_fails_ends_the_ablation_with_its_last_words(experiment, tmp_path):
    known = dataclasses.replace(experiment, preprocessing=PREPROCESSING, image_size=None)
    tricks = choose(known, ["keep_prob"])
    AblationSettings(known, tricks, ("add_one_in",), num_seeds=1).save(tmp_path)
    (tmp_path / "runs" / "bare" / "0").mkdir(parents=True)
    (tmp_path / "runs" / "bare" / "0" / "experiment.json").write_text("{")
    with pytest.raises(running.AblationError, match=r"(?s)worker-0\.log.*not JSON"):
        tuning.ablate(known, tmp_path, tricks=["keep_prob"], designs=["add_one_in"], num_seeds=1)


def test_workers_have_a_gpu_and_a_share_of_the_cores_each_and_find_what_this_process_finds(tmp_path, monkeypatch):
    started = []

    def popen(command, env, **_):
        started.append(env)
        nothing = SimpleNamespace(close=lambda: None)
        return SimpleNamespace(poll=lambda: 1, terminate=lambda: None, wait=lambda *_: 1, stdin=nothing)

    monkeypatch.setattr(running.subprocess, "Popen", popen)
    monkeypatch.setattr(sys, "path", [*sys.path, "/elsewhere"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,7")
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    settings = AblationSettings(zoo.Experiment(), choose(zoo.Experiment(), ["norm"]), ("add_one_in",), num_seeds=1)
    monkeypatch.setattr(running, "_last_words", lambda *_: "they were not meant to live")
    with pytest.raises(running.AblationError):
        running.train_all(settings, tmp_path, 2)
    assert [env["CUDA_VISIBLE_DEVICES"] for env in started] == ["3", "7"]
    assert {env["OMP_NUM_THREADS"] for env in started} == {str(max(usable_cores() // 2, 1))}
    assert all(env["PYTHONPATH"].endswith("/elsewhere") for env in started)
