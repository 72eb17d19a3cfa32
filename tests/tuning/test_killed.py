"""kill -9 of any process at any time: what was finished stays, what was not goes on, and nobody waits for ever.

The trials are pretended (pretended.py), the processes, their deaths, the sockets and the files are real.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import tuning
from nntricks_keras.files import read_json
from tests.tuning import pretended
from tests.tuning.search_process import experiment
from tuning.memory import resident_megabytes
from tuning.studies import COMPLETED, FAILED, Study
from tuning.supervision import Workers, WorkersFailedError
from tuning.worker import CHIEF_LOST, FINISHED

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
WAIT = 240  # seconds, on a busy machine


@pytest.fixture(autouse=True)
def _quick_to_start(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")  # of the processes: half the time of TensorFlow to import


@pytest.fixture
def start(tmp_path):
    """A search as a process; it is gone when the test is."""
    started = []

    def start(folder, epochs=6, **arguments):
        command = [sys.executable, "-m", "tests.tuning.search_process", str(folder), str(epochs), json.dumps(arguments)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def told(folder, **settings):
    """A folder beside which pretended.run_trial finds what to do; the study is begun in it later."""
    folder = Path(folder)
    with contextlib.suppress(FileExistsError):
        folder.mkdir()
    for name, value in settings.items():
        (folder / name).write_text(str(value))


def wait_until(condition, what):
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


def attempts(folder, trial_id):
    """[(pid, epochs done before)] of the processes that have had a trial."""
    path = folder / f"attempts-{trial_id}"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(line.split()[0]), int(line.split()[-1])) for line in lines]


def epochs_done(folder, trial_id):
    record = Study(folder).record(trial_id)
    return sum(len(execution.history) for execution in record.executions) if record else 0


def is_alive(pid):
    return Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"


def pretend(folder):
    """The settings of the pretended trials lie in the study's folder, which has to be a study first."""
    wait_until(lambda: (folder / "study.json").exists(), "the study")


def test_workers_and_chief_killed_in_turn(start, tmp_path):
    folder = tmp_path / "study"
    arguments = {"num_trials": 8, "workers": 2}
    search = start(folder, **arguments)
    pretend(folder)
    told(folder, seconds=0.3)

    # A worker in the middle of a trial: another process goes on where it was.
    wait_until(lambda: epochs_done(folder, "0000") >= 2, "two epochs")
    victim = attempts(folder, "0000")[0][0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(attempts(folder, "0000")) == 2, "a second attempt")
    assert attempts(folder, "0000")[1][1] >= 2

    # The chief: its workers end by themselves.
    wait_until(lambda: len(Study(folder).ranked()) >= 2, "two trials")
    pids = {attempts(folder, path.name[-4:])[-1][0] for path in folder.glob("attempts-*")}
    search.kill()
    began = time.monotonic()
    wait_until(lambda: not any(map(is_alive, pids)), "the workers' end")
    assert time.monotonic() - began < 5
    finished = {r.trial_id: (folder / "trials" / f"{r.trial_id}.json").read_bytes() for r in Study(folder).ranked()}

    # The same command goes on; Ctrl-C leaves the study whole, and says so.
    search = start(folder, **arguments)
    wait_until(lambda: len(Study(folder).ranked()) >= len(finished) + 1, "one trial more")
    search.send_signal(signal.SIGINT)
    assert search.wait(WAIT) == 128 + signal.SIGINT
    assert "of 8 trials" in search.stdout.read()

    search = start(folder, **arguments)
    assert search.wait(WAIT) == 0, search.stdout.read()
    records = Study(folder).records()
    assert [record.status for record in records] == [COMPLETED] * 8
    assert all((folder / "trials" / f"{name}.json").read_bytes() == text for name, text in finished.items())
    for record in records:
        assert [row["epoch"] for row in record.executions[0].history] == [1, 2, 3, 4, 5, 6]
        taken = [epochs for _, epochs in attempts(folder, record.trial_id)]
        assert taken == sorted(taken)  # never from the start again
    best = max(records, key=lambda record: record.score)
    assert read_json(folder / "best.json") == best.experiment


