"""What a search prints, what it goes on with, and what its workers find in their environment."""

import dataclasses
import os
import shutil
import signal
import sys
import threading
from types import SimpleNamespace

import grpc
import pytest

import tuning
import zoo
from nntricks_keras.errors import InputError
from nntricks_keras.hardware import usable_cores
from tests.tuning.test_oracles import begin, complete, play, space
from tuning import searches, supervision, worker
from tuning.commands import ExperimentOptions
from tuning.durations import in_words, parse_seconds
from tuning.objectives import parse_objective
from tuning.oracles import make_oracle
from tuning.progress import Progress
from tuning.studies import COMPLETED, FAILED, PRUNED, RUNNING, Execution, Study, StudySettings, TrialRecord
from zoo import recipes
from zoo.commands import run_command


def record(trial_id, status, score=None, reason=None, epochs=1):
    execution = Execution(0, f"runs/{trial_id}/0", [{"epoch": float(epoch)} for epoch in range(epochs)])
    experiment = zoo.Experiment().to_dict()
    return TrialRecord(trial_id, status, {}, experiment, (execution,), score=score, reason=reason, seconds=60.0)


@pytest.fixture
def study(tmp_path):
    study = Study(tmp_path)
    study.write(record("0007", RUNNING, epochs=3))
    return study


def progress(study, direction="max"):
    settings = StudySettings(zoo.Experiment(), "tricks", objective="val_loss", direction=direction, num_trials=10)
    return Progress(study, settings)


def test_a_finished_trial_is_a_line_with_score_best_and_time_left(study, capsys):
    told = progress(study, "min")
    told.take_in([record("0000", COMPLETED, 0.5), record("0001", FAILED, reason="it broke")])
    told.live(["0003", "0004"])  # two at once: half the time
    told.ended(record("0002", COMPLETED, 0.25))
    told.ended(record("0003", PRUNED, 0.75, reason="worse than the median"))
    told.ended(record("0004", FAILED, reason="long " * 100))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "trial 0002  val_loss 0.2500  best 0.2500 (0002)  3 of 10  about 4 min left"
    assert lines[1] == (
        "trial 0003  val_loss 0.7500  pruned: worse than the median  best 0.2500 (0002)  4 of 10  about 3 min left"
    )
    assert lines[2].startswith("trial 0004  no score  failed: long long")
    assert len(lines[2]) < 200
    assert told.best.trial_id == "0002"


def test_on_a_terminal_a_line_says_what_runs_and_makes_room_for_the_next(study, capsys, monkeypatch):
    told = progress(study)
    told.live(["0007"])
    assert capsys.readouterr().out == ""  # no terminal
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    told.live(["0007"])
    told.say("next")
    line, wiped, after = capsys.readouterr().out.removeprefix("\r").split("\r")
    assert line == "1 running: 0007 (epoch 4)"
    assert wiped == " " * len(line)
    assert after == "next\n"


