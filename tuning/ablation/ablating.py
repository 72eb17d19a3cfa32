"""ablate: trains a recipe with and without its tricks, and says what each of them buys."""

import dataclasses
from pathlib import Path

import keras

from nntricks_keras.errors import InputError
from nntricks_keras.locks import BusyError, held
from tuning.ablation.designs import check_designs
from tuning.ablation.effects import Effect, all_effects
from tuning.ablation.forest import draw_forest
from tuning.ablation.outcomes import Outcome, read_outcomes, write_runs
from tuning.ablation.running import train_all
from tuning.ablation.settings import LOCK, AblationSettings, open_folder
from tuning.ablation.tables import report, write_effects
from tuning.ablation.tricks import DEFAULT_TRICKS, choose
from zoo.experiment import build, resolve


@dataclasses.dataclass(frozen=True)
class Ablation:
    """A finished ablation."""

    folder: Path
    settings: AblationSettings
    outcomes: dict[tuple, Outcome]
    """{(recipe, seed): Outcome}"""
    effects: list[Effect]

    def report(self):
        """The tables, and which tricks help, lose, or cannot be told from nothing."""
        return report(self.settings, self.outcomes, self.effects)


def ablate(
    experiment,
    folder,
    *,
    tricks=DEFAULT_TRICKS,
    num_seeds=5,
    designs=None,
    bare=None,
    full=None,
    target=None,
    workers=1,
):
    """Trains an experiment with and without each of its tricks, and says what each buys, with 95 % intervals.

    Seeds are paired: for one seed all recipes start from the same weights as far as shapes allow, and see the same
    images in the same order (ablation/tricks.py says how). What a trick does is the mean over the seeds of the
    differences within the pairs, tested with Student's t and corrected by Holm over the tricks.

    Args:
        experiment: zoo.Experiment; what is no trick of the ablation stays as it has it. Its seed is the first one.
        folder: of the ablation (tuning/ablation/__init__.py says what is in it). One that holds the same ablation,
            perhaps with fewer seeds or other designs, goes on: also after a kill, from the last checkpoint.
        tricks: names from tuning.ablation.tricks.table: activation, initializer, norm, norm_position, keep_prob, head,
            augmentation, momentum, weight_decay, schedule, label_smoothing.
        num_seeds: trainings of each recipe. With one there is no interval.
        designs: of "leave_one_out" (from the full recipe), "add_one_in" (to the bare one) and "factorial" (all
            combinations, with interactions); by default all three for up to four tricks, else the first two.
        bare, full: {trick: value} instead of the table's values without and with it.
        target: validation top-1 whose epochs and seconds are counted; by default, for each design, 98 % of what its
            weakest recipe that learns at all comes to in the median.
        workers: processes that share the machine; 0: this one, whose memory grows with every run.

    Returns:
        Ablation; ablation.csv, effects.csv and forest.png are in the folder.

    Raises:
        InputError: an unknown trick or design, a value that does not build, another ablation in the folder, or another
            process that trains this one.
        AblationError: a worker failed.
        KeyboardInterrupt: Ctrl-C came; each run has a checkpoint, and the same call goes on.
    """
    folder = Path(folder)
    if num_seeds < 1 or workers < 0:
        raise InputError(f"num_seeds has to be at least 1 and workers at least 0, received {num_seeds} and {workers}")
    if target is not None and not 0 < target < 1:
        raise InputError(f"target is a validation top-1, above 0 and below 1; received {target}")
    chosen = choose(experiment, tricks, bare, full)
    settings = AblationSettings(experiment, chosen, check_designs(designs, len(chosen)), num_seeds, target)
    settings = open_folder(folder, settings)
    resolved, image_data = resolve(settings.experiment)
    settings = dataclasses.replace(settings, experiment=resolved)
    _check_builds(settings, image_data.num_classes)
    try:
        with held(folder / LOCK, folder):
            settings.save(folder)
            train_all(settings, folder, workers)
            outcomes = read_outcomes(folder, settings)
            effects = all_effects(settings, outcomes)
            write_runs(folder / "ablation.csv", settings, outcomes)
            write_effects(folder / "effects.csv", settings, effects)
            draw_forest(folder / "forest.png", settings, effects)
    except BusyError as error:
        raise InputError(str(error)) from None
    return Ablation(folder, settings, outcomes, effects)


def _check_builds(settings, num_classes):
    """A value that no network can be built with is found before the first training, not in the last one."""
    for recipe in settings.recipes:
        if len(recipe) not in (0, len(settings.names)):
            continue  # the bare and the full one have all the values
        try:
            with keras.device("cpu"):
                build(settings.experiment_of(recipe, 0), num_classes)
        except (ValueError, TypeError) as error:
            raise InputError(f"{settings.experiment.model} cannot be built: {error}") from error
