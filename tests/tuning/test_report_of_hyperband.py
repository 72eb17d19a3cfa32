"""A trial that Hyperband has promoted is two records, and one draw."""

import dataclasses

import tuning
from tests.tuning.test_report import Reader, make_study
from tuning.reporting.parameters import scored
from tuning.studies import COMPLETED, FAILED


def test_a_promoted_trial_counts_once(tmp_path, rng):
    study = make_study(tmp_path / "study", rng, [COMPLETED] * 3, tuner="hyperband")
    first, second, third = study.records()
    study.write(dataclasses.replace(first, tuner={"initial_epoch": 0, "epochs": 6}))
    history = [*first.executions[0].history, *second.executions[0].history]
    study.write(  # goes on from the first, whose six epochs it has copied
        dataclasses.replace(
            second,
            hyperparameters=first.hyperparameters,
            executions=(dataclasses.replace(second.executions[0], history=history),),
            tuner={"trial_id": "0000", "initial_epoch": 6, "epochs": 12},
        )
    )
    study.write(dataclasses.replace(third, status=FAILED, score=None, tuner={"trial_id": "0001", "initial_epoch": 6}))
    assert [record.trial_id for record in scored(study.records())] == ["0001"]
    assert "12 epochs, all trials together" in Reader(tuning.report(study.folder).read_text()).text
