"""Image files in, class names and probabilities out."""

import csv
import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

import zoo
from nntricks_keras.errors import InputError
from tests.zoo import peers
from tests.zoo.runs import make_run
from zoo import cards, chosen
from zoo.cards.classes import class_names
from zoo.commands import predict
from zoo.names import UsageError
from zoo.prediction import predict_files, rank
from zoo.weights import public


def test_classes_and_probabilities_of_files_and_folders(tmp_path, rng, capsys):
    model = make_run(tmp_path / "run")
    photos = tmp_path / "photos"
    (photos / "deeper").mkdir(parents=True)
    pixels = rng.integers(0, 256, (3, 28, 28, 3), dtype="uint8")
    for name, image in zip(("a.png", "deeper/b.png"), pixels, strict=False):
        Image.fromarray(image).save(photos / name)
    Image.fromarray(pixels[2]).save(tmp_path / "c.png")
    table = tmp_path / "table.csv"
    code = predict.main(
        [str(tmp_path / "run"), str(photos), str(tmp_path / "c.png"), "--csv", str(table), "--top", "2"]
    )
    assert code == 0
    rows = list(csv.DictReader(table.read_text().splitlines()))
    wanted = keras.ops.convert_to_numpy(keras.ops.softmax(model((pixels.astype("float32") - 120) / 60)))
    names = np.array(["flamingo", "tabby", "dalmatian"])
    for number, file in enumerate(("a.png", "b.png", "c.png")):
        mine = [row for row in rows if row["image"].endswith(file)]
        order = np.argsort(-wanted[number])[:2]
        assert [row["class"] for row in mine] == list(names[order])
        np.testing.assert_allclose([float(row["probability"]) for row in mine], wanted[number][order], atol=1e-5)
    assert "%  " in capsys.readouterr().out


def test_unreadable_images_are_named_and_the_others_predicted(tmp_path, rng, capsys):
    make_run(tmp_path / "run")
    Image.fromarray(rng.integers(0, 256, (40, 30, 3), dtype="uint8")).save(tmp_path / "good.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"no image")
    good, bad = str(tmp_path / "good.jpg"), str(tmp_path / "bad.jpg")
    assert predict.main([str(tmp_path / "run"), good, bad]) == 1
    assert f"left out {bad}" in capsys.readouterr().out
    with pytest.raises(InputError, match=r"none of the 1 images.*bad\.jpg"):
        predict_files(tmp_path / "run", [bad])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no image files"):
        predict_files(tmp_path / "run", [tmp_path / "empty"])


def test_a_model_is_chosen_by_its_name_with_public_weights(monkeypatch, tmp_path, rng):
    trained = zoo.vgg_mini()
    peers.randomize(trained, rng)
    path = zoo.export_weights(trained, "keras", tmp_path / "mini.weights.h5")
    weights = (cards.PublicWeights("fashion_mnist", "MIT", url="https://nowhere/mini.weights.h5"),)
    original = cards.card
    for module in (cards, chosen, public):
        monkeypatch.setattr(module, "card", lambda name: dataclasses.replace(original(name), weights=weights))
    monkeypatch.setattr(public, "fetch", lambda name, source, with_top: path)
    Image.fromarray(rng.integers(0, 256, (28, 28), dtype="uint8")).save(tmp_path / "shoe.png")
    [(_, ranked)], _ = predict_files("vgg_mini", [tmp_path / "shoe.png"], top=10)
    found = chosen.choose("vgg_mini")
    assert sorted(name for name, _ in ranked) == sorted(found.class_names)
    x = rng.normal(size=(2, 28, 28, 1)).astype("float32")
    np.testing.assert_allclose(found.model(x), trained(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vgg61", "x.png"], "vgg16"),
        (["vgg11_lrn", "x.png"], "no public weights of vgg11_lrn; of these there are: alexnet"),
        (["no/run", "x.png"], "no such run folder"),
        (["vgg16", "x.png"], "no such image"),
        (["vgg16", "x.png", "--top", "0"], "--top"),
    ],
)
def test_mistakes_are_answered_before_anything_is_loaded(arguments, message):
    with pytest.raises(UsageError, match=message):
        predict.main(arguments)


def test_class_names_of_public_weights():
    names = class_names("torchvision")
    assert len(names) == 1000
    assert (names[0], names[130], names[281], names[999]) == ("tench", "flamingo", "tabby", "toilet tissue")
    assert class_names("fashion_mnist")[9] == "Ankle boot"


def test_ranks_of_more_classes_than_there_are():
    assert rank(np.array([[0.0, 1.0]]), ["a", "b"], 5)[0][0][0] == "b"
    assert len(rank(np.array([[0.0, 1.0]]), ["a", "b"], 5)[0]) == 2
