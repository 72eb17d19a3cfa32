"""The recipe as hyperparameters: how the weights are moved, and what is done to the images."""

import dataclasses

from nntricks_keras.data.augmentation import Augmentation
from tuning.own_values import choice, grid_float, log_float, with_recipe
from tuning.strengths import PRESETS_WITH_STRENGTH, presets_for, strengthen

OWN = "own"


def optimizer(hp, experiment):
    """Optimizer with its rate and decay, momentum, schedule, batch size, label smoothing."""
    own = experiment.recipe
    kinds = ("sgd", "muon") if own.learning_rate_factors else ("sgd", "adamw", "muon")  # adamw has no factors
    drawn = {"optimizer": choice(hp, "optimizer", kinds, own.optimizer)}
    # Names of their own: their good rates are far apart, and their decays mean different things.
    of_optimizer = {"sgd": _sgd(hp, own), "adamw": _adamw(hp, own), "muon": _muon(hp, own)}
    drawn |= of_optimizer[drawn["optimizer"]]
    schedules = ("one_cycle", "constant") if own.focus > 1 else ("one_cycle", "plateau", "constant")  # see Recipe.focus
    drawn["schedule"] = choice(hp, "schedule", schedules, own.schedule)
    with hp.conditional_scope("schedule", ["one_cycle"]):
        warmup = grid_float(hp, "warmup_fraction", 0.05, 0.45, 0.1, own.warmup_fraction)
    if "plateau" in schedules:
        with hp.conditional_scope("schedule", ["plateau"]):
            patience = hp.Int("plateau_patience", 1, 6, default=min(own.plateau_patience, 6))
    if drawn["schedule"] == "one_cycle":
        drawn["warmup_fraction"] = warmup
    if drawn["schedule"] == "plateau":
        drawn["plateau_patience"] = patience
    sizes = [size for size in (32, 64, 128, 256) if size >= own.accumulate]
    drawn["batch_size"] = choice(hp, "batch_size", sizes, own.batch_size)
    drawn["label_smoothing"] = choice(hp, "label_smoothing", (0.0, 0.05, 0.1, 0.2), own.label_smoothing)
    return with_recipe(experiment, **drawn)


def _sgd(hp, own):
    mine = own.optimizer == "sgd"
    with hp.conditional_scope("optimizer", ["sgd"]):
        return {
            "learning_rate": log_float(hp, "learning_rate", 0.005, 0.5, own.learning_rate if mine else 0.05),
            "weight_decay": log_float(hp, "weight_decay", 1e-5, 1e-2, own.weight_decay if mine else 5e-4),
            "momentum": choice(hp, "momentum", (0.0, 0.8, 0.9, 0.95), own.momentum if mine else 0.9),
            "nesterov": hp.Boolean("nesterov", default=own.nesterov),
        }


def _adamw(hp, own):
    if own.learning_rate_factors:
        return {}
    mine = own.optimizer == "adamw"
    with hp.conditional_scope("optimizer", ["adamw"]):
        return {
            "learning_rate": log_float(hp, "adamw_learning_rate", 1e-4, 0.02, own.learning_rate if mine else 2e-3),
            "weight_decay": log_float(hp, "adamw_weight_decay", 1e-4, 0.3, own.weight_decay if mine else 0.01),
        }


def _muon(hp, own):
    mine = own.optimizer == "muon"
    with hp.conditional_scope("optimizer", ["muon"]):
        return {
            "learning_rate": log_float(hp, "muon_learning_rate", 0.003, 0.1, own.learning_rate if mine else 0.03),
            "momentum": choice(hp, "muon_momentum", (0.6, 0.8, 0.9, 0.95), own.momentum if mine else 0.9),
            "nesterov": own.nesterov if mine else True,
        }


def augmentation(hp, experiment):
    """The random changes of the training images: a preset and its strength, MixUp, erasing.

    An experiment whose augmentation is no preset has it as one more, "own", as it is.
    The two papers' presets, which crop from images of 256 pixels and more, are offered when the experiment's
    `image_size` or preprocessing says that the network sees at least 192. An odd batch has no pairs for MixUp.
    """
    own = experiment.recipe.augmentation
    presets = presets_for(experiment)
    like_own = dataclasses.replace(own, mixup=0.0, erasing=0.0)
    preset = choice(
        hp, "augmentation", presets, next((name for name in presets if Augmentation.preset(name) == like_own), OWN)
    )
    with hp.conditional_scope("augmentation", list(PRESETS_WITH_STRENGTH)):
        strength = hp.Choice("augmentation_strength", [0.5, 0.75, 1.0, 1.25], default=1.0)
    changed = like_own if preset == OWN else Augmentation.preset(preset)
    if strength is not None:
        changed = strengthen(changed, strength)
    mixup = choice(hp, "mixup", (0.0, 0.1, 0.2, 0.4), own.mixup)
    erasing = choice(hp, "erasing", (0.0, 0.25, 0.5), own.erasing)
    pairs = experiment.recipe.batch_size % 2 == 0
    changed = dataclasses.replace(changed, mixup=mixup if pairs else 0.0, erasing=erasing)
    return with_recipe(experiment, augmentation=changed)
