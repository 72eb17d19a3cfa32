"""What a study writes, it reads back equal; curves and ranks are what they say."""

import pytest

import zoo
from nntricks_keras.errors import InputError
from tuning.studies import COMPLETED, PRUNED, Execution, Study, StudySettings, TrialRecord


def record(trial_id, scores, status=COMPLETED):
    executions = tuple(
        Execution(seed, f"runs/{trial_id}/{seed}", [{"epoch": i + 1.0, "val_top1": s} for i, s in enumerate(curve)])
        for seed, curve in enumerate(scores)
    )
    best = sum(max(curve) for curve in scores) / len(scores)
    drawn = {"rate": 0.1, "norm": "batch", "depth": 3, "flip": True}
    return TrialRecord(trial_id, status, drawn, zoo.Experiment().to_dict(), executions, score=best)


@pytest.fixture
def study(tmp_path):
    study = Study(tmp_path / "study")
    study.write_settings(StudySettings(experiment=zoo.Experiment(model="vgg11"), space="tricks"))
    return study


def test_settings_and_records_come_back_equal(study):
    assert Study.open(study.folder).settings == StudySettings(zoo.Experiment(model="vgg11"), "tricks")
    written = record("00", [[0.25, 0.75], [0.5, 0.25, 1.0]])
    study.write(written)
    assert study.record("00") == written
    assert study.record("01") is None


def test_a_curve_is_the_mean_of_the_executions_that_got_there():
    assert record("00", [[0.25, 0.75], [0.5, 0.25, 1.0]]).curve("val_top1") == [0.375, 0.5, 1.0]


def test_completed_trials_are_ranked_by_the_objective(study):
    for trial in (record("00", [[0.5]]), record("01", [[0.75]]), record("02", [[0.9]], PRUNED)):
        study.write(trial)
    assert [trial.trial_id for trial in study.ranked()] == ["01", "00"]
    study.write_settings(StudySettings(zoo.Experiment(), "tricks", objective="val_loss", direction="min"))
    assert [trial.trial_id for trial in study.ranked()] == ["00", "01"]


def test_a_folder_that_is_no_study_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"study\.json"):
        Study.open(tmp_path)