def test_a_worker_elsewhere_outlives_its_chief_and_a_late_one_deletes_nothing(start, tmp_path):
    folder = tmp_path / "study"
    arguments = {"num_trials": 3, "workers": 0, "address": "127.0.0.1:0"}
    search = start(folder, **arguments)
    pretend(folder)
    told(folder, seconds=0.5)
    wait_until(lambda: (folder / "chief.json").exists(), "the chief")
    address = read_json(folder / "chief.json")["address"]
    elsewhere = Workers(folder, 1, "elsewhere-", patience=WAIT, run_trial=pretended.RUN_TRIAL)
    try:
        elsewhere.begin(address)
        wait_until(lambda: epochs_done(folder, "0000") >= 1, "an epoch")
        search.kill()
        search.wait()
        search = start(folder, **{**arguments, "address": address})
        while search.poll() is None:
            elsewhere.tend()
            time.sleep(0.05)
        assert search.returncode == 0, search.stdout.read()
        wait_until(lambda: elsewhere.tend() or elsewhere.all_ended, "the worker's end")
        assert elsewhere.exit_codes == [FINISHED]
    finally:
        elsewhere.close()
    assert [record.status for record in Study(folder).records()] == [COMPLETED] * 3
    assert all(len(attempts(folder, f"{number:04d}")) == 1 for number in range(3))  # it never lost a trial

    before = {path: path.read_bytes() for path in (folder / "trials").iterdir()}
    late = Workers(folder, 1, "late-", patience=1, run_trial=pretended.RUN_TRIAL)
    try:
        late.begin(address)
        wait_until(lambda: late.tend() or late.all_ended, "the late worker's end")
    finally:
        late.close()
    assert late.exit_codes == [CHIEF_LOST]
    assert "has not answered" in late.last_words(0)
    assert {path: path.read_bytes() for path in (folder / "trials").iterdir()} == before


def search_here(folder, epochs=2, **arguments):
    return tuning.search(
        experiment(epochs), folder, space=pretended.space, run_trial=pretended.RUN_TRIAL, verbose=True, **arguments
    )


def begin_study(folder, start_epochs=2, **arguments):
    """A study of one finished trial, beside which the pretended trials find their settings."""
    return search_here(folder, start_epochs, num_trials=1, **arguments)


def test_failures_and_trials_that_kill_end_no_search_and_a_budget_pauses_it(tmp_path, capsys):
    folder = tmp_path / "study"
    begin_study(folder)
    told(folder, kill="0001", fail="0003 0004 0005 0006", **{"raise": "0002"})
    completed = search_here(folder, num_trials=9)
    assert {trial.trial_id for trial in completed} == {"0000", "0007", "0008"}
    records = {record.trial_id: record for record in Study(folder).records()}
    assert [name for name, record in records.items() if record.status == FAILED] == [f"000{n}" for n in range(1, 7)]
    assert "3 times" in records["0001"].reason
    assert len(attempts(folder, "0001")) == 3
    assert "a mistake in the runner" in records["0002"].error
    assert len(attempts(folder, "0002")) == 1

    told(folder, seconds=2)
    capsys.readouterr()
    search_here(folder, num_trials=40, budget=8)
    assert "the same search goes on" in capsys.readouterr().out
    assert len(Study(folder).records()) < 40


def test_workers_that_only_die_end_the_search_with_what_they_said(tmp_path):
    with pytest.raises(WorkersFailedError, match="No module named 'nowhere'"):
        tuning.search(experiment(1), tmp_path / "study", space=pretended.space, run_trial="nowhere:run_trial")


def test_memory_stays_bounded_over_30_trials(tmp_path):
    folder = tmp_path / "study"
    seen, stop = {}, threading.Event()

    def watch():
        while not stop.is_set():
            for pid in {pid for path in folder.glob("attempts-*") for pid, _ in attempts(folder, path.name[-4:])}:
                seen[pid] = max(seen.get(pid, 0), resident_megabytes(pid) or 0)
            stop.wait(0.1)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        begin_study(folder, 20)  # a second: long enough to be looked at
        limit = max(seen.values()) + 250
        told(folder, seconds=0.01, grow=45)  # what keras-tuner's own process grows by, in a trial
        before = resident_megabytes()
        search_here(folder, 20, num_trials=31, memory_limit=limit)
    finally:
        stop.set()
        watcher.join()
    assert resident_megabytes() <= 1.05 * before
    assert len(seen) >= 3
    assert max(seen.values()) < limit + 2 * 45
    assert all(len(attempts(folder, f"{number:04d}")) == 1 for number in range(31))
