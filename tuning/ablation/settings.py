"""AblationSettings: what is compared with what. An ablation's folder, and the runs in it."""

import dataclasses
from pathlib import Path

import zoo
from nntricks_keras import serialization
from nntricks_keras.errors import InputError
from nntricks_keras.files import read_json, write_json
from nntricks_keras.locks import is_fresh
from nntricks_keras.training.run_folder import MARKS, Run
from tuning.ablation import designs as all_designs
from tuning.ablation.tricks import Trick, assemble

FILE = "ablation.json"
LOCK = "lock"  # held by the one process that trains and writes


@dataclasses.dataclass(frozen=True)
class AblationSettings:
    """What an ablation compares: ablation.json."""

    experiment: zoo.Experiment
    """what all runs have in common; its preprocessing is filled in"""
    tricks: tuple[Trick, ...]
    designs: tuple[str, ...]
    num_seeds: int = 5
    """the experiment's seed, that plus one, ..."""
    target: float | None = None
    """validation top-1 whose epochs are counted; None: 98 % of the median of the weakest that learns"""

    @property
    def names(self):
        return [trick.name for trick in self.tricks]

    @property
    def recipes(self):
        return all_designs.recipes(self.designs, self.names)

    @property
    def seeds(self):
        first = self.experiment.recipe.seed
        return range(first, first + self.num_seeds)

    def experiment_of(self, recipe, seed):
        """The zoo.Experiment of one run."""
        experiment = assemble(self.experiment, self.tricks, recipe)
        return dataclasses.replace(experiment, recipe=dataclasses.replace(experiment.recipe, seed=seed))

    def runs(self):
        """All runs, as (recipe, seed): seed after seed, so that what is compared is trained close in time."""
        return [(recipe, seed) for seed in self.seeds for recipe in self.recipes]

    def run_name(self, recipe, seed):
        return f"{all_designs.name_of(recipe, self.names)}/{seed}"

    def to_dict(self):
        return serialization.to_dict(self)

    @classmethod
    def load(cls, folder):
        return serialization.from_dict(cls, read_json(Path(folder) / FILE))

    def save(self, folder):
        write_json(Path(folder) / FILE, self.to_dict())


def open_folder(folder, settings):
    """Makes the folder of a new ablation, or checks that the one in it is the same.

    More seeds or another design of the same tricks go on in the same folder; another experiment or trick does not.

    Returns:
        The settings to go on with: those given, with the preprocessing that the first run was given.

    Raises:
        InputError: the folder holds something else, or another ablation: what has changed is named.
    """
    folder = Path(folder)
    if not (folder / FILE).exists():
        if not is_fresh(folder, LOCK, FILE):
            raise InputError(f"{folder} is not an ablation (it has no {FILE}) and not empty; give another folder")
        return settings
    saved = AblationSettings.load(folder)
    changes = _changes("", saved.experiment.as_open_as(settings.experiment), settings.experiment)
    old, new = ({trick.name: trick for trick in each.tricks} for each in (saved, settings))
    changes += [f"the trick {name} is {'gone' if name in old else 'new'}" for name in sorted(old.keys() ^ new.keys())]
    for name in sorted(old.keys() & new.keys()):
        changes += _changes(f"{name}: ", old[name], new[name])
    if changes:
        raise InputError(f"{folder} holds another ablation: {'; '.join(changes)}")
    return dataclasses.replace(settings, experiment=saved.experiment, tricks=saved.tricks)


def _changes(where, one, other):
    changed = serialization.differences(serialization.to_dict(one), serialization.to_dict(other))
    return serialization.in_words(changed, where)


def run_folder(folder, name):
    """The run folder of a run's name."""
    return Path(folder) / "runs" / name


def diverged_file(run):
    """What a run that diverged leaves beside its history: why."""
    return Path(run) / "diverged.json"


def is_begun(run):
    """Whether a run folder holds something to go on from."""
    return any((Path(run) / mark).exists() for mark in MARKS)


def is_finished(run):
    return Run(run).is_complete or diverged_file(run).exists()
