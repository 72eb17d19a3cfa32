"""What each run came to, read from its folder."""

import csv
import dataclasses
import io
import statistics

from nntricks_keras.files import write_atomically
from nntricks_keras.training import Run
from tuning.ablation.designs import name_of
from tuning.ablation.settings import diverged_file, is_finished, run_folder
from tuning.ablation.tricks import shown


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One finished run. One that diverged counts as chance: a network of NaN knows nothing."""

    recipe: frozenset
    seed: int
    diverged: bool
    curve: tuple[float, ...]
    """validation top-1 by epoch"""
    best_epoch: int | None
    """from 1; None of one that diverged"""
    val_top1: float
    """of the best epoch, of which the run keeps the model"""
    test_top1: float
    """of that epoch's model, evaluated once"""
    epoch_seconds: float
    """the median: the first epoch also builds the graph, which is paid once"""
    seconds: float
    """of all epochs"""
    chance: float

    def epochs_to(self, target):
        """The first epoch, from 1, whose validation top-1 reaches `target`; None if none does, or the run diverged."""
        if self.diverged:
            return None
        return next((epoch for epoch, top1 in enumerate(self.curve, 1) if top1 >= target), None)


def read_outcomes(folder, settings):
    """{(recipe, seed): Outcome} of the runs that are finished."""
    found = {}
    for recipe, seed in settings.runs():
        path = run_folder(folder, settings.run_name(recipe, seed))
        if is_finished(path):
            found[recipe, seed] = _read(Run(path), recipe, seed, diverged_file(path).exists())
    return found


def _read(run, recipe, seed, diverged):
    history = run.history
    best = None if diverged else run.metrics["best_epoch"]
    curve = tuple(round(row["val_top1"], 6) for row in history)  # float32, and a share of at most some 10,000 images
    chance = 1 / len(run.class_names)
    seconds = [row["seconds"] for row in history]
    return Outcome(
        recipe=recipe,
        seed=seed,
        diverged=diverged,
        curve=curve,
        best_epoch=best,
        val_top1=chance if diverged else curve[best - 1],
        test_top1=chance if diverged else round(run.metrics["test"]["top1"], 6),
        epoch_seconds=statistics.median(seconds) if seconds else float("nan"),
        seconds=sum(seconds),
        chance=chance,
    )


def write_runs(path, settings, outcomes):
    """ablation.csv: a row a run, with the value of every trick."""
    rows = []
    for (recipe, seed), outcome in outcomes.items():
        rows.append(
            {
                "recipe": name_of(recipe, settings.names),
                "seed": seed,
                **{trick.name: shown(trick.full if trick.name in recipe else trick.bare) for trick in settings.tricks},
                "status": "diverged" if outcome.diverged else "completed",
                "val_top1": outcome.val_top1,
                "test_top1": outcome.test_top1,
                "epochs": len(outcome.curve),
                "best_epoch": outcome.best_epoch,
                "epoch_seconds": outcome.epoch_seconds,
                "seconds": round(outcome.seconds, 3),
            }
        )
    write_csv(path, rows)


def write_csv(path, rows):
    """Rows (dictionaries with the same keys) to a CSV, whole or not at all; None is an empty cell."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))
