"""Each planted illness is named, and no strained but healthy network raises an alarm; through real models and probe."""

import dataclasses
import functools
import math

import keras
import pytest

from nntricks_keras import health
from nntricks_keras.health.report import HealthReport
from nntricks_keras.health.thresholds import Thresholds
from nntricks_keras.health.training_history import judge_loss, sorted_out
from nntricks_keras.health.verdicts import judge
from tests.health import small_networks as small
from tests.health.illnesses_of_training import SICK
from tests.health.strains import STRAINED
from tests.health.zoo_networks import HEALTHY, create, images, train


@functools.cache
def found(function):
    return function()


def kinds(report):
    return {finding.kind for finding in report.alarms}


SLOW = {"batch_norm_forty_deep", "loss_that_explodes", "weights_that_explode"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in SICK])
def test_a_planted_illness_is_named(name):
    kind, plant = SICK[name]
    report, _ = found(plant)
    named = [finding for finding in report.alarms if finding.kind == kind]
    assert named, report.table()
    for finding in named:
        assert any(character.isdigit() for character in finding.text) or kind in ("cut_off", "non_finite"), finding.text
        if finding.layer is not None:
            row = next(row for row in report.layers if row.name == finding.layer)
            assert row.verdict != "ok"


def test_twenty_kinds_of_illness_are_planted():
    assert len({kind for kind, _ in SICK.values()}) >= 20


@pytest.mark.slow
@pytest.mark.parametrize("name", STRAINED)
def test_a_strained_network_that_is_well_raises_no_alarm(name):
    report, _ = found(STRAINED[name])
    assert not report.alarms, report.table()


@pytest.mark.parametrize("name", ["vgg_mini", "alexnet_mini"])
def test_no_alarm_at_the_start_of_a_zoo_network(name):
    keras.utils.set_random_seed(5)
    model = create(HEALTHY[name])
    x, y = images(model.input_shape[1])
    report = health.probe(model, x, y, max_examples=128)
    assert not report.findings, report.table()
    assert {row.verdict for row in report.layers} == {"ok"}


@pytest.mark.slow
@pytest.mark.parametrize("name", HEALTHY)
def test_no_alarm_before_and_after_a_training_that_is_well(name):
    arguments = dict(HEALTHY[name])
    rate = arguments.pop("rate", 0.02)
    keras.utils.set_random_seed(5)
    model = create(arguments)
    x, y = images(model.input_shape[1])
    before = health.probe(model, x, y, max_examples=256)
    assert not before.findings, before.table()
    history = train(model, rate)
    assert history["loss"][-1] < 0.97 * math.log(10), "it has to learn, or it is not well"
    after = health.probe(model, x, y, history=[before, history], max_examples=256)
    assert not after.findings, after.table()


@pytest.mark.slow
@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Thresholds)])
@pytest.mark.parametrize("factor", [1 / 2, 2])
def test_a_threshold_twice_as_large_or_half_as_large_would_be_noticed(field, factor):
    value = getattr(Thresholds(), field)
    changed = dataclasses.replace(Thresholds(), **{field: type(value)(value * factor)})
    missed = [
        name
        for name, (kind, plant) in SICK.items()
        if kind not in {finding.kind for finding in judge(*found(plant), changed) if finding.severity == "alarm"}
    ]
    alarmed = [
        name
        for name, make in STRAINED.items()
        if any(finding.severity == "alarm" for finding in judge(*found(make), changed))
    ]
    assert missed or alarmed


def test_a_frozen_layer_is_a_note():
    model = small.dense()
    model.get_layer("fc1").trainable = False
    report, _ = small.probed(small.compiled(model))
    assert not report.alarms
    assert [(finding.layer, finding.kind, finding.severity) for finding in report.findings] == [
        ("fc1", "frozen", "note")
    ]


def test_words_say_numbers_and_remedy():
    def words(name):
        kind, plant = SICK[name]
        return next(finding.text for finding in found(plant)[0].alarms if finding.kind == kind)

    assert words("zeros").startswith("all 32 units of fc1 are equal: constant initialization;")
    assert "38 % of fc1 is dead since epoch 2" in words("two_fifths_dead_since_epoch_2")
    assert "signal falls by 0.52 a layer from fc1 to fc8" in words("signal_down_to_one_in_two_hundred")
    assert "loss still ln(10) = 2.3 after epoch 1" in words("nothing_learnt_in_an_epoch")
    assert "sigmoid passes on a quarter at most" in words("deep_sigmoid")


@pytest.mark.parametrize(
    ("losses", "explodes"),
    [([-0.9, -0.9], False), ([1e-6, 3e-6], False), ([-0.9, 0.5], True), ([0.5, 0.9], False), ([0.5, 1.1], True)],
)
def test_a_loss_explodes_by_what_it_grew(losses, explodes):
    report = HealthReport(layers=(), loss=losses[-1], num_examples=9)
    found = judge_loss(report, [{"loss": loss} for loss in losses], Thresholds())
    assert [finding.kind for finding in found] == ["exploding_loss"] * explodes


def test_validation_every_other_epoch_leaves_the_other_columns():
    epochs, _ = sorted_out({"loss": [3.0, 2.0, 1.0], "val_loss": [2.5]})
    assert epochs == [{"loss": 3.0}, {"loss": 2.0}, {"loss": 1.0}]
