"""Spaces: every draw is an experiment that builds; conditions are known before the first draw; changes are named."""

import dataclasses
import json

import keras_tuner as kt
import numpy as np
import pytest

import tuning
import zoo
from nntricks_keras.data import Augmentation, Preprocessing
from nntricks_keras.errors import InputError
from tuning import spaces
from tuning.strengths import strengthen
from zoo.experiment import build

GREY = Preprocessing((16, 16), mean=(120.0,), std=(60.0,), channels="grey")
TINY = zoo.Experiment(arguments={"width": 0.3}, preprocessing=GREY)
ISSUE = {  # the issue's list of tricks, and the space that has to draw each
    "tricks": [
        *("activation", "negative_slope", "activation_alpha", "initializer", "norm", "norm_position", "norm_alpha"),
        *("keep_prob", "head", "width", "depth", "learning_rate"),
    ],
    "augmentation": ["augmentation", "augmentation_strength"],
    "optimizer": ["batch_size", "learning_rate", "momentum", "weight_decay", "schedule", "label_smoothing"],
}


def draws(space, experiment, number):
    """Random draws, as keras-tuner's random search makes them."""
    oracle = kt.oracles.RandomSearchOracle(
        objective=kt.Objective("val_top1", "max"),
        max_trials=number,
        hyperparameters=spaces.hyperparameters(space, experiment),
        seed=np.random.SeedSequence().entropy % 2**32,
    )
    for index in range(number):
        hp = spaces.hyperparameters(space, experiment)
        hp.values = oracle.populate_space(str(index))["values"]
        yield hp, tuning.space(space)(hp, experiment)


@pytest.mark.parametrize("name", ISSUE)
def test_every_trick_is_a_hyperparameter(name):
    drawn = {one["config"]["name"] for one in spaces.describe(name, TINY)}
    everything = {one["config"]["name"] for one in spaces.describe("all", TINY)}
    assert set(ISSUE[name]) <= drawn
    assert set(ISSUE[name]) <= everything


@pytest.mark.parametrize("name", spaces.SPACES)
def test_one_build_enters_every_scope(name):
    first = kt.HyperParameters()
    tuning.space(name)(first, TINY)
    assert [one.get_config() for one in first.space] == [
        one.get_config() for one in spaces.hyperparameters(name, TINY).space
    ]


@pytest.mark.parametrize("recipe_name", ["modern", "finetune"])
@pytest.mark.parametrize("name", spaces.SPACES)
def test_the_defaults_are_the_experiment_itself(name, recipe_name):
    recipe = dataclasses.replace(zoo.recipe(recipe_name), nesterov=False, epochs=3, batch_size=64)
    own = zoo.Experiment(arguments={"width": 0.3, "keep_prob": 0.35, "activation": "tanh"}, recipe=recipe)
    drawn = tuning.space(name)(kt.HyperParameters(), own)
    assert drawn.recipe == recipe
    assert drawn.arguments.items() >= own.arguments.items()


@pytest.mark.parametrize(
    ("argument", "own", "hyperparameter"),
    [
        ("activation", {"name": "elu", "alpha": 0.6}, ("activation_alpha", 0.6)),
        ("activation", {"name": "leaky_relu", "negative_slope": 0.4}, ("negative_slope", 0.4)),
        ("activation", {"name": "prelu", "initial_slope": 0.1}, None),
        ("initializer", {"name": "gaussian", "stddev": 0.1}, None),
        ("norm", {"name": "batch", "alpha": 0.01, "epsilon": 1e-3}, ("norm_alpha", 0.01)),
        ("norm", {"name": "lrn", "size": 3}, None),
    ],
)
def test_a_trick_keeps_its_own_settings_and_no_other_has_them(argument, own, hyperparameter):
    experiment = dataclasses.replace(TINY, arguments={**TINY.arguments, argument: own})
    hp = kt.HyperParameters()
    drawn = tuning.space("tricks")(hp, experiment)
    assert drawn.arguments[argument] == own
    build(drawn, 10)
    if hyperparameter:
        assert hp.values[hyperparameter[0]] == hyperparameter[1]
    other = kt.HyperParameters()
    other.values[argument] = {"activation": "tanh", "initializer": "he", "norm": "none"}[argument]
    assert tuning.space("tricks")(other, experiment).arguments[argument] in ("tanh", "he", None)


def test_every_draw_is_json_and_builds(rng):
    for hp, experiment in draws("all", TINY, 8):
        print(hp.values)
        again = zoo.Experiment.from_dict(json.loads(json.dumps(experiment.to_dict())))
        assert again == experiment
        model = build(experiment, 10)
        assert model(rng.normal(size=(2, 16, 16, 1)).astype("float32")).shape == (2, 10)
        if hp.values["norm"] == "batch":
            assert model.get_layer("conv1_1_norm").alpha == hp.values["norm_alpha"]
        if hp.values["activation"] == "leaky_relu":
            assert model.get_layer("conv1_1_activation").negative_slope == hp.values["negative_slope"]
        assert (
            sum(layer.name.startswith("conv1_") for layer in model.layers if hasattr(layer, "kernel"))
            == (hp.values["depth"])
        )


def test_conditional_values_are_drawn_only_beside_what_they_belong_to():
    for hp, experiment in draws("all", TINY, 100):
        assert ("negative_slope" in hp.values) == (hp.values["activation"] == "leaky_relu")
        assert ("activation_alpha" in hp.values) == (hp.values["activation"] in ("elu", "celu"))
        assert ("norm_alpha" in hp.values) == ("norm_position" in hp.values) == (hp.values["norm"] == "batch")
        assert ("momentum" in hp.values) == ("learning_rate" in hp.values) == (hp.values["optimizer"] == "sgd")
        assert ("muon_learning_rate" in hp.values) == (hp.values["optimizer"] == "muon")
        assert ("warmup_fraction" in hp.values) == (hp.values["schedule"] == "one_cycle")
        assert experiment.recipe.optimizer == hp.values["optimizer"]


