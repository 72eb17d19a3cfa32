"""A search trains real trials in worker processes, goes on where it was, and its best is an experiment."""

import dataclasses
import json
import shutil
import socket
import threading
import time
import types

import grpc
import keras_tuner as kt
import pytest

import tuning
import zoo
from nntricks_keras.errors import InputError
from tests.tuning import pretended
from tuning import worker
from tuning.chief import Chief, only_chief
from tuning.first_points import complete_points
from tuning.oracles import make_oracle
from tuning.spaces import hyperparameters
from tuning.studies import COMPLETED, FAILED, PRUNED, Study, StudySettings, TrialRecord
from tuning.supervision import WorkersFailedError
from zoo.commands import run_command


@pytest.fixture(scope="module")
def experiment(picture_folder):
    recipe = dataclasses.replace(zoo.recipe("standard"), epochs=1, batch_size=16)
    return zoo.Experiment(data=str(picture_folder), arguments={"width": 0.3}, image_size=(16, 16), recipe=recipe)


@pytest.mark.slow
def test_a_search_leaves_a_run_and_the_best_as_an_experiment(experiment, tmp_path, capsys):
    folder = tmp_path / "study"
    (trial,) = tuning.search(experiment, folder, num_trials=1, seed=0)
    assert "1 of 1" in capsys.readouterr().out
    assert trial.status == COMPLETED
    assert zoo.Experiment.load(folder / "best.json") == zoo.Experiment.from_dict(trial.experiment)
    run = zoo.Experiment.load(folder / "runs" / trial.trial_id / "0")
    assert run.arguments == trial.experiment["arguments"]
    assert [row["val_top1"] for row in trial.executions[0].history] == [trial.score]


@pytest.mark.slow
def test_the_command_goes_on_with_a_study_and_prints_the_way_on(experiment, tmp_path, capsys):
    folder = tmp_path / "study"
    # Given by hand: of what is drawn, a large rate without normalization diverges, and is no completed trial.
    tuning.search(experiment, folder, num_trials=1, first=[{"activation": name} for name in ("relu", "elu", "tanh")])
    before = {path: path.stat().st_mtime_ns for path in (folder / "trials").glob("*.json")}
    experiment.save(tmp_path / "experiment.json")
    arguments = ["search", "--experiment", str(tmp_path / "experiment.json"), "--study-dir", str(folder)]
    assert run_command("python -m tuning", "tuning.commands", [*arguments, "--trials", "3", "--workers", "2"]) == 0
    printed = capsys.readouterr().out
    assert "activation" in printed
    assert f"--experiment {folder / 'best.json'}" in printed
    ranked = Study(folder).ranked()
    assert [trial.score for trial in ranked] == sorted((trial.score for trial in ranked), reverse=True)
    assert len(ranked) == 3
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_a_worker_that_cannot_load_the_data_tries_no_trial_and_says_why(experiment, tmp_path, monkeypatch, capsys):
    study = Study(tmp_path / "study")
    study.write_settings(StudySettings(dataclasses.replace(experiment, data=str(tmp_path / "away")), "tricks"))
    monkeypatch.setattr(worker, "_read_line", lambda: "w 127.0.0.1:1")  # nobody is there: it does not come to ask
    monkeypatch.setattr(worker, "exit_with_parent", lambda: None)
    assert (
        worker.main(["--study-dir", str(study.folder), "--memory-limit", "1e9", "--patience", "0"])
        == worker.WRONG_STUDY
    )
    assert "away" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_a_search_whose_data_is_away_says_so_and_goes_on_when_it_is_back(experiment, tmp_path):
    away = dataclasses.replace(experiment, data=str(tmp_path / "away"))
    for _ in range(2):
        with pytest.raises(WorkersFailedError, match=r"no trial of this study can be trained here:\n.*away"):
            tuning.search(away, tmp_path / "study", num_trials=1)
        assert Study(tmp_path / "study").ranked() == []
    shutil.copytree(experiment.data, away.data)
    assert len(tuning.search(away, tmp_path / "study", num_trials=1)) == 1


def refused(message, experiment, folder, **arguments):
    with pytest.raises(InputError, match=message):
        tuning.search(experiment, folder, **{"space": pretended.space, **arguments})


