"""Model cards: complete, and only what was published or measured."""

import dataclasses

import keras
import pytest

import zoo
from nntricks_keras import data
from nntricks_keras.files import write_json
from nntricks_keras.serialization import to_dict
from zoo.cards import SOURCES, card
from zoo.commands.evaluate import published_lines
from zoo.names import UsageError
from zoo.variants import VARIANTS


@pytest.mark.parametrize("name", VARIANTS)
def test_every_model_has_a_card(name):
    found = zoo.card(name)
    assert found.parameters == VARIANTS[name].parameters
    assert found.paper
    for weights in found.weights:
        assert weights.licence
        assert weights.source in SOURCES
        assert weights.hashes or weights.repository or weights.shipped
        assert set(weights.hashes) <= {"md5", "sha1", "sha256", "sha256_prefix"}
    for result in found.measured:
        assert result.run
    assert name in str(found)


def test_public_weights_are_those_that_exist():
    sources = {name: {weights.source for weights in card(name).weights} - {"fashion_mnist"} for name in VARIANTS}
    both = ["timm", "torchvision"]
    assert {name: sorted(found) for name, found in sources.items() if found} == {
        "alexnet": ["caffe"],
        "alexnet_owt": ["torchvision"],
        "vgg11": both,
        "vgg11_bn": both,
        "vgg13": both,
        "vgg13_bn": both,
        "vgg16": ["keras", *both],
        "vgg16_bn": both,
        "vgg19": ["keras", *both],
        "vgg19_bn": both,
    }
    assert card("vgg16").weights_from("imagenet").hashes == {"md5": "64373286793e3c8b2b4e3219cbf3544b"}
    assert card("alexnet_owt").weights_from("torchvision").hashes == {"sha256_prefix": "7be5be79"}


def test_published_errors_come_with_their_protocol():
    best = card("vgg19").published[1]
    assert (best.top1_error, best.top5_error) == (25.5, 8.0)
    assert "dense" in best.protocol
    assert "table 3" in best.source
    assert "ten crops" in card("alexnet").published[0].protocol


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({}, [27.0]),
        ({"scales": (384,)}, [25.6]),
        ({"scales": (512, 256, 384)}, [24.8]),
        ({"scales": (300, 400)}, []),
        ({"protocol": "multi_crop"}, []),
        ({"protocol": "center"}, []),
        ({"arguments": {"initializer": "paper"}}, [27.0]),
        ({"arguments": {"width": 0.5, "activation": "elu"}}, []),
        ({"image_size": 192}, []),
        ({"split": "train"}, []),
        ({"source": "imagenet2012_real"}, []),
        ({"resize": None}, []),
        ({"model": "vgg16_bn"}, []),
        ({"model": "alexnet"}, []),
        ({"model": "alexnet", "protocol": "ten_crop"}, [40.7]),
        ({"model": "alexnet", "protocol": "ten_crop", "resize": 300}, []),
    ],
)
def test_a_published_error_stands_beside_the_same_network_and_protocol_only(change, errors):
    of_vgg16 = {"model": "vgg16", "arguments": {}, "image_size": 224, "resize": 256}
    settings = {**of_vgg16, "source": "imagenet2012", "split": "test", "protocol": "dense", "scales": None, **change}
    trained = zoo.Experiment(model=settings["model"], arguments=settings["arguments"])
    preprocessing = data.Preprocessing(settings["image_size"], resize=settings["resize"])
    seen = [settings[name] for name in ("source", "split", "protocol", "scales")]
    lines = list(published_lines(trained, preprocessing, *seen))
    assert len(lines) == len(errors)
    for line, error in zip(lines, errors, strict=True):
        assert f"top-1 {100 - error:.2f}% " in line


def test_preprocessing_of_each_source(tmp_path):
    keras_like = zoo.preprocessing("vgg16", "keras")
    assert keras_like.channels == "bgr"
    assert keras_like.mean == (103.939, 116.779, 123.68)
    assert zoo.preprocessing("vgg16", "imagenet") == keras_like
    torch_like = zoo.preprocessing("vgg16", "torchvision")
    assert torch_like.channels == "rgb"
    assert torch_like.std[0] == pytest.approx(58.395)
    assert zoo.preprocessing("alexnet", "caffe").image_size == (227, 227)
    assert zoo.preprocessing("vgg16", tmp_path / "mine.pth") == torch_like
    assert zoo.preprocessing("vgg16c", tmp_path / "mine.pth") is None
    with pytest.raises(UsageError, match="its sources: keras"):
        zoo.preprocessing("vgg16", "caffe")


def test_a_saved_model_expects_what_its_run_says_and_never_what_the_public_file_does(tmp_path):
    lone, of_run = tmp_path / "vgg16.keras", tmp_path / "run" / "model.keras"
    of_run.parent.mkdir()
    expected = data.Preprocessing((32, 32), resize=36, mean=100.0, std=50.0, channels="grey")
    write_json(of_run.with_name("inputs.json"), {"preprocessing": to_dict(expected)})
    assert zoo.preprocessing("vgg16", lone) is None
    assert zoo.preprocessing("vgg16", str(of_run)) == expected


def test_preprocessing_gives_what_keras_applications_gives(rng):
    image = rng.integers(0, 256, (224, 224, 3), dtype="uint8")
    without_resize = dataclasses.replace(zoo.preprocessing("vgg16", "keras"), resize=None)
    ours = without_resize.apply(image)
    theirs = keras.applications.vgg16.preprocess_input(image.astype("float32").copy())
    assert abs(ours - theirs).max() < 1e-4
