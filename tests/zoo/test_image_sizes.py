"""How large an experiment makes its images, and how much of them it cuts away."""

import numpy as np

import zoo
from zoo.experiment import load_data, resolve


def test_large_pictures_are_made_as_large_as_the_model_likes(picture_folder):
    def size(**settings):
        return resolve(zoo.Experiment(data=str(picture_folder), **settings))[0].preprocessing.image_size

    assert size(model="vgg_mini") == (64, 64)  # the files of a folder may have any size
    assert size(model="vgg16") == (224, 224)
    assert size(model="vgg16", image_size=(48, 64)) == (48, 64)


def test_how_much_is_cut_away_is_a_setting(picture_folder, rng):
    def settled(**settings):
        return resolve(zoo.Experiment(data=str(picture_folder), image_size=(56, 56), **settings))[0]

    assert settled().preprocessing.resize == 64
    whole = settled(resize=56)
    assert (whole.preprocessing.resize, whole.resize, whole.image_size) == (56, None, None)
    image = rng.integers(0, 256, (56, 56, 3), dtype="uint8")  # of that size already: nothing is cut, nothing blurred
    mean, std = (np.array(numbers) for numbers in (whole.preprocessing.mean, whole.preprocessing.std))
    assert np.abs(whole.preprocessing.apply(image) - (image - mean) / std).max() < 1e-4


def test_a_smaller_image_shows_as_much_of_the_picture(picture_folder):
    """The margin that is resized to and cut away shrinks with the image."""
    start = {"model": "vgg16", "arguments": {"head": "pool"}, "initial_weights": "torchvision"}
    images = load_data(zoo.Experiment(data=str(picture_folder)))
    for size, resize in [(None, 256), ((224, 224), 256), ((112, 112), 128), ((112, 224), 128), ((448, 448), 512)]:
        found = resolve(zoo.Experiment(image_size=size, **start), images)[0].preprocessing
        assert (found.image_size, found.resize) == (size or (224, 224), resize)
    assert resolve(zoo.Experiment(image_size=(112, 112), resize=120, **start), images)[0].preprocessing.resize == 120
