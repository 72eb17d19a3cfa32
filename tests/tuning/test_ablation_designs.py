"""What an ablation trains: designs, seeds that share weights and images, the table of tricks, and what is refused."""

import dataclasses
import itertools
import re
from pathlib import Path

import keras
import numpy as np
import pytest

import tuning
import zoo
from nntricks_keras import data
from nntricks_keras.errors import InputError
from tests.tuning.made_up_runs import GREY, make_settings
from tuning.ablation import designs, published
from tuning.ablation.settings import open_folder
from tuning.ablation.tricks import assemble, choose, shown, table
from zoo.commands import run_command
from zoo.experiment import build


def test_designs_train_what_they_compare():
    names = ["a", "b", "c", "d", "e"]
    two = designs.recipes(["leave_one_out", "add_one_in"], names)
    assert len(two) == 12
    assert {designs.name_of(recipe, names) for recipe in two} == {
        *("bare", "full"),
        *(f"only-{name}" for name in names),
        *(f"without-{name}" for name in names),
    }
    assert len(designs.recipes(["factorial"], names[:4])) == 16
    assert designs.check_designs(None, 4) == designs.DESIGNS
    assert designs.check_designs(None, 5) == ("leave_one_out", "add_one_in")
    for design, found in itertools.product(designs.DESIGNS, [names]):
        for name, pairs in designs.pairs(design, found).items():
            assert all(pair.with_it - pair.without == {name} and pair.without < pair.with_it for pair in pairs)
    assert len({designs.name_of(recipe, names) for recipe in designs.recipes(["factorial"], names)}) == 32


@pytest.mark.slow
def test_the_recipes_of_a_seed_start_from_the_same_weights_and_order():
    settings = make_settings(designs=["factorial"], num_seeds=2)
    first, deviations = {}, set()
    for recipe in settings.recipes:
        experiment = settings.experiment_of(recipe, 1)
        assert experiment.recipe.seed == 1  # of the order and the augmentation, too
        keras.utils.set_random_seed(experiment.recipe.seed)  # as training.train does before it builds
        model = build(experiment, 10)
        for layer in model.layers:
            if hasattr(layer, "kernel"):
                kernel = np.asarray(layer.kernel, "float64")
                deviations.add((layer.name, float(f"{kernel.std():.3g}")))
                unit = kernel / kernel.std()
                np.testing.assert_allclose(unit, first.setdefault(layer.name, unit), rtol=1e-4, atol=1e-6)
        dropouts = [layer for layer in model.layers if layer.name.endswith("dropout")]
        assert len(dropouts) == ("keep_prob" in recipe)
        for layer in dropouts:
            state = np.asarray(layer.seed_generator.state)
            np.testing.assert_array_equal(state, first.setdefault(layer.name, state))
    assert len(first) == 8
    assert len(deviations) > 2 * 7  # gaussian, and auto for either activation


@pytest.mark.slow
def test_the_recipes_of_a_seed_see_the_same_images_in_the_same_order(rng):
    images = rng.integers(0, 255, size=(40, 28, 28, 1)).astype("uint8")
    labels = np.arange(40) % 10
    dataset = data.load((images, labels)).train
    settings = make_settings(["augmentation"], num_seeds=2)
    orders = {}
    for recipe, seed in settings.runs()[:3]:
        of_run = settings.experiment_of(recipe, seed).recipe
        changes = {"augmentation": of_run.augmentation, "seed": of_run.seed}
        batches = data.pipeline(dataset, GREY, training=True, batch_size=8, num_classes=10, **changes)
        seen = [(x.numpy(), np.argmax(y, -1).tolist()) for x, y in batches]
        brightness = [np.sort(x.sum(axis=(1, 2, 3))).round(1).tolist() for x, _ in seen]  # a flip leaves it as it is
        order = [y for _, y in seen], brightness
        assert orders.setdefault(seed, order)[0] == order[0]
        np.testing.assert_allclose(np.concatenate(orders[seed][1]), np.concatenate(order[1]), atol=0.2)
    assert orders[0][0] != orders[1][0]


def test_every_trick_of_the_table_changes_an_experiment_that_builds():
    experiment = zoo.Experiment(preprocessing=GREY, arguments={"width": 0.3})
    names = list(table(experiment))
    settings = dataclasses.replace(make_settings(names, ["add_one_in"]), experiment=experiment)
    bare = settings.experiment_of(frozenset(), 0)
    for recipe in settings.recipes:
        changed = settings.experiment_of(recipe, 0)
        assert (changed == bare) == (not recipe)
        assert zoo.Experiment.from_dict(changed.to_dict()) == changed
        build(changed, 10)


