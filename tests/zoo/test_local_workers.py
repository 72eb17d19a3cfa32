"""Local workers: each gets its place, and none outlives a failure."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from zoo import local_workers, tether
from zoo.commands import run_command, train
from zoo.experiment import Experiment


def run(code, count):
    return local_workers.run_workers(
        [sys.executable, "-c", "import json, os, sys, time, signal\n" + code], count, "go on"
    )


def test_each_has_its_place_and_the_chief_alone_is_heard(tmp_path, capfd):
    code = f"""
config = json.loads(os.environ["TF_CONFIG"])
open({str(tmp_path)!r} + "/" + str(config["task"]["index"]), "w").write(json.dumps(config["cluster"]))
print("I am", config["task"]["index"])
"""
    assert run(code, 3) == 0
    clusters = {(tmp_path / str(index)).read_text() for index in range(3)}
    assert len(clusters) == 1
    assert len(set(json.loads(clusters.pop())["worker"])) == 3
    assert capfd.readouterr().out == "I am 0\n"


@pytest.mark.parametrize(
    ("there", "wanted"),
    [("0,1,GPU-7,3", ["0,1", "GPU-7,3"]), ("4,5,6", ["4", "5"]), ("2", ["", ""]), ("", ["", ""])],
)
def test_no_two_have_the_same_gpu(tmp_path, monkeypatch, there, wanted):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", there)
    place = f"{str(tmp_path)!r} + '/' + str(json.loads(os.environ['TF_CONFIG'])['task']['index'])"
    assert run(f"open({place}, 'w').write(os.environ['CUDA_VISIBLE_DEVICES'])", 2) == 0
    assert [(tmp_path / str(index)).read_text() for index in range(2)] == wanted


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("sys.exit('something is wrong')", 1, "worker 1 ended with code 1"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 1, "worker 1 was killed by signal 9"),
        ("sys.exit(2)", 2, "worker 1 ended with code 2"),
    ],
)
def test_when_one_fails_the_others_are_stopped(monkeypatch, capfd, end, code, said):
    monkeypatch.setattr(local_workers, "PATIENCE_SECONDS", 0.2)
    began = time.monotonic()
    is_one = "json.loads(os.environ['TF_CONFIG'])['task']['index'] == 1"
    assert run(f"if {is_one}: {end}\ntime.sleep(60)", 3) == code
    assert time.monotonic() - began < 30
    printed = capfd.readouterr().err
    assert f"{said}; the others have been stopped; go on" in printed
    assert ("something is wrong" in printed) == ("wrong" in end)


def test_a_worker_that_was_asked_to_stop_leaves_the_others_time(capfd):
    """They write a checkpoint; here the chief takes a second longer, and its last word is still heard."""
    code = """
if json.loads(os.environ["TF_CONFIG"])["task"]["index"] == 0:
    time.sleep(1)
    print("checkpoint written", flush=True)
sys.exit(143)
"""
    assert run(code, 2) == 143
    assert "checkpoint written" in capfd.readouterr().out


def test_what_all_say_is_said_once(capfd):
    assert run("print('wrong', file=sys.stderr); sys.exit(2)", 3) == 2
    assert capfd.readouterr().err == "wrong\n"


ENDS_WITH_STDIN = "from zoo import tether; tether.end_with_parent(); print('on', flush=True); time.sleep(60)"


def start_tethered(stdin, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", "import time; " + ENDS_WITH_STDIN],
        stdin=stdin,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
    )


def test_a_tethered_process_ends_with_its_stdin():
    with tether.held_end() as stdin:
        processes = [start_tethered(stdin, **{tether.VARIABLE: "1"}) for _ in range(2)] + [start_tethered(stdin)]
        for process in processes:
            process.stdout.read(3)
        assert all(process.poll() is None for process in processes)
    try:
        assert [process.wait(timeout=20) for process in processes[:2]] == [-signal.SIGTERM] * 2
        assert processes[2].poll() is None  # it was not asked to
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_workers_are_tethered_to_this_process(capfd):
    code = "import select; from zoo import tether; print(tether.VARIABLE in os.environ, select.select([0], [], [], 0))"
    assert run(code, 2) == 0
    assert capfd.readouterr().out == "True ([], [], [])\n"


@pytest.mark.parametrize(
    ("flags", "said"),
    [(["--workers", "0"], "received 0"), (["--workers", "2", "--devices", "2"], "without --devices")],
)
def test_flags_that_make_no_sense_are_named(tmp_path, capsys, flags, said):
    arguments = ["train", "--run-dir", str(tmp_path / "run"), *flags]
    assert run_command("python -m zoo", "zoo.commands", arguments) == 2
    assert said in capsys.readouterr().err


def test_workers_of_a_cluster_start_none_of_their_own(tmp_path, capsys, monkeypatch):
    cluster = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    arguments = ["train", "--run-dir", str(tmp_path / "run"), "--workers", "2"]
    assert run_command("python -m zoo", "zoo.commands", arguments) == 2
    assert "names some already" in capsys.readouterr().err


def test_workers_of_a_cluster_need_a_folder_to_share(capsys, monkeypatch):
    cluster = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 1}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    monkeypatch.setattr("zoo.tether.end_with_parent", lambda: None)
    assert run_command("python -m zoo", "zoo.commands", ["train"]) == 2
    assert "--run-dir" in capsys.readouterr().err


def test_a_run_that_is_given_no_folder_takes_the_first_that_no_other_has_taken(tmp_path, monkeypatch):
    """Two terminals may choose in the same moment: the folder is made when it is chosen."""
    monkeypatch.chdir(tmp_path)
    experiment = Experiment(data="some/data")
    chosen = [train._reserve_run_dir(experiment) for _ in range(2)]
    assert chosen == ["runs/vgg_mini-some-data-1", "runs/vgg_mini-some-data-2"]


def test_a_refused_training_leaves_no_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert run_command("python -m zoo", "zoo.commands", ["train", "--data", "empty"]) == 2
    assert "empty" in capsys.readouterr().err
    assert not list((tmp_path / "runs").iterdir())
