"""Bad files are found and named before training, or left out and listed; the preview shows what training sees."""

import os
import tempfile

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nntricks_keras import data
from nntricks_keras.errors import InputError


@pytest.fixture
def folder(tmp_path, rng):
    """Two classes of 6 images, 2 more each in test, and in train/cat one file of each broken kind."""
    for split, number in (("train", 6), ("test", 2)):
        for name in ("cat", "dog"):
            place = tmp_path / split / name
            place.mkdir(parents=True)
            for i in range(number):
                Image.fromarray(rng.integers(0, 256, (24, 30, 3), np.uint8)).save(place / f"{i}.jpg")
    return tmp_path


@pytest.fixture
def broken(folder):
    """The same with broken files in train/cat."""
    cat = folder / "train" / "cat"
    whole = (cat / "0.jpg").read_bytes()
    (cat / "empty.jpg").write_bytes(b"")
    (cat / "half.jpg").write_bytes(whole[: len(whole) // 2])
    (cat / "text.png").write_text("not an image")
    return folder


def test_check_names_every_bad_file_and_its_reason(broken):
    (broken / "train" / "eel").mkdir()
    Image.new("RGB", (1, 1)).save(broken / "train" / "dog" / "dot.png")
    (broken / "train" / "dog" / "notes.txt").write_text("x")
    (broken / "test" / "dog" / "again.jpg").write_bytes((broken / "train" / "dog" / "0.jpg").read_bytes())
    report = data.check_folder(broken)
    problems, remarks = (
        {os.path.relpath(path, broken): reason for path, reason in kind} for kind in (report.problems, report.remarks)
    )
    assert set(problems) == {"train/cat/empty.jpg", "train/cat/half.jpg", "train/cat/text.png", "train/eel", "test/eel"}
    assert problems["train/cat/empty.jpg"] == "the file is empty"
    assert "truncated" in problems["train/cat/half.jpg"].lower()
    assert "not a readable image" in problems["train/cat/text.png"]
    assert "no image" in problems["train/eel"]
    assert "missing from split 'test'" in problems["test/eel"]
    assert set(remarks) == {"train/dog/dot.png", "train/dog/notes.txt", "test/dog/again.jpg"}
    assert "in another split" in remarks["test/dog/again.jpg"]
    assert report.num_images == 21
    assert "empty.jpg: the file is empty" in str(report)


def test_plain_pictures_of_another_shape_are_no_copies(folder):
    for split, size in (("train", (30, 20)), ("test", (20, 30))):
        Image.new("RGB", size, "white").save(folder / split / "dog" / "white.png")
    assert not data.check_folder(folder).remarks


def test_a_file_without_rights_is_a_problem(folder, monkeypatch):
    from pathlib import Path

    read = Path.read_bytes

    def refuse(path):
        if path.name == "3.jpg":
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert {reason for _, reason in data.check_folder(folder).problems} == {"cannot be read (Permission denied)"}


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root can give its rights away and back")
def test_folders_without_rights_are_named(rng):
    """Real files and a user without rights: not pytest's own folder, which is closed to others."""
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        for name in ("ant", "bee", "cat"):
            os.mkdir(f"{place}/{name}")
            for i in range(2):
                Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(f"{place}/{name}/{i}.png")
        os.chmod(f"{place}/ant/1.png", 0)
        os.chmod(f"{place}/cat", 0)
        data.check_folder(place)  # loads what it needs, which may be closed to others too
        os.seteuid(65534)
        try:
            problems = dict(data.check_folder(place).problems)
            with pytest.raises(InputError, match=r"cat: cannot be read \(Permission denied\)"):
                data.load(place)
        finally:
            os.seteuid(0)
        assert problems == dict.fromkeys((f"{place}/ant/1.png", f"{place}/cat"), "cannot be read (Permission denied)")
        os.chmod(place, 0)
        os.seteuid(65534)
        try:
            with pytest.raises(InputError, match="cannot be read"):
                data.check_folder(place)
        finally:
            os.seteuid(0)


@pytest.mark.slow
def test_training_on_a_bad_file_names_it(broken):
    split = data.load(broken, validation_fraction=0.2).train
    batches = data.pipeline(split, data.Preprocessing(16), batch_size=4, num_classes=2, training=True,
                            augmentation=data.Augmentation.preset("flip"))  # fmt: skip
    with pytest.raises(tf.errors.OpError, match=r"(empty|half)\.jpg|text\.png"):
        list(batches)


def test_skip_bad_images_counts_and_lists(broken):
    found = data.load(broken, validation_fraction=0.2, skip_bad_images=True)
    assert sorted(os.path.basename(path) for path, _ in found.left_out) == ["empty.jpg", "half.jpg", "text.png"]
    assert found.counts == {"train": 10, "validation": 2, "test": 4}
    assert sum(len(x) for x, _ in data.pipeline(found.train, data.Preprocessing(16), batch_size=4, num_classes=2)) == 10


def test_no_folder_and_no_classes_are_named(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        data.check_folder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no class folder"):
        data.check_folder(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"horizontal_flip": True, "rotation": 20.0},
        pytest.param({"mixup": 1.0}, marks=pytest.mark.slow),
        pytest.param({"rand_augment": 1}, marks=pytest.mark.slow),
    ],
)
def test_preview_draws_originals_beside_variants(folder, settings):
    path = folder / "grid.png"
    split = data.load(folder).train
    grid = data.preview(split, data.Augmentation(**settings), path, num_images=3, num_variants=2, image_size=(24, 30))
    assert grid.shape == (3 * 24, 3 * 30, 3)
    with Image.open(path) as written:
        np.testing.assert_array_equal(np.asarray(written), grid)
    originals = [image for image, _ in split.as_numpy_iterator()]
    assert any(np.array_equal(grid[:24, :30], image) for image in originals)
    assert not np.array_equal(grid[:, :30], grid[:, 30:60])


def test_the_commands(broken, capsys):
    from zoo.commands import check_data, preview

    assert check_data.main([str(broken)]) == 1
    assert "half.jpg" in capsys.readouterr().out
    out = broken / "out.png"
    settings = [
        "--preset",
        "flip",
        "--changes",
        "rotation=10",
        "--num-images",
        "2",
        "--num-variants",
        "1",
        "--out",
        str(out),
    ]
    assert preview.main([*settings]) == 0
    with Image.open(out) as grid:
        assert grid.size == (56, 56)
    with pytest.raises(InputError, match="NAME=VALUE"):
        preview.main(["--changes", "rotation"])
