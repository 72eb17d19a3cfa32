"""HyperZoo under keras-tuner's own tuners: arrays, tf.data and the experiment's data; optimizer state is kept."""

import dataclasses

import keras
import keras_tuner as kt
import numpy as np
import pytest
import tensorflow as tf

import tuning
import zoo
from nntricks_keras.data import Preprocessing
from nntricks_keras.errors import InputError

OBJECTIVE = kt.Objective("val_top1", "max")
GREY = Preprocessing((8, 8), mean=(120.0,), std=(60.0,), channels="grey")
RECIPE = dataclasses.replace(zoo.recipe("standard"), epochs=3, batch_size=16, learning_rate=0.05)
TINY = zoo.Experiment(arguments={"width": 0.3, "depth": 1}, preprocessing=GREY, recipe=RECIPE)


def keep_prob(hp, experiment):
    """A space that changes no shape and no cost."""
    return dataclasses.replace(
        experiment, arguments=experiment.arguments | {"keep_prob": hp.Float("keep_prob", 0.5, 1)}
    )


@pytest.fixture
def arrays(rng):
    labels = rng.integers(0, 2, 48)
    images = rng.normal(size=(48, 8, 8, 1)).astype("float32") + labels[:, None, None, None] * 2
    one_hot = np.eye(2, dtype="float32")[labels]
    return {"x": images[:32], "y": one_hot[:32], "validation_data": (images[32:], one_hot[32:])}


def hyper_zoo(space=keep_prob, experiment=TINY):
    return tuning.HyperZoo(experiment, space, num_classes=2, num_images=32)


def search(tuner_class, folder, data, hypermodel=None, **settings):
    tuner = tuner_class(
        hypermodel or hyper_zoo(), objective=OBJECTIVE, seed=1, directory=folder, project_name="study", **settings
    )
    tuner.search(verbose=0, **data)
    return tuner


@pytest.mark.slow
@pytest.mark.parametrize("tuner_class", [kt.RandomSearch, kt.BayesianOptimization])
def test_stock_tuners_train_on_arrays(tuner_class, arrays, tmp_path):
    tuner = search(tuner_class, tmp_path, arrays, max_trials=2)
    trials = tuner.oracle.get_best_trials(2)
    assert [trial.status for trial in trials] == ["COMPLETED"] * 2
    assert trials[0].score >= trials[1].score
    best = tuner.get_best_models()[0]
    assert best.get_layer("logits_dropout").keep_prob == trials[0].hyperparameters.values["keep_prob"]


class Watched(tuning.HyperZoo):
    """Notes the optimizer's step and momentum as each training starts, and after its last epoch."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def fit(self, hp, model, *args, **kwargs):
        before = state_of(model)
        history = super().fit(hp, model, *args, **kwargs)
        self.seen.append((hp.values, before, state_of(model)))
        return history


def state_of(model):
    momentum = sum(float(keras.ops.sum(keras.ops.abs(slot))) for slot in model.optimizer.variables[2:])
    return int(model.optimizer.iterations), momentum


@pytest.mark.slow
def test_hyperband_keeps_the_state_of_the_optimizer(arrays, tmp_path):
    watched = Watched(TINY, keep_prob, num_classes=2, num_images=32)
    search(kt.Hyperband, tmp_path, arrays, hypermodel=watched, max_epochs=3, factor=3)
    goes_on = [seen for seen in watched.seen if seen[0].get("tuner/round")]
    anew = [seen for seen in watched.seen if not seen[0].get("tuner/round")]
    assert goes_on
    assert anew
    assert all(before == (0, 0.0) for _, before, _ in anew)
    for values, (step, momentum), (last_step, _) in goes_on:
        steps_an_epoch = 2
        assert step == values["tuner/initial_epoch"] * steps_an_epoch  # the schedule is a function of the step
        assert momentum > 0
        assert last_step == values["tuner/epochs"] * steps_an_epoch


def test_tf_data_is_taken_as_it_is(arrays):
    hypermodel = hyper_zoo("tricks")
    model = hypermodel.build(kt.HyperParameters())
    batches = tf.data.Dataset.from_tensor_slices((arrays["x"], arrays["y"])).batch(8)
    history = hypermodel.fit(kt.HyperParameters(), model, batches, validation_data=batches, verbose=0, epochs=1)
    assert int(model.optimizer.iterations) == 4
    assert set(history.history) >= {"loss", "top1", "val_top1"}


@pytest.mark.slow
def test_without_data_the_experiments_own_is_trained_on(picture_folder, tmp_path):
    recipe = dataclasses.replace(RECIPE, epochs=10)
    own = zoo.Experiment(
        data=str(picture_folder), arguments={"width": 0.3, "depth": 1}, recipe=recipe, image_size=(16, 16)
    )
    tuner = search(kt.RandomSearch, tmp_path, {}, tuning.HyperZoo(own, "optimizer"), max_trials=1)
    trial = tuner.oracle.get_best_trials()[0]
    assert trial.score > 0.5
    experiment = tuner.hypermodel.experiment_of(trial.hyperparameters)
    assert experiment.preprocessing.image_size == (16, 16)
    assert zoo.Experiment.from_dict(experiment.to_dict()) == experiment


def test_the_compiled_recipe_is_the_drawn_one():
    hp = kt.HyperParameters()
    hp.values = {"optimizer": "adamw", "adamw_learning_rate": 0.003, "schedule": "constant", "label_smoothing": 0.1}
    model = hyper_zoo("optimizer").build(hp)
    assert type(model.optimizer).__name__ == "AdamW"
    assert float(model.optimizer.learning_rate) == pytest.approx(0.003)
    assert model.loss.label_smoothing == 0.1
    assert model.optimizer.built


@pytest.mark.parametrize(("setting", "value"), [("ema_decay", 0.99), ("deterministic", True)])
def test_what_fit_cannot_do_is_refused(setting, value):
    recipe = dataclasses.replace(RECIPE, **{setting: value})
    with pytest.raises(InputError, match=rf"{setting} {value}.*tuning\.search"):
        hyper_zoo(experiment=dataclasses.replace(TINY, recipe=recipe))


def test_the_seed_of_the_recipe_is_that_of_the_initial_weights():
    def weights(seed):
        experiment = dataclasses.replace(TINY, recipe=dataclasses.replace(RECIPE, seed=seed))
        return np.concatenate(
            [w.ravel() for w in hyper_zoo(experiment=experiment).build(kt.HyperParameters()).get_weights()]
        )

    first = weights(1)
    assert np.array_equal(first, weights(1))
    assert not np.array_equal(first, weights(2))
