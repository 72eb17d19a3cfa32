"""Sources: the bundled set, class folders, arrays, and how their splits come about."""

import numpy as np
import pytest
from PIL import Image

from nntricks_keras import data
from nntricks_keras.data.array_source import read_arrays
from nntricks_keras.errors import InputError


@pytest.fixture
def folder(tmp_path, rng):
    """Class folders with 10 "cat" and 6 "dog" images under train, 3 of each under test."""
    for split, counts in {"train": {"cat": 10, "dog": 6}, "test": {"cat": 3, "dog": 3}}.items():
        for name, number in counts.items():
            place = tmp_path / split / name
            place.mkdir(parents=True)
            for i in range(number):
                pixels = rng.integers(0, 256, (20 + i, 30, 3), np.uint8)
                Image.fromarray(pixels).save(place / f"{i}.png")
    return tmp_path


def labels(split):
    return np.concatenate(list(split.map(lambda _, label: label).batch(1000).as_numpy_iterator()))


def test_the_bundled_set_is_balanced_and_complete():
    found = data.load("fashion_mnist_mini")
    assert found.counts == {"train": 9000, "validation": 1000, "test": 2000}
    assert found.image_shape == (28, 28, 1)
    assert found.num_classes == 10
    assert found.class_names[0] == "T-shirt/top"
    for name, share in (("train", 900), ("validation", 100), ("test", 200)):
        assert np.bincount(labels(getattr(found, name))).tolist() == [share] * 10


def test_a_folder_with_test_has_its_validation_carved_from_train_by_class(folder):
    found = data.load(folder, validation_fraction=0.3)
    assert found.counts == {"train": 11, "validation": 5, "test": 6}
    assert found.class_names == ("cat", "dog")
    assert np.bincount(labels(found.validation)).tolist() == [3, 2]
    assert found.image_shape == (None, None, 3)


@pytest.mark.slow
def test_the_split_is_repeatable_and_depends_on_the_seed(folder):
    def shapes(seed):
        return [
            image.shape
            for image, _ in data.load(folder, seed=seed, validation_fraction=0.3).validation.as_numpy_iterator()
        ]

    assert shapes(0) == shapes(0)
    assert len({tuple(shapes(seed)) for seed in range(6)}) > 1


def test_without_splits_validation_and_test_are_both_set_aside(folder):
    found = data.load(str(folder / "train"), validation_fraction=0.2)
    assert found.counts == {"train": 10, "validation": 3, "test": 3}


def test_a_validation_folder_alone_is_the_test(folder):
    (folder / "test").rename(folder / "val")
    assert data.load(folder).counts == {"train": 14, "validation": 2, "test": 6}


def test_an_unlabelled_test_folder_is_no_split(folder):
    for name in ("cat", "dog"):
        for file in (folder / "test" / name).iterdir():
            file.rename(folder / "test" / f"{name}{file.name}")
        (folder / "test" / name).rmdir()
    assert data.load(folder, validation_fraction=0.3).counts["test"] == 3


def test_bad_folders_are_named(folder, tmp_path):
    with pytest.raises(InputError, match=r"no such folder: .*nowhere"):
        data.load("./nowhere")
    (folder / "train" / "eel").mkdir()
    with pytest.raises(InputError, match=r"no image in class folder .*eel"):
        data.load(folder)
    Image.new("RGB", (4, 4)).save(folder / "train" / "eel" / "0.png")
    with pytest.raises(InputError, match=r"differ between .*eel"):
        data.load(folder)


def test_an_unknown_name_lists_the_nearest():
    with pytest.raises(InputError, match="fashion_mnist"):
        data.load("fashion_minst")


@pytest.mark.parametrize("number", [2, 3, 6])
@pytest.mark.parametrize("kind", [list, tuple])
def test_images_in_a_list_are_no_splits(rng, number, kind):
    x, y = rng.integers(0, 256, (number, 8, 8, 3), np.uint8), np.arange(number) % 2
    splits, names = read_arrays((kind(x), kind(y)))
    np.testing.assert_array_equal(splits["train"].images, x)
    assert (list(splits), names) == (["train"], ["0", "1"])
    splits, _ = read_arrays(((kind(x), kind(y)), (kind(x[:2]), kind(y[:2]))))
    assert {name: len(store) for name, store in splits.items()} == {"train": number, "test": 2}


def test_bad_arrays_are_named(rng):
    x, y = rng.integers(0, 256, (12, 8, 8), np.uint8), np.arange(12) % 3
    assert data.load((x, y)).image_shape == (8, 8, 1)
    broken = x.astype(np.float32)
    broken[3, 1, 1] = np.nan
    for source, message in [
        ((broken, y), "NaN or infinite pixels in 1 images, first: image 3"),
        ((x / 255.0, y), "grey levels from 0 to 255"),
        ((x[..., None, None], y), "received shape"),
        ((x, y[:-1]), "one label for each of 12 images"),
        ((x, y - 1), "received int64 from -1"),
        ((x, y.astype(str)), "labels have to be integers from 0 on, received <U21"),
        ((x, y / 2), "labels have to be integers from 0 on, received float64"),
        (([*x, x[0, 1:]], [*y, 0]), "train: the images differ in size"),
        (((x, y), ([*x, x[0, 1:]], [*y, 0])), "test: the images differ in size"),
        ((x, np.where(y == 1, 0, y)), "no image of class number 1"),
        (7, "received int"),
    ]:
        with pytest.raises(InputError, match=message):
            data.load(source)
