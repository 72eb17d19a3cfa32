"""The summary's table: parameters, multiply-adds and receptive fields."""

import pytest

import zoo
from zoo.accounting import layer_costs
from zoo.commands import summary
from zoo.names import UsageError
from zoo.variants import VARIANTS


@pytest.mark.parametrize("name", ["vgg_mini", "alexnet_mini", "alexnet", "vgg11_bn"])
def test_costs_of_the_built_model_are_those_of_the_table(name):
    costs = {row.name: row for row in layer_costs(zoo.create(name, initializer="zeros"))}
    for layer, parameters, multiply_adds in VARIANTS[name].costs():
        moving = parameters if layer.endswith("_norm") else 0
        assert costs[layer].parameters == parameters + moving
        assert costs[layer].multiply_adds == multiply_adds


def test_receptive_fields_of_vgg16_and_alexnet():
    fields = {row.name: row.receptive_field for row in layer_costs(zoo.vgg16(width=0.125, initializer="zeros"))}
    # Araujo, Norris, Sim: Computing receptive fields of convolutional neural networks (Distill, 2019): 212 at pool5.
    assert [fields[f"pool{i}"] for i in range(1, 6)] == [6, 16, 44, 100, 212]
    assert fields["conv1_1"] == 3
    assert fields["logits"] is None
    fields = {row.name: row.receptive_field for row in layer_costs(zoo.alexnet(width=0.125, initializer="zeros"))}
    assert [fields[name] for name in ("conv1", "pool1", "conv2", "pool2", "pool5")] == [11, 19, 51, 67, 195]


def test_summary_prints_the_table(capsys):
    assert summary.main(["vgg_mini", "--head", "dense", "--input-shape", "32", "32", "3", "--activation", "elu"]) == 0
    printed = capsys.readouterr().out
    assert "4 x 4 x 96" in printed
    assert "ELU" in printed
    assert "parameters that learn" in printed


def test_sizes_that_are_not_known_are_left_open():
    costs = {row.name: row for row in layer_costs(zoo.vgg_mini((None, None, 3), head="conv"))}
    assert costs["conv1_1"].multiply_adds is None


def test_summary_of_a_mistyped_model_names_the_nearest():
    with pytest.raises(UsageError, match="vgg_mini"):
        summary.main(["vgg_mni"])
