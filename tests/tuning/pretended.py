"""A trial that trains nothing, for what happens around one: files beside study.json say how it behaves."""

import dataclasses
import os
import signal
import time

from tuning.studies import COMPLETED, FAILED, RUNNING, Execution

RUN_TRIAL = "tests.tuning.pretended:run_trial"


def space(hp, experiment):
    """One number; the score is a function of it."""
    recipe = dataclasses.replace(experiment.recipe, learning_rate=hp.Float("rate", 0.01, 1.0, sampling="log"))
    return dataclasses.replace(experiment, recipe=recipe)


def run_trial(study, settings, trial_id, hyperparameters, experiment, *, num_epochs=None, start_from=None):
    """As tuning.trials.run_trial: a record that grows by an epoch at a time, and goes on where it was.

    A file beside study.json says how: `seconds` an epoch; `kill` and `fail`, ids of trials, one a line.
    """
    told = {name: (study.folder / name).read_text().split() if (study.folder / name).exists() else [] for name in FILES}
    record = study.record(trial_id)
    if record.status != RUNNING:
        return record
    history = list(record.executions[0].history) if record.executions else []
    with open(study.folder / f"attempts-{trial_id}", "a") as file:
        file.write(f"{os.getpid()} from epoch {len(history)}\n")
    if trial_id in told["kill"]:
        os.kill(os.getpid(), signal.SIGKILL)
    if trial_id in told["raise"]:
        raise RuntimeError("a mistake in the runner")
    if trial_id in told["fail"]:
        record = dataclasses.replace(record, status=FAILED, reason="it was told to")
        study.write(record)
        return record
    ballast.append(b"x" * int(float((told["grow"] or [0])[0]) * 2**20))
    score = hyperparameters.get("rate", 0.5)
    for epoch in range(len(history) + 1, (num_epochs or experiment.recipe.epochs) + 1):
        time.sleep(float((told["seconds"] or [0.05])[0]))
        history.append({"epoch": float(epoch), "val_top1": score})
        record = dataclasses.replace(
            record, executions=(Execution(0, f"runs/{trial_id}/0", list(history)),), score=score
        )
        study.write(record)
    record = dataclasses.replace(record, status=COMPLETED)
    study.write(record)
    return record


FILES = ("seconds", "kill", "fail", "raise", "grow")
ballast = []
