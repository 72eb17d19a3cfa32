"""Experiment: one description, the same as JSON, as flags and as a run; what does not fit is named before training."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

import zoo
from nntricks_keras import training
from nntricks_keras.errors import InputError
from nntricks_keras.files import write_json
from zoo.commands import run_command, train
from zoo.experiment import resolve
from zoo.recipes import RECIPES, arguments

TINY = dataclasses.replace(zoo.recipe("standard"), epochs=2, batch_size=16)


def command(*arguments):
    return run_command("python -m zoo", "zoo.commands", list(map(str, arguments)))


@pytest.fixture(scope="module")
def experiment(picture_folder):
    return zoo.Experiment(model="vgg_mini", arguments={"width": 0.3}, data=str(picture_folder), recipe=TINY)


@pytest.fixture(scope="module")
def run(experiment, tmp_path_factory):
    return zoo.train(experiment, tmp_path_factory.mktemp("runs") / "run")


def test_json_round_trip(experiment):
    assert zoo.Experiment.from_dict(json.loads(json.dumps(experiment.to_dict()))) == experiment


def test_a_whole_number_is_a_number_and_one_number_is_a_square():
    values = {"recipe": {"clip_norm": 5, "weight_decay": 0}, "preprocessing": {"image_size": 16, "mean": 127}}
    read = zoo.Experiment.from_dict(values)
    assert (read.recipe.clip_norm, read.recipe.weight_decay) == (5, 0)
    assert (read.preprocessing.image_size, read.preprocessing.mean) == ((16, 16), (127.0,) * 3)


def test_the_run_repeats_itself_from_its_json(run, tmp_path):
    saved = zoo.Experiment.load(run.folder)
    assert saved.preprocessing is not None
    again = zoo.train(saved, tmp_path / "again", lean=True)
    assert [row["loss"] for row in again.history] == [row["loss"] for row in run.history]
    assert zoo.Experiment.load(again.folder) == saved


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"model": "vgg61"}, "vgg16"),
        ({"arguments": {"activaton": "elu"}}, "activation"),
        ({"modle": "vgg16"}, "'modle'"),
        ({"recipe": {"epoch": 3}}, "'epoch'"),
        ({"recipe": {"augmentation": {"flip_horizontaly": True}}}, "flip_horizontaly"),
        ({"validation_fraction": 1.5}, "1.5"),
        ({"validation_fraction": "0.1"}, r"validation_fraction has to be a number, received '0\.1'"),
        ({"recipe": {"epochs": "12"}}, "Experiment.recipe.epochs has to be a whole number, received '12'"),
        ({"recipe": {"epochs": 12.0}}, r"epochs has to be a whole number, received 12\.0"),
        ({"recipe": {"epochs": True}}, "epochs has to be a whole number, received True"),
        ({"recipe": {"epochs": None}}, "epochs has to be a whole number, received None"),
        ({"recipe": {"clip_norm": "5"}}, "clip_norm has to be a number, received '5'"),
        ({"recipe": {"deterministic": "false"}}, "deterministic has to be true or false, received 'false'"),
        ({"recipe": {"unfreeze": {"conv*": "3"}}}, r"unfreeze\.conv\* has to be a whole number, received '3'"),
        ({"recipe": {"unfreeze": "conv*"}}, r"unfreeze has to be an object of settings, received 'conv\*'"),
        ({"recipe": {"augmentation": {"zoom": [1, "2"]}}}, r"zoom\[1\] has to be a number, received '2'"),
        ({"preprocessing": {"image_size": "16"}}, "image_size has to be a whole number, received '16'"),
        ({"data": 3}, "data has to be a text, received 3"),
        ({"arguments": ["width"]}, "arguments has to be an object of settings"),
        ({"image_size": [8, 8], "preprocessing": {"image_size": [16, 16]}}, "contradicts"),
        ({"resize": 18, "preprocessing": {"image_size": [16, 16]}}, "resize 18 contradicts the preprocessing"),
        ({"resize": 0}, "resize has to be a short side in pixels, from 1, received 0"),
    ],
)
def test_what_is_misspelt_or_out_of_range_is_named(values, hint):
    with pytest.raises(ValueError, match=hint):
        zoo.Experiment.from_dict(values)


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ({"arguments": {"activation": "rleu"}}, "relu"),
        ({"arguments": {"keep_prob": 1.5}}, r"1\.5"),
        ({"model": "vgg16", "image_size": (16, 16)}, "32 x 32"),
        ({"data": "fashion_mnits_mini"}, "fashion_mnist_mini"),
        ({"data": "no/such/folder"}, "no/such/folder"),
    ],
)
def test_what_cannot_be_trained_is_named_before_anything_is_written(experiment, tmp_path, change, hint):
    with pytest.raises(InputError, match=hint):
        zoo.train(dataclasses.replace(experiment, **change), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_empty_class_is_named(picture_folder, tmp_path):
    (tmp_path / "empty" / "nothing_here").mkdir(parents=True)
    with pytest.raises(InputError, match="empty"):
        zoo.train(zoo.Experiment(data=str(tmp_path / "empty"), recipe=TINY), tmp_path / "run")


def test_bad_images_are_left_out_and_listed_on_request(picture_folder, tmp_path, capsys):
    shutil.copytree(picture_folder, tmp_path / "pictures")
    (tmp_path / "pictures" / "train" / "above" / "bad.png").write_bytes(b"no picture")
    experiment = zoo.Experiment(data=str(tmp_path / "pictures"), skip_bad_images=True)
    assert len(resolve(experiment)[1].left_out) == 1
    assert "bad.png" in capsys.readouterr().out


def test_resume_with_a_changed_experiment_names_the_field(experiment, run):
    changed = dataclasses.replace(experiment, arguments={"width": 0.3, "activation": "elu"})
    with pytest.raises(InputError, match=r"arguments\.activation was None, now 'elu'"):
        zoo.train(changed, run.folder, resume=True)
    with pytest.raises(InputError, match="image_size"):
        zoo.train(dataclasses.replace(experiment, image_size=(24, 24)), run.folder, resume=True)
    with pytest.raises(InputError, match="resize was 73, now 64"):
        zoo.train(dataclasses.replace(experiment, resize=64), run.folder, resume=True)
    as_then = dataclasses.replace(experiment, resize=73)  # which it was by itself
    assert zoo.train(as_then, run.folder, resume=True).metrics == run.metrics
    assert zoo.train(experiment, run.folder, resume=True).metrics == run.metrics


def test_flags_are_the_experiment(picture_folder, tmp_path, capsys):
    arguments = ["train", "--data", picture_folder, "--width", 0.3, "--activation", "elu", "--norm", "None"]
    arguments += ["--epochs", 1, "--batch-size", 16, "--image-size", 16, 16, "--run-dir", tmp_path / "run"]
    assert command(*arguments) == 0
    saved = zoo.Experiment.load(tmp_path / "run")
    assert saved.arguments == {"width": 0.3, "activation": "elu", "norm": None}
    assert (saved.recipe.epochs, saved.recipe.batch_size) == (1, 16)
    assert saved.recipe.learning_rate == zoo.recipe("standard").learning_rate
    assert saved.preprocessing.image_size == (16, 16)
    printed = capsys.readouterr().out
    assert "epoch 1/1" in printed
    assert printed.count("preflight: ") == 1
    assert {"health.csv", "health.png"} <= {path.name for path in (tmp_path / "run").iterdir()}
    assert "top-1" in printed
    model = training.Run.open(tmp_path / "run").load_model()
    assert model.get_layer("conv1_1_activation").__class__.__name__ == "ELU"

    assert command(*arguments) == 2  # not empty
    assert "overwrite=True" in capsys.readouterr().err
    assert command("train", "--run-dir", tmp_path / "run", "--resume") == 0  # complete already
    assert command("train", "--run-dir", tmp_path / "run", "--resume", "--epochs", 3) == 2
    assert "epochs was 1, now 3" in capsys.readouterr().err


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_a_start_for_flags(name, tmp_path, monkeypatch, capsys):
    started = []
    monkeypatch.setattr(train, "_train", lambda options: started.append(options.settings) or 0)
    assert command("train", "--recipe", name, "--unfreeze", "fc*", 2, "conv1*", 7) == 0
    recipe = dataclasses.replace(zoo.recipe(name), unfreeze={"fc*": 2, "conv1*": 7})
    assert started == [zoo.Experiment(recipe=recipe, arguments=arguments(name))]
    started[0].save(tmp_path / "experiment.json")
    assert command("train", "--resume", "--run-dir", tmp_path) == 0
    assert started[1] == started[0]
    with pytest.raises(SystemExit, match="2"):
        command("train", "--unfreeze", "fc*", 2, "conv1*")
    assert "number is missing" in "".join(capsys.readouterr())


def test_a_flag_takes_its_value_after_an_equals_sign_as_it_is(capsys):
    assert command("train", "--model=vgg_mini", "--recipe=quick", "--resume") == 2
    assert capsys.readouterr().err == "error: --resume needs --run-dir, the folder of the run to go on with\n"
    assert command("train", "--resume", "--run_dir=no/such_run") == 2
    assert "no/such_run" in capsys.readouterr().err


@pytest.mark.slow
def test_a_json_is_a_starting_point(experiment, tmp_path, capsys):
    experiment.save(tmp_path / "best.json")
    flags = ["--epochs", 1, "--run-dir", tmp_path / "run", "--no-health"]
    assert command("train", "--experiment", tmp_path / "best.json", *flags) == 0
    assert "preflight" not in capsys.readouterr().out
    assert not (tmp_path / "run" / "health.csv").exists()
    saved = zoo.Experiment.load(tmp_path / "run")
    assert saved.recipe == dataclasses.replace(experiment.recipe, epochs=1)
    assert saved.arguments == experiment.arguments


@pytest.mark.slow
def test_fine_tuning_starts_from_trained_weights_with_the_convolutions_frozen(experiment, run, tmp_path):
    recipe = dataclasses.replace(zoo.recipe("finetune"), epochs=1, batch_size=16, precision="float32")
    tuning = dataclasses.replace(experiment, recipe=recipe)
    with pytest.raises(InputError, match="initial_weights"):
        zoo.train(tuning, tmp_path / "run")
    tuning = dataclasses.replace(tuning, initial_weights=str(run.model_path))
    before, after = run.load_model(), zoo.train(tuning, tmp_path / "run").load_model()
    np.testing.assert_array_equal(after.get_layer("conv1_1").kernel, before.get_layer("conv1_1").kernel)
    assert (after.get_layer("logits").get_weights()[0] != before.get_layer("logits").get_weights()[0]).any()


def test_the_papers_recipes_start_as_the_papers_did():
    assert zoo.recipes.arguments("vgg2014") == {"initializer": "paper"}
    assert zoo.recipes.arguments("quick") == {}


def test_evaluate_prints_what_the_run_measured(run, capsys):
    assert command("evaluate", run.folder) == 0
    printed = capsys.readouterr().out
    assert f"top-1 {run.metrics['test']['top1']:.2%}" in printed
    assert "expected calibration error" in printed
    written = {path.name for path in (run.folder / "evaluation" / "test-center").iterdir()}
    assert written == {"confusion.png", "calibration.png", "per_class.csv"}


@pytest.mark.slow
def test_evaluate_by_a_protocol_of_the_papers(run, capsys):
    assert command("evaluate", run.folder, "--protocol", "dense", "--scales", 64, 80) == 0
    assert "protocol dense" in capsys.readouterr().out
    assert command("evaluate", run.folder, "--protocol", "ten_crop") == 0
    assert "95 % interval" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_is_looked_at_with_the_images_it_was_trained_on(picture_folder, tmp_path, capsys):
    from zoo.experiment import load_data

    shutil.copytree(picture_folder / "train", tmp_path / "pictures")
    bad = tmp_path / "pictures" / "above" / "bad.png"
    bad.write_bytes(b"no picture")
    experiment = zoo.Experiment(data=str(tmp_path / "pictures"), skip_bad_images=True)
    (tmp_path / "run").mkdir()
    experiment.save(tmp_path / "run" / "experiment.json")
    write_json(
        tmp_path / "run" / "inputs.json",
        {
            "preprocessing": {"image_size": 16},
            "class_names": ["above", "below"],
            "counts": load_data(experiment).counts,
        },
    )
    capsys.readouterr()
    for look in ("evaluate", "health"):
        assert command(look, tmp_path / "run") == 2
        told = capsys.readouterr()
        assert "left out 1 images" in told.out
        assert "no model.keras yet" in told.err  # what is looked for once the images are found right
    bad.write_bytes((tmp_path / "pictures" / "above" / "000.png").read_bytes())  # mended
    for look in ("evaluate", "health"):
        assert command(look, tmp_path / "run") == 2
        assert re.search(r"changed since the run.*train 65.*now, train 64", capsys.readouterr().err)


def test_evaluate_refuses_other_classes(run, capsys):
    assert command("evaluate", run.folder, "--data", "fashion_mnist_mini") == 2
    assert "other classes" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["evaluate", "no/such/run"], ["train", "--experiment", "no/such.json"]])
def test_a_missing_file_is_named(arguments, capsys):
    assert command(*arguments) == 2
    assert "no/such" in capsys.readouterr().err


def test_a_run_predicts_the_same_in_memory_and_from_its_file(run, rng):
    images = rng.normal(size=(4, *run.preprocessing.image_size, 3)).astype("float32")
    one, two = run.load_model(), run.load_model()
    np.testing.assert_array_equal(one.predict(images, verbose=0), two.predict(images, verbose=0))


def test_compare_ranks_runs_and_draws_them(run, tmp_path, capsys):
    picture = tmp_path / "comparison.png"
    assert command("compare", run.folder, run.folder, "--picture", picture) == 0
    assert f"{run.metrics['test']['top1']:.4f}" in capsys.readouterr().out
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert command("compare", tmp_path) == 2
    assert "not a run folder" in capsys.readouterr().err


@pytest.mark.slow
def test_a_trick_with_settings_is_a_flag_and_comes_back_from_json(experiment, tmp_path, capsys):
    settings = {"name": "elu", "alpha": 0.5}
    tricky = dataclasses.replace(experiment, arguments={"activation": settings, "width": 0.3, "depth": 1})
    tricky.save(tmp_path / "tricky.json")
    flags = ["--epochs", 1, "--norm", json.dumps({"name": "batch", "alpha": 0.2}), "--run-dir", tmp_path / "run"]
    assert command("train", "--experiment", tmp_path / "tricky.json", "--no-health", *flags) == 0
    saved = zoo.Experiment.load(tmp_path / "run")
    assert saved.arguments == {**tricky.arguments, "norm": {"name": "batch", "alpha": 0.2}}
    model = training.Run(tmp_path / "run").load_model()
    assert model.get_layer("conv1_1_activation").alpha == 0.5
    assert model.get_layer("conv3_1_norm").alpha == 0.2
    assert "conv1_2" not in {layer.name for layer in model.layers}
    with pytest.raises(SystemExit):
        command("train", "--activation", "{elu", "--run-dir", tmp_path / "other")
    assert "JSON" in "".join(capsys.readouterr())