def test_workers_share_the_cores_and_have_one_gpu_each(monkeypatch):
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "TF_FORCE_GPU_ALLOW_GROWTH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "OMP_NUM_THREADS" not in supervision.environments(1)[0]
    for environment in supervision.environments(2):
        assert environment["OMP_NUM_THREADS"] == str(max(usable_cores() // 2, 1))
        assert environment["TF_NUM_INTRAOP_THREADS"] == environment["OMP_NUM_THREADS"]
        assert environment["CUDA_VISIBLE_DEVICES"] == ""
    monkeypatch.setenv("OMP_NUM_THREADS", "3")  # the user knows better
    assert supervision.environments(2)[1]["OMP_NUM_THREADS"] == "3"

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,GPU-5")
    assert [one["CUDA_VISIBLE_DEVICES"] for one in supervision.environments(3)] == ["0", "GPU-5", "0"]
    assert supervision.environments(3)[0]["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert supervision.environments(3)[0]["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert "TF_FORCE_GPU_ALLOW_GROWTH" not in supervision.environments(2)[0]

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr(
        supervision.subprocess, "run", lambda *_, **__: type("Asked", (), {"stdout": "0\n1\n", "returncode": 0})
    )
    assert [one["CUDA_VISIBLE_DEVICES"] for one in supervision.environments(2)] == ["0", "1"]


def test_a_grid_goes_on_though_other_first_points_are_given(tmp_path):
    off_grid, new = ({"norm": "none", "rate": rate} for rate in (0.5, 0.3))
    oracle = begin(tmp_path, "grid", num_trials=1, first=[off_grid])
    play(oracle)
    for first in ([new], []):
        settings = dataclasses.replace(oracle.settings, first=first, num_trials=oracle.settings.num_trials + 2)
        settings = searches._begin(oracle.study, settings)
        oracle.study.write_settings(settings)
        oracle = make_oracle(oracle.study, settings, space)
        found = list(play(oracle).values())
        assert found[:2] == [off_grid, new]
    assert len({str(point) for point in found}) == 5


def test_the_report_of_a_search_that_has_tried_all_there_is_says_that_it_is_over(tmp_path):
    def small(hp, experiment):
        hp.Choice("norm", ["none", "batch"])
        hp.Choice("rate", [0.01, 0.1, 1.0])
        return experiment

    oracle = begin(tmp_path, "grid", num_trials=10, space=small)
    complete(oracle, oracle.create_trial("w0", "p"))
    assert "has not ended: 1 of 10" in tuning.report(tmp_path).read_text()
    assert len(play(oracle)) == 6
    page = tuning.report(tmp_path).read_text()
    assert "not ended" not in page
    assert "6 of 10" in page
    assert "nothing else was left to try" in page
    settings = dataclasses.replace(oracle.settings, num_trials=5)
    oracle.study.write_settings(settings)
    assert "left to try" not in tuning.report(tmp_path).read_text()


@pytest.mark.parametrize("name", ["alexnet2012", "quick"])
def test_a_recipe_of_a_paper_brings_the_papers_initial_weights(name):
    experiment = ExperimentOptions(model="alexnet", recipe=name, width=0.5).make_experiment()
    assert experiment.arguments == {**recipes.arguments(name), "width": 0.5}
    assert ("initializer" in experiment.arguments) == (name == "alexnet2012")


def test_a_sign_of_life_is_given_again_after_one_that_came_to_nothing(monkeypatch, capsys):
    stopped = SimpleNamespace(status="STOPPED")  # said in every beat until the trial's checkpoint is written
    answers = [grpc.RpcError("INTERNAL"), stopped, stopped, SystemExit("enough")]

    def get_trial(trial_id):
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    client = SimpleNamespace(get_trial=get_trial)
    tuner = SimpleNamespace(current={"trial_id": "0000"}, make_client=lambda: client, asked_to_stop=threading.Event())
    signals = []
    monkeypatch.setattr(worker, "HEARTBEAT_SECONDS", 0)
    monkeypatch.setattr(os, "kill", lambda _, number: signals.append(number))
    with pytest.raises(SystemExit, match="enough"):
        worker._beat(tuner)
    assert signals == [signal.SIGTERM]  # a second one would break the checkpoint off
    assert "INTERNAL" in capsys.readouterr().err


def test_a_limit_of_no_memory_is_refused(tmp_path, capsys):
    with pytest.raises(InputError, match=r"memory_limit.*above 0.*-1"):
        searches.search(zoo.Experiment(), tmp_path / "study", memory_limit=-1)
    (tmp_path / "study.json").write_text("{}")
    joining = ["worker", "--chief", "127.0.0.1:1", "--study-dir", str(tmp_path), "--memory-limit", "0"]
    assert run_command("python -m tuning", "tuning.commands", joining) == 2
    assert "--memory-limit has to be above 0" in capsys.readouterr().err


def test_the_pruner_of_a_search_has_the_settings_it_is_given(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(searches, "run", lambda *_: None)
    experiment = zoo.Experiment(arguments={"width": 0.3})
    experiment.save(tmp_path / "experiment.json")
    command = ["search", "--experiment", str(tmp_path / "experiment.json"), "--study-dir", str(tmp_path / "study")]
    asked = [*command, "--pruner", "asha", "--pruner-settings"]
    assert run_command("python -m tuning", "tuning.commands", [*asked, "eta=2", "min_epochs=2"]) == 0
    assert Study(tmp_path / "study").settings.pruner_settings == {"eta": 2, "min_epochs": 2}
    for settings, words in [
        ("etta=2", "eta"),
        ("eta=1", "above 1"),
        ("eta=3", "pruner_settings.eta was 2"),
        ("2", "="),
    ]:
        assert run_command("python -m tuning", "tuning.commands", [*asked, settings]) == 2
        assert words in capsys.readouterr().err
    with pytest.raises(InputError, match="none is given"):
        searches.search(experiment, tmp_path / "other", pruner_settings={"eta": 2})


def test_spans_of_time_and_objectives_are_read_as_written():
    assert [parse_seconds(text) for text in (90, "90", "90s", "30m", "2h", "1h30m", "0.5h")] == [
        90, 90, 90, 1800, 7200, 5400, 1800,
    ]  # fmt: skip
    assert [in_words(seconds) for seconds in (40, 720, 12000)] == ["40 s", "12 min", "3 h 20 min"]
    for text in ("m", "-3", "10x", "", "1h 30q"):
        with pytest.raises(InputError):
            parse_seconds(text)
    assert parse_objective("val_loss") == ("val_loss", "min")
    assert parse_objective("top5:max") == ("top5", "max")
