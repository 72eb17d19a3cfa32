"""Only the best trials keep their large files, whoever deletes and when."""

import threading

import pytest

import tuning
import zoo
from tuning import spaces, storage
from tuning.studies import COMPLETED, FAILED, PRUNED, RUNNING, Execution, Study, StudySettings, TrialRecord


@pytest.fixture
def study(tmp_path):
    study = Study(tmp_path / "study")
    study.write_settings(StudySettings(zoo.Experiment(), "tricks"))
    return study


def add(study, name, score, status=COMPLETED, epochs=3, goes_on_from=None):
    """A trial of two executions, each with 1,000 bytes that are large and a history that is not."""
    for number in range(2):
        folder = study.run_folder(name, number)
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        (folder / "checkpoints" / "step-00000001.npz").write_bytes(bytes(600))
        (folder / "model.keras").write_bytes(bytes(400))
        (folder / "history.csv").write_text("epoch\n1\n")
    executions = (Execution(0, "", [{"epoch": 1.0}] * epochs), Execution(1, "", [{"epoch": 1.0}] * epochs))
    study.write(
        TrialRecord(
            name, status, {}, {}, executions, score=score, tuner={"trial_id": goes_on_from} if goes_on_from else {}
        )
    )


def holding(study):
    """Ids of the trials that have all of their large files; none has a part of them."""
    found = {}
    for folder in (study.folder / "runs").iterdir():
        assert len(list(folder.glob("*/history.csv"))) == 2
        found[folder.name] = len([path for name in storage.LARGE for path in folder.glob(f"*/{name}")])
    assert set(found.values()) <= {0, 4}
    return {name for name, number in found.items() if number}


def test_the_best_completed_trials_and_those_at_work_keep_theirs(study):
    for name, score in [("a", 0.5), ("b", 0.9), ("c", 0.7), ("d", 0.8)]:
        add(study, name, score)
    add(study, "pruned", 0.95, PRUNED)
    add(study, "failed", None, FAILED)
    add(study, "running", 0.1, RUNNING)
    storage.keep_best(study, study.records(), 3)
    assert holding(study) == {"b", "c", "d", "running"}
    storage.keep_best(study, study.records(), 2, needed=["c"])
    assert holding(study) == {"b", "c", "d", "running"}
    storage.keep_best(study, study.records(), 3, max_bytes=4000)
    assert holding(study) == {"b", "d", "running"}
    storage.keep_best(study, study.records(), 3, max_bytes=3999)
    assert holding(study) == {"b", "running"}


def test_what_hyperband_may_go_on_from_is_named(study):
    add(study, "short", 0.5, epochs=1)
    add(study, "whole", 0.6)
    add(study, "pruned", 0.6, PRUNED, epochs=1)
    assert storage.short_of(study.records(), 3) == ["short"]
    add(study, "longer", None, RUNNING, goes_on_from="short")
    assert storage.short_of(study.records(), 3) == ["short"]  # its process may die before it has copied all
    add(study, "next", 0.7, goes_on_from="short")
    assert storage.short_of(study.records(), 3) == []


def test_a_trial_that_ends_after_the_records_were_read_is_left_alone(study):
    add(study, "best", 0.9)
    records = study.records()
    add(study, "short", 0.5, epochs=1)
    storage.keep_best(study, records, 1, needed=storage.short_of(records, 3))
    assert holding(study) == {"best", "short"}


def test_a_finished_study_keeps_the_best_only(study):
    for number in range(3):
        add(study, f"000{number}", number / 3, epochs=1)
    described = spaces.describe("tricks", zoo.Experiment())
    study.write_settings(StudySettings(zoo.Experiment(), "tricks", described, tuner="hyperband", num_trials=3))
    tuning.search(zoo.Experiment(), study.folder, tuner="hyperband", num_trials=3, keep_best=1)
    assert holding(study) == {"0002"}


def test_several_workers_end_trials_at_once(study, rng):
    scores = rng.permutation(40) / 40
    errors = []

    def work(numbers):
        try:
            for number in numbers:
                add(study, f"{number:02d}", float(scores[number]))
                storage.keep_best(study, study.records(), 3)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(range(first, 40, 4),)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert holding(study) == {f"{number:02d}" for number in scores.argsort()[-3:]}
