"""The head of a report: what was searched, how far it came, the best recipes and how to train them again."""

import json
import shlex

from nntricks_keras.files import read_json
from tuning.reporting.blocks import outcome, section, table
from tuning.reporting.markup import element
from tuning.reporting.scales import show, show_score, show_seconds
from tuning.studies import COMPLETED, FAILED, PRUNED, RUNNING, scores_of

MOST_RECIPES = 20


def headline(title, found):
    """What was searched, how far it came, the best score and the command that trains it again."""
    settings, records = found.settings, found.records
    counts = {status: sum(r.status == status for r in records) for status in (COMPLETED, PRUNED, FAILED, RUNNING)}
    named = {COMPLETED: "completed", PRUNED: "pruned", FAILED: "failed", RUNNING: "under way"}
    told = ", ".join(f"{counts[status]} {named[status]}" for status in counts if counts[status]) or "none yet"
    epochs = sum(map(_num_epochs_of_its_own, records))
    best = found.ranked[0] if found.ranked else None
    return element(
        "header",
        element("h1", title),
        element("p", _about(settings), class_="muted"),
        _notice(found, counts),
        element(
            "dl",
            _tile(f"best {settings.objective}", show_score(best.score if best else None), _spread(best, settings)),
            _tile("trials ended", f"{len(records) - counts[RUNNING]} of {settings.num_trials}", told),
            _tile(
                "time of training",
                show_seconds(sum(r.seconds for r in records)),
                f"{epochs:,} epochs, all trials together",
            ),
            class_="tiles",
        ),
        _command(found),
    )


def _num_epochs_of_its_own(record):
    """A promoted trial's history begins with the epochs of the one that it goes on from."""
    copied = record.tuner.get("initial_epoch", 0)
    return sum(max(len(execution.history) - copied, 0) for execution in record.executions)


def _about(settings):
    experiment = settings.experiment
    pruner = f"pruner {settings.pruner}" if settings.pruner else "no pruning"
    executions = f"{settings.executions} trainings a trial" if settings.executions > 1 else "one training a trial"
    better = "higher is better" if settings.direction == "max" else "lower is better"
    return (
        f"{experiment.model} on {experiment.data}; space {settings.space}, {settings.tuner} search, {pruner}, "
        f"{executions}, seed {settings.seed}. The score is {settings.objective} ({better}) of the best epoch."
    )


def _notice(found, counts):
    """What the page cannot show yet, in words."""
    ended, wanted = len(found.records) - counts[RUNNING], found.settings.num_trials
    said = []
    if counts[RUNNING] or (ended < wanted and not found.study.is_exhausted):
        said.append(f"This study has not ended: {ended} of {wanted} trials have. Write the report again to see more.")
    elif ended < wanted:
        said.append(f"This study is over after {ended} of {wanted} trials: nothing else was left to try.")
    if not found.ranked:
        said.append("No trial has completed, so there is no best recipe yet.")
    elif len(found.ranked) == 1:
        said.append("One trial only has completed: there is nothing to compare it with.")
    return element("p", " ".join(said), class_="notice") if said else None


def _tile(name, value, more):
    return element(
        "div", element("dt", name), element("dd", value, class_="figure"), element("dd", more, class_="muted")
    )


def _spread(record, settings):
    """The trial, and the scores of its executions one by one."""
    if record is None:
        return "no completed trial"
    scores = scores_of(record.executions, settings)
    each = f": mean of {', '.join(map(show_score, scores))}" if len(scores) > 1 else ""
    return f"trial {record.trial_id}{each}"


def _command(found):
    """How the best recipe is trained again."""
    if not found.ranked:
        return None
    file = _experiment_file(found.study.folder, found.ranked[0])
    if file is None:
        return None
    command = f"python -m zoo train --experiment {shlex.quote(str(file))}"
    return element("p", "Train the best one again:", element("code", command, class_="command"))


def _experiment_file(folder, best):
    """best.json, or, where the search has not brought it up to date yet, the best trial's run; None without either."""
    file = folder / "best.json"
    if file.exists() and read_json(file) == best.experiment:
        return file
    runs = [folder / execution.run for execution in best.executions]
    return next((run for run in runs if (run / "experiment.json").exists()), None)


def best_recipes(found):
    """A table of the best trials; a click on a heading sorts by it."""
    if not found.ranked:
        return None
    columns = [("trial", False), (found.settings.objective, True), ("epochs", True), ("time", True)]
    columns += [(parameter.name, parameter.kind != "choice" or parameter.is_ordered) for parameter in found.parameters]
    has_notes = any(record.notes for record in found.ranked[:MOST_RECIPES])
    columns += [("notes", False)] * has_notes
    rows = []
    for record in found.ranked[:MOST_RECIPES]:
        values = [parameter.value(record) for parameter in found.parameters]
        cells = [*outcome(record), *((show(value), value) for value in values)]
        cells += ["; ".join(record.notes)] * has_notes
        rows.append((cells, {"class_": "trial", "data_trial": record.trial_id}))
    more = len(found.ranked) - MOST_RECIPES
    return section(
        "Best recipes",
        f"{len(rows)} of {len(found.ranked)} completed trials; all are in trials.csv." if more > 0 else None,
        table(columns, rows, is_sortable=True),
        element(
            "details",
            element("summary", "The best trial's experiment as JSON"),
            element("pre", json.dumps(found.ranked[0].experiment, indent=2)),
        ),
    )
