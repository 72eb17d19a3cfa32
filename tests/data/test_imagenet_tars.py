"""ImageNet from its own archives, through TFDS's builder: a small pair of tars with the real names and layout."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from nntricks_keras import data
from nntricks_keras.errors import InputError

# Of the thousand classes, three; validation images 1 to 3 are of other classes by TFDS's list.
CLASSES = ("n01440764", "n01443537", "n01484850")


def jpeg(level):
    stream = io.BytesIO()
    Image.fromarray(np.full((30, 40, 3), level, np.uint8)).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def tar(members):
    """{name: bytes} -> the bytes of a tar."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, contents in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(contents)
            archive.addfile(info, io.BytesIO(contents))
    return stream.getvalue()


@pytest.fixture
def data_dir(tmp_path):
    """A data folder with the two archives in downloads/manual: 4 training images a class, 3 for validation."""
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    classes = {
        f"{name}.tar": tar({f"{name}_{i}.JPEG": jpeg(60 * label + 10 * i) for i in range(4)})
        for label, name in enumerate(CLASSES)
    }
    (manual / "ILSVRC2012_img_train.tar").write_bytes(tar(classes))
    validation = {f"ILSVRC2012_val_{i:08d}.JPEG": jpeg(200 + 10 * i) for i in range(1, 4)}
    (manual / "ILSVRC2012_img_val.tar").write_bytes(tar(validation))
    return tmp_path


@pytest.mark.slow
def test_imagenet_is_prepared_from_its_archives(data_dir):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.datasets.imagenet2012 import imagenet_common

    found = data.load("imagenet2012", data_dir=data_dir, validation_fraction=0.25)
    assert found.counts == {"train": 9, "validation": 3, "test": 3}
    assert found.num_classes == 1000
    assert found.class_names[:3] == CLASSES
    for split in (found.train, found.validation):
        for image, label in split.as_numpy_iterator():
            assert round(float(image.mean())) // 60 == label
            assert image.shape == (30, 40, 3)
    known = tfds.core.tfds_path(imagenet_common._VALIDATION_LABELS_FNAME).read_text().split()[:3]
    in_order = sorted(
        (round(float(image.mean())), found.class_names[label]) for image, label in found.test.as_numpy_iterator()
    )
    assert [name for _, name in in_order] == known
    # The second time the records are there already.
    (data_dir / "downloads" / "manual" / "ILSVRC2012_img_train.tar").unlink()
    assert data.load("imagenet2012", data_dir=data_dir).counts["test"] == 3


@pytest.mark.slow
def test_missing_archives_are_asked_for(tmp_path):
    with pytest.raises(InputError, match=r"ILSVRC2012_img_train\.tar"):
        data.load("imagenet2012", data_dir=tmp_path)