def test_what_is_wrong_is_named_before_anything_is_begun(experiment, tmp_path):
    folder = tmp_path / "study"
    for message, arguments in [
        ("tricks", {"space": "trikcs"}),
        ("hyperband", {"tuner": "hyperbnad"}),
        ("median", {"pruner": "meidan"}),
        ("leave out the pruner", {"tuner": "hyperband", "pruner": "asha"}),
        ("num_trials", {"num_trials": 0}),
        ("executions", {"executions": 0}),
        ("seed", {"seed": -1}),
        ("val_top1", {"objective": "val_topp1"}),
        ("top5:max or top5:min", {"objective": "top5"}),
        ("worst", {"objective": "val_loss:max"}),
        ("30m", {"budget": "soon"}),
        ("above 0", {"budget": 0}),
        ("workers", {"workers": -1}),
        ("address", {"workers": 0}),
        ("is empty", {"space": lambda hp, experiment: experiment}),
        ("nearest: rate", {"first": [{"rata": 0.1}]}),
        ("from 0.01 to 1.0", {"first": [{"rate": 7.0}]}),
        ("no such file", {"first": str(tmp_path / "none.json")}),
    ]:
        refused(message, experiment, folder, **arguments)
        assert not folder.exists()


def test_a_study_of_something_else_is_refused_and_says_what_is_other(experiment, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").touch()
    refused("not a study", experiment, tmp_path / "photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["one.jpg"]

    folder = tmp_path / "study"
    described = tuning.spaces.describe(pretended.space, experiment)
    settings = StudySettings(experiment, "tests.tuning.pretended:space", described, num_trials=10)
    Study(folder).write_settings(settings)
    other = dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, epochs=7))
    refused("experiment.recipe.epochs was 1, now 7", other, folder)
    refused("tuner was 'random', now 'grid'", experiment, folder, tuner="grid")
    refused("seed was 0, now 3", experiment, folder, seed=3)

    def wider(hp, experiment):
        hp.Float("rate", 0.01, 2.0, sampling="log")
        return experiment

    refused("max_value was 1.0, now 2.0", experiment, folder, space=wider)
    with only_chief(folder):
        refused("searched already, by process", experiment, folder)


def test_a_kill_in_the_first_moment_leaves_a_folder_that_the_same_search_takes(experiment, tmp_path, monkeypatch):
    for name in ("chief.lock", ".study.json.partial"):
        (tmp_path / name).touch()
    monkeypatch.setattr("tuning.searches.run", lambda *_: None)
    assert tuning.search(experiment, tmp_path, num_trials=1) == []
    assert Study.open(tmp_path).settings.num_trials == 1


def test_a_port_in_use_and_no_address_of_this_machine_are_refused(experiment, tmp_path):
    settings = StudySettings(experiment, "a:space", tuning.spaces.describe(pretended.space, experiment))
    study = Study(tmp_path / "study")
    study.write_settings(settings)
    oracle = make_oracle(study, settings, pretended.space)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="port is in use"):
        Chief(oracle, f"127.0.0.1:{taken.getsockname()[1]}")
    with pytest.raises(InputError, match="no address of this machine"):
        Chief(oracle, "192.0.2.1:8000")
    with pytest.raises(InputError, match="HOST:PORT"):
        Chief(oracle, "8000")
    with Chief(oracle) as first:
        assert not first.is_open
        with pytest.raises(InputError, match="port is in use"):
            Chief(oracle, first.address)
    with Chief(oracle) as second:  # the next chief is where workers look for it
        assert second.address == first.address
        assert second.local_address == second.address
    with Chief(oracle, "0.0.0.0:0") as third:
        assert third.is_open
        port = first.address.rpartition(":")[2]
        assert third.address == f"0.0.0.0:{port}"
        assert third.local_address == f"127.0.0.1:{port}"
        assert third.address_elsewhere == f"{socket.gethostname()}:{port}"


def test_a_finished_study_starts_nothing_and_one_that_failed_throughout_says_why(experiment, tmp_path):
    study = Study(tmp_path / "study")
    described = tuning.spaces.describe(pretended.space, experiment)
    study.write_settings(StudySettings(experiment, "tests.tuning.pretended:space", described, num_trials=1))
    failed = TrialRecord("0000", FAILED, {"rate": 0.1}, experiment.to_dict(), reason="the loss became nan")
    study.write(failed)
    refused("all 1 trials failed, the first because the loss became nan", experiment, study.folder, num_trials=1)
    pruned = dataclasses.replace(failed, trial_id="0001", status=PRUNED, score=0.1, reason="fell behind")
    study.write(pruned)
    refused(
        "no trial has completed: 1 failed and 1 were pruned, the first because the loss",
        experiment,
        study.folder,
        num_trials=2,
    )
    completed = dataclasses.replace(failed, trial_id="0001", status=COMPLETED, score=0.5, reason=None)
    study.write(completed)
    assert tuning.search(experiment, study.folder, space=pretended.space, num_trials=2) == [completed]
    assert zoo.Experiment.load(study.folder / "best.json") == experiment
    assert not (study.folder / "workers").exists()