def test_a_grid_of_numbers_holds_both_its_ends_and_each_point_once():
    whole = spaces.hyperparameters("all", TINY)
    for name, expected in [
        ("keep_prob", [0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ("warmup_fraction", [0.05, 0.15, 0.25, 0.35, 0.45]),
    ]:
        (grid,) = [one for one in whole.space if one.name == name]
        drawn = {grid.prob_to_value(prob) for prob in np.linspace(0, 1 - 1e-9, 100)}
        assert sorted(drawn) == expected
        assert len({grid.value_to_prob(value) for value in expected}) == len(expected)
        assert grid.default in expected


def test_depth_of_a_published_vgg_is_another_one_of_the_zoo():
    models = {drawn.model for _, drawn in draws("tricks", zoo.Experiment(model="vgg13_bn"), 80)}
    assert models == {"vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"}
    for model in ("alexnet_mini", "vgg16c", "vgg11_lrn"):
        assert "depth" not in {one["config"]["name"] for one in spaces.describe("tricks", zoo.Experiment(model=model))}


def test_trained_weights_keep_their_network():
    names = {
        one["config"]["name"] for one in spaces.describe("tricks", zoo.Experiment("vgg16", initial_weights="imagenet"))
    }
    assert names == {"keep_prob", "learning_rate"}


def test_presets_of_large_images_are_for_large_images():
    def presets(**settings):
        described = spaces.describe("augmentation", zoo.Experiment(model="vgg16", **settings))
        return described[0]["config"]["values"]

    assert "vgg2014" in presets(image_size=(224, 224))
    assert "vgg2014" not in presets(image_size=(64, 64))
    assert "vgg2014" not in presets()


@pytest.mark.parametrize("preset", ["quick", "inception", "randaugment"])
def test_strength_scales_between_nothing_and_more(preset):
    own = Augmentation.preset(preset)
    assert strengthen(own, 1.0) == own
    weak, strong = strengthen(own, 0.5), strengthen(own, 1.25)
    assert weak != own != strong
    assert weak.brightness <= own.brightness <= strong.brightness
    if own.crop_area:
        assert strong.crop_area[0] < own.crop_area[0] < weak.crop_area[0]
        assert weak.crop_area[0] == pytest.approx(1 - (1 - own.crop_area[0]) / 2)
        assert strong.crop_area[1] == own.crop_area[1]


def own_space(hp, experiment):
    """A space as users write them: it looks at a value before it draws the next."""
    head = hp.Choice("head", ["dense", "pool"])
    arguments = {**experiment.arguments, "head": head}
    with hp.conditional_scope("head", ["pool"]):
        if head == "pool":
            arguments["keep_prob"] = hp.Float("keep_prob", 0.5, 1.0)
    return dataclasses.replace(experiment, arguments=arguments)


def test_a_space_of_ones_own_by_name_and_its_hidden_scope_is_found():
    for given in (own_space, f"{__name__}:own_space"):
        found = tuning.space(given)
        assert [one["config"]["name"] for one in spaces.describe(found, TINY)] == ["head", "keep_prob"]
    assert spaces.name_of(own_space) == f"{__name__}:own_space"
    assert spaces.name_of(tuning.space("all")) == "all"


@pytest.mark.parametrize("name", ["tirck", "no_such_module:space", f"{__name__}:no_such", f"{__name__}:GREY"])
def test_an_unknown_space_is_named(name):
    with pytest.raises(InputError, match=name):
        tuning.space(name)


def test_an_empty_space_and_one_that_returns_nothing_are_refused():
    with pytest.raises(InputError, match="empty"):
        spaces.describe(lambda hp, experiment: experiment, TINY)
    with pytest.raises(InputError, match="empty"):
        spaces.describe(lambda hp, experiment: hp.Fixed("rate", 0.1) and experiment, TINY)
    with pytest.raises(InputError, match="None"):
        spaces.describe(lambda hp, experiment: hp.Boolean("flip") or None, TINY)


def test_a_changed_space_is_named_and_the_same_one_is_not():
    saved = json.loads(json.dumps(spaces.describe("tricks", TINY)))
    spaces.check_unchanged(saved, spaces.describe("tricks", TINY))
    with pytest.raises(InputError, match=r"'depth' is gone; .*'momentum' \(under a condition\) is new"):
        spaces.check_unchanged(saved, [one for one in spaces.describe("all", TINY) if one["config"]["name"] != "depth"])
    wider = dataclasses.replace(TINY, arguments={"width": 0.5})
    with pytest.raises(InputError, match=r"width: values was \[0\.15.*now \[0\.25") as error:
        spaces.check_unchanged(saved, spaces.describe("tricks", wider))
    assert "keep_prob" not in str(error.value)


def test_what_cannot_be_drawn_together_never_is():
    recipe = dataclasses.replace(zoo.recipe("finetune"), batch_size=7, accumulate=7)
    own = dataclasses.replace(TINY, recipe=recipe)
    for hp, experiment in draws("all", own, 40):
        assert experiment.recipe.optimizer in ("sgd", "muon")  # adamw has no learning_rate_factors
        assert experiment.recipe.batch_size >= 7
        assert experiment.recipe.batch_size % 2 == 0 or experiment.recipe.augmentation.mixup == 0, hp.values
    focused = dataclasses.replace(TINY, recipe=dataclasses.replace(zoo.recipe("standard"), focus=2))
    assert {e.recipe.schedule for _, e in draws("optimizer", focused, 20)} == {"one_cycle", "constant"}
