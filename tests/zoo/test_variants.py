"""The table of variants: the published counts and shapes, by arithmetic alone."""

import subprocess
import sys

import pytest

from zoo import variants
from zoo.names import UsageError

# Published counts of trainable parameters; torchvision and keras.applications agree where they have the network.
PUBLISHED = {
    "alexnet": 60_965_224,
    "alexnet_ungrouped": 62_378_344,
    "alexnet_owt": 61_100_840,
    "vgg11": 132_863_336,
    "vgg11_bn": 132_868_840,
    "vgg11_lrn": 132_863_336,
    "vgg13": 133_047_848,
    "vgg13_bn": 133_053_736,
    "vgg16c": 133_638_952,
    "vgg16c_bn": 133_647_400,
    "vgg16": 138_357_544,
    "vgg16_bn": 138_365_992,
    "vgg19": 143_667_240,
    "vgg19_bn": 143_678_248,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_parameter_counts(name):
    assert variants.VARIANTS[name].parameters == PUBLISHED[name]


def test_every_published_network_is_in_the_table():
    assert set(variants.VARIANTS) == {*PUBLISHED, "alexnet_mini", "vgg_mini"}


def test_alexnet_maps_as_in_the_paper():
    for size in (224, 227):
        maps = variants.VARIANTS["alexnet"].map_sizes(size)
        assert list(maps.values()) == [55, 27, 27, 13, 13, 13, 13, 6]


@pytest.mark.parametrize(("name", "smallest"), [("vgg16", 32), ("alexnet", 64), ("alexnet_owt", 63), ("vgg_mini", 8)])
def test_smallest_image(name, smallest):
    variant = variants.VARIANTS[name]
    assert variant.smallest_size == smallest
    assert min(variant.map_sizes(smallest).values()) == 1
    assert min(variant.map_sizes(smallest - 1).values()) < 1


def test_names_match_a_pattern_and_wrong_ones_get_the_nearest():
    assert variants.list_models("vgg*_bn") == ["vgg11_bn", "vgg13_bn", "vgg16c_bn", "vgg16_bn", "vgg19_bn"]
    with pytest.raises(UsageError, match=r"'vgg61'.*vgg16"):
        variants.find("vgg61")


def test_a_pattern_that_matches_nothing_gets_the_nearest():
    from zoo.commands import list as list_command

    with pytest.raises(UsageError, match=r"'vgg61'.*vgg16"):
        list_command.main(["vgg61"])


def test_width_keeps_multiples_of_8():
    thin = variants.VARIANTS["vgg16"].widened(0.3)
    assert [conv.filters for conv in thin.convs][:4] == [16, 16, 40, 40]
    assert thin.hidden == (1232, 1232)
    with pytest.raises(UsageError, match="width"):
        thin.widened(0)


def test_listing_and_mistyped_models_load_no_keras():
    code = (
        "import sys, zoo\n"
        "from zoo.commands import list, predict, export, summary\n"
        "list.main(['vgg*'])\n"
        "for command in (summary, predict, export):\n"
        "    try:\n"
        "        command.main(['vgg61', *(['image.png'] if command is predict else [])])\n"
        "    except ValueError as error:\n"
        "        assert 'vgg16' in str(error)\n"
        "    else:\n"
        "        raise AssertionError(command)\n"
        "assert not {'keras', 'tensorflow', 'numpy'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "132,863,336" in done.stdout


def test_a_deeper_vgg_is_the_published_one_of_that_depth():
    table = variants.VARIANTS
    assert table["vgg11"].deepened(2).parameters == PUBLISHED["vgg13"]
    assert table["vgg19"].deepened(2).stages == table["vgg13"].stages
    assert table["vgg16"].deepened(None) == table["vgg16"]
    deeper = table["vgg11_lrn"].deepened(3)
    assert [conv.name for conv in deeper.convs][:4] == ["conv1_1", "conv1_2", "conv1_3", "conv2_1"]
    assert [conv.name for conv in deeper.convs if conv.lrn] == ["conv1_1"]


@pytest.mark.parametrize(
    ("name", "depth", "hint"), [("alexnet", 2, "alexnet"), ("vgg16", 0, "0"), ("vgg16", 2.5, "2.5")]
)
def test_a_depth_that_makes_no_sense_is_named(name, depth, hint):
    with pytest.raises(UsageError, match=hint):
        variants.VARIANTS[name].deepened(depth)
