"""python -m zoo health: a table and a verdict of a run, a file, or a name; and what cannot be meant."""

import numpy as np
import pytest
from PIL import Image

from tests.zoo.runs import make_run
from zoo.commands import run_command

FEW = ["--examples", "32", "--batch-size", "16"]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Folders of three classes with 20 colour images of 28 x 28 each."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng()
    for name in ("dalmatian", "flamingo", "tabby"):
        (folder / name).mkdir()
        for index in range(20):
            pixels = rng.integers(0, 256, size=(28, 28, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index:03d}.png")
    return folder


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    make_run(folder, norm="batch")
    return folder


def health(*arguments):
    return run_command("python -m zoo", "zoo.commands", ["health", *map(str, arguments)])


@pytest.mark.slow
def test_a_run_and_its_file_give_the_same_table(run_dir, pictures, capsys):
    assert health(run_dir, "--data", pictures, *FEW) == 0
    of_run = capsys.readouterr().out
    assert health(run_dir / "model.keras", "--data", pictures, *FEW) == 0
    assert capsys.readouterr().out == of_run
    assert "conv1_1_norm" in of_run
    assert "32 examples, loss " in of_run
    assert of_run.rstrip().endswith("no alarm")


@pytest.mark.slow
def test_a_lone_file_is_fed_images_standardized_by_themselves(run_dir, pictures, tmp_path, capsys):
    (tmp_path / "lone.keras").write_bytes((run_dir / "model.keras").read_bytes())
    assert health(tmp_path / "lone.keras", *FEW) == 2
    assert "--data" in capsys.readouterr().err
    assert health(tmp_path / "lone.keras", "--data", pictures, "--png", tmp_path / "health.png", *FEW) == 0
    assert (tmp_path / "health.png").read_bytes()[:4] == b"\x89PNG"


def test_a_sick_network_is_told_and_ends_with_1(pictures, tmp_path, capsys):
    make_run(tmp_path / "run", initializer="zeros", norm=None)
    assert health(tmp_path / "run", "--data", pictures, *FEW) == 1
    assert "alarm: all 8 units of conv1_1 are equal: constant initialization" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["vgg_mimi"], "vgg_mini"),
        (["runs/nowhere"], "no such run folder"),
        (["vgg_mini", "--examples", "0"], "examples 0"),
    ],
)
def test_what_cannot_be_meant_is_named(arguments, told, capsys):
    assert health(*arguments) == 2
    assert told in capsys.readouterr().err


def test_other_classes_than_the_models(run_dir, picture_folder, capsys):
    assert health(run_dir, "--data", picture_folder, *FEW) == 2
    assert "2 classes, the model 3 outputs" in capsys.readouterr().err


def test_it_is_listed_among_the_commands(capsys):
    assert run_command("python -m zoo", "zoo.commands", ["--help"]) == 0
    assert "  health " in capsys.readouterr().out