def test_the_readme_lists_the_tricks_of_the_table():
    readme = (Path(tuning.__file__).parent / "ablation" / "README.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| `?(.*?)`?[ ,|:].*\| `?(.*?)`?(?:[:, ].*)?\|$", readme, re.MULTILINE)
    rows = {name: (bare, full) for name, bare, full in listed if name in table(zoo.Experiment())}
    assert list(rows) == list(table(zoo.Experiment()))
    for name, trick in table(zoo.Experiment()).items():
        assert shown(trick.bare).split()[0].removesuffix(".0") == rows[name][0].removesuffix(".0"), name
        if isinstance(trick.full, str):
            assert trick.full == rows[name][1], name


def test_published_figures_stand_beside_the_same_change_only():
    settings = make_settings()
    found = {trick.name: published.find(trick) for trick in settings.tricks}
    assert found["activation"].effect == pytest.approx(0.070)
    assert found["norm"].effect == pytest.approx(0.003)
    assert found["keep_prob"].effect == pytest.approx(0.014)
    assert found["initializer"] is found["augmentation"] is None
    elu = choose(settings.experiment, ["activation"], bare={"activation": "relu"}, full={"activation": "elu"})
    assert published.find(elu[0]).effect == pytest.approx(0.017)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"tricks": ["activaton"]}, "activation"),
        ({"tricks": []}, "none"),
        ({"tricks": ["norm", "norm"]}, "once"),
        ({"tricks": ["norm"], "full": {"norm": None}}, "norm is none with and without"),
        ({"tricks": ["norm"], "bare": {"head": "pool"}}, "head, which is not among"),
        ({"tricks": ["norm"], "bare": {"hed": "pool"}}, "head"),
        ({"tricks": ["norm"], "full": {"norm": "bach"}}, "batch"),
        ({"tricks": ["augmentation"], "full": {"augmentation": "flop"}}, "flip"),
        ({"designs": ["leave_two_out"]}, "leave_one_out"),
        ({"num_seeds": 0}, "num_seeds"),
        ({"target": 85}, "target"),
    ],
)
def test_what_is_wrong_is_named_before_anything_is_trained(arguments, hint, picture_folder, tmp_path):
    experiment = zoo.Experiment(data=str(picture_folder), image_size=(16, 16), arguments={"width": 0.3})
    with pytest.raises(InputError, match=hint):
        tuning.ablate(experiment, tmp_path / "ablation", **arguments)
    assert not (tmp_path / "ablation").exists()


def test_another_ablation_in_the_folder_is_named(tmp_path):
    settings = make_settings(["norm", "head"])
    settings.save(tmp_path)
    more = dataclasses.replace(settings, num_seeds=9, designs=("factorial",), target=0.9)
    assert open_folder(tmp_path, more) == more
    left_open = dataclasses.replace(settings.experiment, preprocessing=None)
    assert open_folder(tmp_path, dataclasses.replace(settings, experiment=left_open)) == settings
    recipe = dataclasses.replace(settings.experiment.recipe, epochs=3)
    changed = dataclasses.replace(settings, experiment=dataclasses.replace(settings.experiment, recipe=recipe))
    with pytest.raises(InputError, match=r"recipe\.epochs was 8, now 3"):
        open_folder(tmp_path, changed)
    with pytest.raises(InputError, match=r"the trick head is gone; the trick keep_prob is new"):
        open_folder(tmp_path, make_settings(["norm", "keep_prob"]))
    sigmoid = choose(settings.experiment, ["norm", "head"], full={"norm": "lrn"})
    with pytest.raises(InputError, match=r"norm: full was 'batch', now 'lrn'"):
        open_folder(tmp_path, dataclasses.replace(settings, tricks=sigmoid))
    (tmp_path / "ablation.json").unlink()
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(InputError, match="not an ablation"):
        open_folder(tmp_path, settings)


def test_a_kill_in_the_first_moment_leaves_a_folder_that_the_same_ablation_takes(tmp_path):
    settings = make_settings(["norm"])
    for name in ("lock", ".ablation.json.partial"):
        (tmp_path / name).touch()
    assert open_folder(tmp_path, settings) == settings
    (tmp_path / "model.keras").touch()
    with pytest.raises(InputError, match="not empty"):
        open_folder(tmp_path, settings)


def test_the_command_names_what_is_wrong(tmp_path, capsys):
    arguments = ["ablate", "--tricks", "nrom", "--ablation-dir", str(tmp_path / "ablation")]
    assert run_command("python -m tuning", "tuning.commands", arguments) == 2
    assert "norm" in capsys.readouterr().err
    assert run_command("python -m tuning", "tuning.commands", [*arguments[:2], "norm", "--bare", "norm"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err


def test_a_value_of_another_kind_is_named():
    experiment = make_settings().experiment
    for name, value, words in [
        ("momentum", "high", r"momentum.*a number.*'high'"),
        ("label_smoothing", "some", r"label_smoothing.*a number.*'some'"),
        ("augmentation", {"mixup": "much"}, r"augmentation\.mixup.*a number.*'much'"),
    ]:
        with pytest.raises(InputError, match=words):
            assemble(experiment, choose(experiment, [name], bare={name: value}), frozenset())
