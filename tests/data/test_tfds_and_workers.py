"""TFDS sets of other shapes offline, large record files, uneven classes, and several workers."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from etils import epath

import zoo
from nntricks_keras import data, training
from nntricks_keras.data import record_store, tfds_source
from nntricks_keras.data.record_store import RecordStore
from nntricks_keras.data.stores import EncodedStore
from nntricks_keras.errors import InputError

LOOKS = data.Preprocessing(8, mean=0.0, std=1.0, channels="grey")


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


@pytest.mark.slow
def test_records_too_large_for_memory_are_read_by_place(prepared, tmp_path, monkeypatch):
    folder, name = prepared
    monkeypatch.setattr(tfds_source, "_ENCODED_LIMIT", 100)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = data.load(name, data_dir=folder)
    check_pictures(found)
    batches = data.pipeline(
        found.train, data.Preprocessing(16), batch_size=5, num_classes=3, training=True, repeat=True, start_step=3,
        augmentation=data.Augmentation.preset("inception"),
    )  # fmt: skip
    assert [len(x) for x, _ in batches.take(4)] == [5, 1, 5, 5]


def test_records_are_looked_through_once_while_they_stay(prepared, tmp_path, monkeypatch):
    folder, name = prepared
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (source,) = (folder / name).glob("*/*train*")
    copy = tmp_path / "copy.tfrecord"
    copy.write_bytes(source.read_bytes())
    passes = []
    look = record_store._find_records
    monkeypatch.setattr(record_store, "_find_records", lambda *given: passes.append(given) or look(*given))
    stores = [RecordStore.scan([str(copy)], "image", "label", 3) for _ in range(2)]
    assert len(passes) == 1
    np.testing.assert_array_equal(stores[0].labels, stores[1].labels)
    np.testing.assert_array_equal(stores[0].places, stores[1].places)
    np.testing.assert_array_equal(stores[0].image(5), stores[1].image(5))
    copy.write_bytes(source.read_bytes() * 2)
    assert len(RecordStore.scan([str(copy)], "image", "label", 3)) == 2 * len(stores[0])
    assert len(passes) == 2


def test_a_cache_that_cannot_be_written_is_done_without(prepared, tmp_path, monkeypatch):
    folder, name = prepared
    (tmp_path / "file").write_text("where the folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    (source,) = (folder / name).glob("*/*train*")
    assert len(RecordStore.scan([str(source)], "image", "label", 3)) == 24


def test_a_cut_record_file_is_named(prepared, tmp_path, monkeypatch):
    folder, name = prepared
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (source,) = (folder / name).glob("*/*train*")
    cut = tmp_path / "cut.tfrecord"
    for kept in (source.read_bytes()[:-10], source.read_bytes() + b"12345"):
        cut.write_bytes(kept)
        with pytest.raises(InputError, match=r"cut\.tfrecord ends within a record"):
            RecordStore.scan([str(cut)], "image", "label", 3)


def test_a_cache_that_is_full_keeps_no_half_of_a_file(prepared, tmp_path, monkeypatch):
    folder, name = prepared
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def full(file, **arrays):
        file.write(b"half of it")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    (source,) = (folder / name).glob("*/*train*")
    assert len(RecordStore.scan([str(source)], "image", "label", 3)) == 24
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


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


def test_balanced_sampling_goes_on_in_the_middle_and_is_shared_by_workers(rng):
    split = uneven(rng)
    settings = {"batch_size": 12, "num_classes": 2, "training": True, "repeat": True, "balanced": True, "seed": 4}
    whole = [x for x, _ in data.pipeline(split, LOOKS, **settings).take(7).as_numpy_iterator()]
    rest = [x for x, _ in data.pipeline(split, LOOKS, start_step=4, **settings).take(3).as_numpy_iterator()]
    np.testing.assert_array_equal(whole[4:], rest)
    parts = [
        next(data.pipeline(split, LOOKS, shard=(w, 2), **settings).take(1).as_numpy_iterator())[0] for w in range(2)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole[0])


def test_a_recipe_may_ask_for_balanced_sampling(rng, tmp_path, monkeypatch):
    """Uneven classes, 5 to 1: the images of a training epoch are even."""
    import keras

    from nntricks_keras.training import loop

    seen = []

    def spy(dataset, preprocessing, **settings):
        batches = data.pipeline(dataset, preprocessing, **settings)
        if settings.get("training"):
            seen.append(sum(y.sum(0) for _, y in batches.take(4).as_numpy_iterator()).tolist())
        return batches

    monkeypatch.setattr(loop, "pipeline", spy)
    x, y = rng.integers(0, 256, (36, 8, 8, 1), np.uint8), (np.arange(36) >= 30).astype(int)
    images = data.load(((x, y), (x, y)), validation_fraction=0.2)
    for balanced in (False, True):
        recipe = zoo.Experiment.from_dict({"recipe": {"epochs": 1, "batch_size": 8, "balanced": balanced}}).recipe
        training.train(
            lambda: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)]),
            images, LOOKS, recipe, tmp_path / str(balanced), lean=True,
        )  # fmt: skip
    assert seen[0][0] > 2 * seen[0][1]
    assert sorted(seen[1]) == [14, 15]


@pytest.mark.slow
@pytest.mark.parametrize("augmentation", [data.Augmentation(mixup=0.4), data.Augmentation(cutmix=1.0)])
def test_workers_mix_the_same_pairs(rng, augmentation):
    split = numbered(rng)
    settings = {"batch_size": 10, "num_classes": 2, "training": True, "repeat": True, "augmentation": augmentation}
    whole = next(iter(data.pipeline(split, LOOKS, **settings)))
    parts = [next(iter(data.pipeline(split, LOOKS, shard=(w, 3), **settings))) for w in range(3)]
    for k in range(2):
        np.testing.assert_allclose(np.concatenate([part[k] for part in parts]), whole[k], atol=1e-5)


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


@pytest.mark.parametrize("number", [15, *(pytest.param(n, marks=pytest.mark.slow) for n in (13, 9, 8, 5))])
def test_shards_of_encoded_images_share_a_smaller_last_batch(number):
    """Of 8 images each of 2 workers takes 4, of 7 the second takes 5."""
    pictures = [tf.io.encode_png(np.full((8, 8, 1), n, np.uint8)).numpy() for n in range(number)]
    split = EncodedStore([f"{n}.png" for n in range(number)], [0] * number, pictures, 1).dataset()
    settings = {"batch_size": 8, "num_classes": 1}
    parts = [list(data.pipeline(split, LOOKS, shard=(w, 2), **settings).as_numpy_iterator()) for w in range(2)]
    for step, (x, _) in enumerate(data.pipeline(split, LOOKS, **settings).as_numpy_iterator()):
        np.testing.assert_array_equal(np.concatenate([part[step][0] for part in parts]), x)


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
