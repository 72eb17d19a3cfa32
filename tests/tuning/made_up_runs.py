"""Run folders of an ablation as zoo.train leaves them, written without training: what came out is known."""

import dataclasses

import zoo
from nntricks_keras.data import Preprocessing
from nntricks_keras.files import write_json
from nntricks_keras.training import Run
from tuning.ablation.settings import AblationSettings, diverged_file, run_folder
from tuning.ablation.tricks import DEFAULT_TRICKS, choose

GREY = Preprocessing((28, 28), mean=(73.0,), std=(90.0,), channels="grey")


def make_settings(names=DEFAULT_TRICKS, designs=("leave_one_out", "add_one_in"), num_seeds=5, **values):
    recipe = dataclasses.replace(zoo.recipe("standard"), epochs=8)
    experiment = zoo.Experiment(preprocessing=GREY, recipe=recipe)
    return AblationSettings(experiment, choose(experiment, names), tuple(designs), num_seeds, **values)


def write_run(folder, settings, recipe, seed, curve, *, test=None, seconds=2.0, diverged=False):
    """One finished run: its validation top-1 by epoch; the first epoch takes 5 seconds longer than the others."""
    run = Run(run_folder(folder, settings.run_name(recipe, seed)))
    run.folder.mkdir(parents=True)
    rows = [
        {"epoch": epoch, "val_top1": top1, "seconds": seconds + 5.0 * (epoch == 1)}
        for epoch, top1 in enumerate(curve, 1)
    ]
    if rows:
        run.write_history(rows)
    write_json(run.folder / "inputs.json", {"class_names": [str(number) for number in range(10)]})
    if diverged:
        write_json(diverged_file(run.folder), {"reason": "the loss became nan"})
    else:
        best, epoch = max((top1, epoch) for epoch, top1 in enumerate(curve, 1))
        metrics = {"best_epoch": epoch, "validation": {"top1": best}, "test": {"top1": best if test is None else test}}
        write_json(run.folder / "metrics.json", metrics)


def rising(top, epochs=8, pace=1.0):
    """A curve that comes to `top` in the last epoch, the faster the higher the pace."""
    return [top * min(1.0, (epoch / epochs) ** (0.2 / pace)) for epoch in range(1, epochs + 1)]
