"""HyperZoo: an experiment and a space as a plain keras-tuner HyperModel, for keras-tuner's own tuners."""

import functools
import math

import keras
import keras_tuner as kt

from nntricks_keras.data import pipeline
from nntricks_keras.errors import InputError
from nntricks_keras.training import Plateau, compile_model, precision
from tuning.spaces import space as find_space
from zoo.experiment import build, resolve

# What training.train does beyond compile and fit, and what it is when it is off.
BEYOND_FIT = {
    "accumulate": 1,
    "ema_decay": 0.0,
    "early_stopping_patience": 0,
    "unfreeze": {},
    "focus": 1,
    "deterministic": False,
}


class HyperZoo(kt.HyperModel):
    """build(hp) returns a model of the zoo, compiled as the drawn recipe says.

    Works with RandomSearch, BayesianOptimization, Hyperband and any other tuner. The objective is
    `keras_tuner.Objective("val_top1", "max")`: of a name alone keras-tuner would guess the direction. With label
    smoothing "val_loss" is smoothed too; "val_cross_entropy" is then what tuning.search calls val_loss. The optimizer
    is built on the model's variables, so that weights files carry its state: Hyperband goes on where the trial before
    stopped, momentum and schedule included.

        tuner = kt.RandomSearch(HyperZoo(experiment), kt.Objective("val_top1", "max"), max_trials=10)
        tuner.search(verbose=2)                                        # the experiment's own data
        tuner.search(x, y, validation_data=(x_val, y_val), epochs=5)   # arrays, or tf.data

    Without data `search` trains on the experiment's own, with the drawn batch size and augmentation. Given data is
    taken as it is (batch size for arrays only, no augmentation): float images as the preprocessing makes them, (batch,
    height, width, channels), and one-hot labels (batch, classes). Epochs are the recipe's unless given; a one-cycle
    schedule always spans those of the recipe, so a Hyperband's max_epochs should be the recipe's epochs. The initial
    weights are drawn with the recipe's seed: of a tuner's executions_per_trial all are the same training, where those
    of tuning.search have a seed each.

    Args:
        experiment: zoo.Experiment, what all trials have in common.
        space: a name of tuning.spaces, "module:function", or a function (hp, experiment) -> experiment.
        num_classes: of the labels. Not needed for the experiment's own data.
        num_images: of the training split, for the length of an epoch. Likewise.

    Raises:
        InputError: an unknown space; or a recipe that needs more than compile and fit (accumulate, ema_decay,
            early_stopping_patience, unfreeze, focus, deterministic), which tuning.search can do.
    """

    def __init__(self, experiment, space="tricks", *, num_classes=None, num_images=None):
        super().__init__()
        self.space = find_space(space)
        self.experiment = experiment
        self.num_classes = num_classes
        self.num_images = num_images
        self._check(experiment.recipe)
        if experiment.preprocessing is None or num_classes is None or num_images is None:
            self.experiment, images = self._resolved
            self.num_classes = num_classes or images.num_classes
            self.num_images = num_images or images.counts["train"]

    def experiment_of(self, hp):
        """The zoo.Experiment of these hyperparameters: JSON that `python -m zoo train` repeats."""
        return self.space(hp, self.experiment)

    def build(self, hp):
        experiment = self.experiment_of(hp)
        recipe = experiment.recipe
        self._check(recipe)
        keras.utils.set_random_seed(recipe.seed)
        computed_in = precision.resolve(recipe.precision)
        with precision.policy(computed_in):
            model = build(experiment, self.num_classes)
            compile_model(model, recipe, self._steps(recipe), computed_in)
        return model

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        experiment = self.experiment_of(hp)
        recipe = experiment.recipe
        callbacks = list(callbacks)
        if recipe.schedule == "plateau":
            callbacks.append(Plateau("val_top1", recipe.plateau_factor, recipe.plateau_patience, recipe.plateau_drops))
        kwargs.setdefault("epochs", recipe.epochs)
        if not args and "x" not in kwargs:
            kwargs |= self._own_data(experiment, kwargs.get("initial_epoch", 0))
        elif len(args) > 1 or kwargs.get("y") is not None:
            kwargs.setdefault("batch_size", recipe.batch_size)
        else:
            kwargs.setdefault("shuffle", False)  # a tf.data.Dataset has an order of its own
        return model.fit(*args, callbacks=callbacks, **kwargs)

    @functools.cached_property
    def _resolved(self):
        return resolve(self.experiment)

    def _own_data(self, experiment, initial_epoch):
        images = self._resolved[1]
        recipe = experiment.recipe
        settings = {"batch_size": recipe.batch_size, "num_classes": self.num_classes}
        training = pipeline(
            images.train,
            experiment.preprocessing,
            training=True,
            augmentation=recipe.augmentation,
            seed=recipe.seed,
            balanced=recipe.balanced,
            repeat=True,
            start_step=initial_epoch * self._steps(recipe),
            **settings,
        )
        validation = pipeline(images.validation, experiment.preprocessing, **settings)
        return {"x": training, "validation_data": validation, "steps_per_epoch": self._steps(recipe), "shuffle": False}

    def _steps(self, recipe):
        return math.ceil(self.num_images / recipe.batch_size)

    def _check(self, recipe):
        beyond = {name: getattr(recipe, name) for name, off in BEYOND_FIT.items() if getattr(recipe, name) != off}
        if beyond:
            raise InputError(
                f"HyperZoo compiles and fits; {', '.join(f'{name} {value!r}' for name, value in beyond.items())} needs "
                "tuning.search"
            )
