"""The weights that the package carries: they load by name, and tell images apart as their card says."""

from PIL import Image

import zoo
from nntricks_keras import data, evaluation
from zoo.cards.classes import class_names
from zoo.commands import predict


def test_vgg_mini_comes_trained_on_fashion_mnist():
    images = data.load("fashion_mnist_mini")  # its test images are of the 10,000 that no training saw
    model = zoo.vgg_mini(weights="fashion_mnist")
    preprocessing = zoo.preprocessing("vgg_mini", "fashion_mnist")
    found = evaluation.evaluate(model, images.test, preprocessing)
    low, high = found["top1_interval"]
    assert found["top1"] > 0.93
    assert low < zoo.card("vgg_mini").weights_from("fashion_mnist").top1 / 100 < high


def test_it_predicts_by_its_name_with_the_names_of_the_classes(tmp_path, capsys):
    test = data.load("fashion_mnist_mini").test.take(40)
    names = class_names("fashion_mnist")
    for number, (pixels, _) in enumerate(test.as_numpy_iterator()):
        Image.fromarray(pixels[..., 0]).save(tmp_path / f"{number:02}.png")
    assert predict.main(["vgg_mini", str(tmp_path), "--top", "1"]) == 0
    printed = [line.split("%  ")[1] for line in capsys.readouterr().out.splitlines() if "%" in line]
    right = [name == names[label] for name, (_, label) in zip(printed, test.as_numpy_iterator(), strict=True)]
    assert sum(right) >= 35