def test_a_worker_command_without_chief_or_study_says_so(tmp_path, capsys, monkeypatch):
    from tuning.commands import worker as command

    monkeypatch.setattr(command, "SECONDS_TO_FIND_THE_CHIEF", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = f"127.0.0.1:{probe.getsockname()[1]}"
    arguments = ["worker", "--chief", nobody, "--study-dir", str(tmp_path)]
    assert run_command("python -m tuning", "tuning.commands", arguments) == 2
    assert "is not a study" in capsys.readouterr().err
    (tmp_path / "study.json").write_text("{}")
    assert run_command("python -m tuning", "tuning.commands", arguments) == 2
    assert f"there is no chief at {nobody}" in capsys.readouterr().err
    for arguments[2] in ("8000", "127.0.0.1:80000"):
        assert run_command("python -m tuning", "tuning.commands", arguments) == 2
        assert "--chief is HOST:PORT" in capsys.readouterr().err


def test_a_worker_of_another_study_is_turned_away_and_patience_ends(experiment, tmp_path):
    from tuning.clients import ChiefLostError, PatientClient, TurnedAwayError

    described = tuning.spaces.describe(pretended.space, experiment)
    settings = StudySettings(experiment, "a:space", described, num_trials=1, study_id="this")
    study = Study(tmp_path / "study")
    study.write_settings(settings)
    oracle = make_oracle(study, settings, pretended.space)
    with Chief(oracle) as chief:
        with pytest.raises(TurnedAwayError, match="another study"):
            PatientClient(None, chief.address, "w", "p", "that", 5).create_trial("w")
        client = PatientClient(None, chief.address, "w", "p", "this", 1)
        trial = client.create_trial("w")
        waiting = threading.Timer(0.7, oracle.give_up, ["w", "silence"])
        waiting.start()
        late = PatientClient(None, chief.address, "v", "p", "this", 1).create_trial("v")  # IDLE until then
        assert late.trial_id == trial.trial_id
        with pytest.raises(TurnedAwayError, match="not this worker's any more"):
            client.get_trial(trial.trial_id)
        assert PatientClient(None, chief.address, "v", "p", "this", 1).get_trial(trial.trial_id).status == "RUNNING"
        unheard_of = kt.engine.trial.Trial(kt.HyperParameters(), "0099", "COMPLETED")
        with pytest.raises(grpc.RpcError, match="there is no trial '0099'"):
            client.end_trial(unheard_of)
        assert chief.error is None
    with pytest.raises(ChiefLostError, match="has not answered"):
        client.create_trial("w")


def test_patience_begins_with_the_first_try_that_fails_not_with_the_last_answer(experiment, tmp_path, monkeypatch):
    from tuning.clients import PatientClient

    described = tuning.spaces.describe(pretended.space, experiment)
    study = Study(tmp_path / "study")
    settings = StudySettings(experiment, "a:space", described, num_trials=1)
    study.write_settings(settings)
    oracle = make_oracle(study, settings, pretended.space)
    with Chief(oracle) as chief:
        client = PatientClient(None, chief.address, "w", "p", "", patience=20)
        trial = client.create_trial("w")
    # It trains for a minute, longer than its patience, and the chief is away when it has finished.
    later = types.SimpleNamespace(monotonic=lambda: time.monotonic() + 60, sleep=time.sleep)
    monkeypatch.setattr("tuning.clients.time", later)
    again = Chief(oracle)
    starting = threading.Timer(0.5, again.__enter__)
    starting.start()
    try:
        assert client.get_trial(trial.trial_id).status == "RUNNING"
    finally:
        starting.join()
        again.__exit__()


def test_points_by_hand_are_completed_and_checked(experiment, tmp_path):
    def space(hp, experiment):
        hp.Choice("norm", ["none", "batch"])
        with hp.conditional_scope("norm", ["batch"]):
            hp.Float("alpha", 0.1, 0.5)
        hp.Int("depth", 1, 4)
        return experiment

    whole = hyperparameters(space, experiment)
    (tmp_path / "first.json").write_text(json.dumps([{"norm": "batch", "depth": 3}, {}]))
    assert complete_points(str(tmp_path / "first.json"), whole) == [
        {"norm": "batch", "alpha": 0.1, "depth": 3},
        {"norm": "none", "depth": 1},
    ]
    for point, message in [
        ({"norm": "none", "alpha": 0.2}, "does not apply"),
        ({"norm": "lrn"}, "one of"),
        ({"depth": 2.5}, "from 1 to 4"),
        ({"depth": True}, "from 1 to 4"),
        ("norm", "list of dictionaries"),
    ]:
        with pytest.raises(InputError, match=message):
            complete_points([point], whole)
