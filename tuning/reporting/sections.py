"""The pictures of a report, each with its heading and what to see in it."""

from tuning.reporting.bars import importance_rows
from tuning.reporting.blocks import scroll, section, table
from tuning.reporting.curves import draw_curves
from tuning.reporting.markup import element
from tuning.reporting.parallel import draw_parallel
from tuning.reporting.slices import draw_slices
from tuning.studies import COMPLETED, FAILED, PRUNED, RUNNING


def learning_curves(found):
    drawn = draw_curves(found.settings, found.records, found.parameters, found.best_id)
    if drawn is None:
        return None
    executions = ", the mean over its trainings" if found.settings.executions > 1 else ""
    keys = [
        ("best", "best"),
        (COMPLETED, "completed"),
        (PRUNED, "pruned (ends in a cross)"),
        (FAILED, "failed"),
        (RUNNING, "under way"),
    ]
    present = {record.status for record in found.records} | ({"best"} if found.best_id else set())
    legend = [element("span", name, class_=f"key {status}") for status, name in keys if status in present]
    note = f"{found.settings.objective} after each epoch, a line a trial{executions}."
    return section("Learning curves", note, element("p", *legend, class_="legend"), scroll(drawn))


def parallel_coordinates(found):
    drawn = draw_parallel(found.settings, found.records, found.parameters, found.best_id)
    if drawn is None:
        return None
    note = (
        f"A line a trial, the stronger the better; the best is orange{_of_pruned(found, ', pruned ones are dashed')}."
    )
    hint = element(
        "p",
        "Drag along an axis to keep the trials that cross it there; a click on it lets all through again.",
        class_="muted scripted",
    )
    return section("Parallel coordinates", note, hint, scroll(drawn))


def importance(found):
    """A table with a bar a hyperparameter: its share and the 95 % interval."""
    told = found.importances
    if told.r_squared is None:
        return section("Importance of the hyperparameters", told.problem)
    r = told.r_squared
    note = (
        "How much of the trials' ranking goes through each hyperparameter, alone and together with others: what a "
        "random forest's error on unseen trials grows by when that hyperparameter is taken from another trial. "
        f"Bars are 95 % intervals, from a bootstrap over the {told.num_trials} trials with a score"
        f"{_of_pruned(found, ' (pruned ones with what they had reached)')}. The forest's R² on unseen trials is "
        f"{r.value:.2f} ({r.low:.2f} to {r.high:.2f}); 1 is perfect, 0 is no better than the mean."
    )
    problem = element("p", told.problem, class_="notice") if told.problem else None
    columns = [("hyperparameter", False), ("share of the variance", False), ("95 % interval", True), ("trials", True)]
    columns.append(("verdict", False))
    return section("Importance of the hyperparameters", note, problem, table(columns, importance_rows(told.rows)))


def slices(found):
    drawn = draw_slices(found.settings, found.records, found.parameters, found.best_id)
    if not drawn:
        return None
    note = f"The score against each hyperparameter alone, a dot a trial{_of_pruned(found, '; pruned ones are hollow')}."
    return section("Slices", note, element("div", *drawn, class_="grid"))


def _of_pruned(found, words):
    return words if any(record.status == PRUNED for record in found.records) else ""
