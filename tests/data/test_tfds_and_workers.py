"""TFDS sets of other shapes offline, large record files, uneven classes, and several workers."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

from nntricks_keras import data
from nntricks_keras.data import tfds_source
from nntricks_keras.data.record_store import RecordStore
from nntricks_keras.errors import InputError


class Pictures(tfds.core.GeneratorBasedBuilder):
    """Images of several sizes with an unlabelled test split, as ImageNet has."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = {
            "image": tfds.features.Image(encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(num_classes=3),
        }
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(features), supervised_keys=("image", "label")
        )

    def _split_generators(self, dl_manager):
        return {
            "train": self._examples(24, True),
            "validation": self._examples(6, True),
            "test": self._examples(5, False),
        }

    def _generate_examples(self):
        raise NotImplementedError

    def _examples(self, number, labelled):
        for i in range(number):
            image = np.full((20 + i, 30, 3), 10 * i % 250, np.uint8)
            yield i, {"image": image, "label": i % 3 if labelled else -1}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with Pictures prepared under the name that TFDS gives it."""
    folder = tmp_path_factory.mktemp("tfds")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pictures, "pkg_dir_path", epath.Path(folder))
        builder = Pictures(data_dir=folder)
        builder.download_and_prepare()
    return folder, builder.name


def check_pictures(found):
    assert found.counts == {"train": 21, "validation": 3, "test": 6}
    assert found.image_shape == (None, None, 3)
    assert found.class_names == ("0", "1", "2")
    for image, label in found.test.as_numpy_iterator():
        number = image.shape[0] - 20
        assert number % 3 == label
        assert abs(int(image.mean()) - 10 * number) <= 2


def test_a_set_with_an_unlabelled_test_split_is_tested_on_validation(prepared):
    folder, name = prepared
    check_pictures(data.load(name, data_dir=folder))


def test_records_too_large_for_memory_are_read_by_place(prepared, monkeypatch):
    folder, name = prepared
    monkeypatch.setattr(tfds_source, "_ENCODED_LIMIT", 100)
    found = data.load(name, data_dir=folder)
    check_pictures(found)
    batches = data.pipeline(
        found.train, data.Preprocessing(16), batch_size=5, num_classes=3, training=True, repeat=True, start_step=3,
        augmentation=data.Augmentation.preset("inception"),
    )  # fmt: skip
    assert [len(x) for x, _ in batches.take(4)] == [5, 1, 5, 5]


def test_a_cut_record_file_is_named(prepared, tmp_path):
    folder, name = prepared
    (source,) = (folder / name).glob("*/*train*")
    cut = tmp_path / "cut.tfrecord"
    cut.write_bytes(source.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"cut\.tfrecord ends within a record"):
        RecordStore.scan([str(cut)], "image", "label", 3)


@pytest.mark.parametrize(
    ("name", "shape"), [("cifar10", (32, 32, 3)), ("mnist", (28, 28, 1)), ("imagenette/160px-v2", (None, None, 3))]
)
def test_other_names_read_as_tfds_declares_them(name, shape):
    with tfds.testing.mock_data(num_examples=120):
        found = data.load(name)
    assert found.image_shape == shape
    assert found.num_classes == 10
    x, y = next(iter(data.pipeline(found.train, data.Preprocessing(24), batch_size=4, num_classes=10)))
    assert x.shape == (4, 24, 24, 3)
    assert y.shape == (4, 10)


def uneven(rng):
    """30 images of class 0, 6 of class 1; pixel (0, 0) tells which image."""
    x = rng.integers(0, 256, (36, 8, 8, 1), np.uint8)
    x[:, 0, 0, 0] = np.arange(36)
    y = (np.arange(36) >= 30).astype(int)
    return data.load(((x, y),) * 2).test


def test_class_weights_even_the_classes_out(rng):
    weights = data.class_weights(uneven(rng))
    assert weights == pytest.approx({0: 36 / 60, 1: 36 / 12})


def test_balanced_sampling_draws_the_classes_equally(rng):
    stream = data.pipeline(
        uneven(rng), data.Preprocessing(8, mean=0.0, std=1.0, channels="grey"), batch_size=12, num_classes=2,
        training=True, repeat=True, balanced=True,
    ).take(6)  # fmt: skip
    x, y = (np.concatenate(part) for part in zip(*stream.as_numpy_iterator(), strict=True))
    assert y.sum(0).tolist() == [36, 36]
    numbers = x[:, 0, 0, 0].astype(int)
    assert ((numbers >= 30) == (y[:, 1] == 1)).all()
    assert np.bincount(numbers[numbers >= 30] - 30).tolist() == [6] * 6
    assert len(set(numbers[numbers < 30])) > 20


def numbered(rng):
    """50 images told apart by pixel (0, 0)."""
    x = rng.integers(0, 256, (50, 8, 8, 1), np.uint8)
    x[:, 0, 0, 0] = np.arange(50)
    return data.load(((x, np.arange(50) % 2),) * 2).test


LOOKS = data.Preprocessing(8, mean=0.0, std=1.0, channels="grey")


def test_shards_share_every_batch_and_see_everything_once(rng):
    split = numbered(rng)
    settings = {"batch_size": 12, "num_classes": 2, "training": True, "repeat": True}
    whole = [x[:, 0, 0, 0] for x, _ in data.pipeline(split, LOOKS, **settings).take(5).as_numpy_iterator()]
    parts = [
        [x[:, 0, 0, 0] for x, _ in data.pipeline(split, LOOKS, shard=(w, 3), **settings).take(5).as_numpy_iterator()]
        for w in range(3)
    ]
    for step in range(5):
        np.testing.assert_array_equal(np.concatenate([part[step] for part in parts]), whole[step])
    assert sorted(np.concatenate(whole)) == list(range(50))


def test_tf_distribute_gives_every_example_to_one_replica(rng):
    """One machine: MirroredStrategy. Many workers: the same sharding by data, each worker's turn of the batches."""
    from tensorflow.python.data.experimental.ops.distribute import _AutoShardDataset

    batches = data.pipeline(numbered(rng), LOOKS, batch_size=10, num_classes=2)
    seen = [
        number for worker in range(2) for x, _ in _AutoShardDataset(batches, 2, worker).as_numpy_iterator()
        for number in x[:, 0, 0, 0]
    ]  # fmt: skip
    assert sorted(seen) == list(range(50))
    distributed = tf.distribute.MirroredStrategy(["CPU:0"]).experimental_distribute_dataset(batches)
    assert sorted(np.concatenate([x.numpy()[:, 0, 0, 0] for x, _ in distributed])) == list(range(50))


def test_principal_colors_are_the_eigenvectors_of_the_colours(rng):
    mixing = rng.normal(0, 12, (3, 3))
    x = np.clip(128 + rng.normal(size=(30, 16, 16, 3)) @ mixing, 0, 255).astype(np.uint8)
    split = data.load(((x, np.arange(30) % 2),) * 2).test
    rows = np.array(data.principal_colors(split))
    covariance = np.cov(x.reshape(-1, 3).T / 255.0, bias=True)
    lengths = np.linalg.norm(rows, axis=1)
    np.testing.assert_allclose(lengths / 255, np.sort(np.linalg.eigvalsh(covariance))[::-1], rtol=1e-6)
    directions = rows / lengths[:, None]
    np.testing.assert_allclose(directions @ directions.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(covariance @ directions.T, directions.T * (lengths / 255), atol=1e-9)
