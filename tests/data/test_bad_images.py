"""A damaged image ends a run with its name, wherever it is met; files that are none hang nothing."""

import os
import subprocess
import sys
import zlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nntricks_keras import data, evaluation, training
from nntricks_keras.errors import InputError

LOOKS = data.Preprocessing(16, mean=120.0, std=60.0)


def damage(path):
    """Turns a few bytes in the middle of a file around: both of its ends stay as they were."""
    contents = bytearray(path.read_bytes())
    middle = len(contents) // 2
    contents[middle : middle + 8] = bytes(255 - b for b in contents[middle : middle + 8])
    path.write_bytes(bytes(contents))


def write_pictures(rng, folder, suffix):
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (folder / split / name).mkdir(parents=True)
            for i in range(6):
                picture = rng.integers(0, 256, (20, 24, 3), np.uint8)
                Image.fromarray(picture).save(folder / split / name / f"{i}{suffix}")


def model():
    return keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])


@pytest.mark.slow
def test_a_png_damaged_in_the_middle_is_named(rng, tmp_path):
    write_pictures(rng, tmp_path, ".png")
    images = data.load(tmp_path, validation_fraction=0.2)
    damage(tmp_path / "test" / "dog" / "3.png")
    with pytest.raises(InputError, match=r"test/dog/3\.png: not a readable image"):
        evaluation.evaluate(model(), images.test, LOOKS)
    for i in range(6):
        damage(tmp_path / "train" / "dog" / f"{i}.png")
    with pytest.raises(InputError, match=r"train/dog/\d\.png: not a readable image"):
        data.channel_statistics(images.train)
    with pytest.raises(InputError, match=r"train/dog/\d\.png: not a readable image"):
        training.train(model, images, LOOKS, training.Recipe(epochs=1, batch_size=4), tmp_path / "run")


def test_a_jpeg_that_tensorflow_refuses_is_named(rng, tmp_path):
    write_pictures(rng, tmp_path, ".jpg")
    images = data.load(tmp_path, validation_fraction=0.2)
    path = tmp_path / "test" / "cat" / "2.jpg"
    contents = path.read_bytes()
    # No quantization tables: both ends are there, and the size.
    path.write_bytes(contents.replace(b"\xff\xdb", b"\xff\xef"))
    with pytest.raises(InputError, match=r"test/cat/2\.jpg: "):
        evaluation.evaluate(model(), images.test, LOOKS)


def test_another_error_passes(rng, tmp_path):
    write_pictures(rng, tmp_path, ".png")
    images = data.load(tmp_path, validation_fraction=0.2)
    with pytest.raises(tf.errors.InvalidArgumentError, match="another"), data.naming_bad_images(images.train):
        raise tf.errors.InvalidArgumentError(None, None, "another")
    for i in range(6):
        damage(tmp_path / "train" / "dog" / f"{i}.png")
    # A worker is gone, an operation cannot be computed: nothing is read again for that.
    for kind in (tf.errors.UnavailableError, tf.errors.InternalError, tf.errors.UnimplementedError):
        with pytest.raises(kind, match="other"), data.naming_bad_images(images.train):
            raise kind(None, None, "other")
    for kind in (tf.errors.InvalidArgumentError, tf.errors.NotFoundError, tf.errors.UnknownError):
        with pytest.raises(InputError, match="not a readable image"), data.naming_bad_images(images.train):
            raise kind(None, None, "of an image")


def bomb(path):
    """A PNG of a few bytes that claims 60,000 x 60,000 pixels."""
    Image.new("RGB", (8, 8)).save(path)
    contents = bytearray(path.read_bytes())
    contents[16:24] = (60_000).to_bytes(4, "big") * 2
    contents[29:33] = zlib.crc32(contents[12:29]).to_bytes(4, "big")
    path.write_bytes(bytes(contents))


@pytest.mark.slow
def test_the_command_finds_every_kind_of_bad_input(rng, tmp_path):
    write_pictures(rng, tmp_path, ".png")
    cat, dog = tmp_path / "train" / "cat", tmp_path / "train" / "dog"
    bomb(cat / "bomb.png")
    damage(cat / "0.png")
    (cat / "empty.png").write_bytes(b"")
    (cat / "text.jpg").write_text("no image")
    (cat / "nowhere.png").symlink_to(tmp_path / "nothing")
    os.mkfifo(cat / "pipe.png")
    Image.new("RGB", (1, 1)).save(dog / "dot.png")
    (tmp_path / "test" / "dog" / "again.png").write_bytes((dog / "1.png").read_bytes())
    (tmp_path / "train" / "eel").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "train" / "eel" / "0.png")
    (tmp_path / "test" / "fox").mkdir()
    command = [sys.executable, "-m", "zoo", "check-data", str(tmp_path)]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert found.returncode == 1, found.stderr
    lines = {
        os.path.relpath(line.split(": ")[0].split(None, 1)[1], tmp_path): line for line in found.stdout.splitlines()[1:]
    }
    for place, reason in {
        "train/cat/bomb.png": "3600000000 pixels",
        "train/cat/0.png": "not a readable image",
        "train/cat/empty.png": "the file is empty",
        "train/cat/text.jpg": "not a readable image (of no known format)",
        "train/cat/nowhere.png": "is no file",
        "train/cat/pipe.png": "is no file",
        "train/dog/dot.png": "1 x 1 pixels",
        "test/dog/again.png": "the same picture in another split",
        "test/eel": "class 'eel' is missing from split 'test'",
        "train/fox": "class 'fox' is missing from split 'train'",
        "test/fox": "no image in this class folder",
    }.items():
        assert reason in lines.pop(place)
    assert not [line for line in lines.values() if line.startswith("problem")]
