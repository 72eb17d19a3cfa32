"""The pipeline: order, restart, labels, and what is the same whatever the batch size."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from nntricks_keras import data
from nntricks_keras.data.stores import EncodedStore
from nntricks_keras.errors import InputError

PREPROCESSING = data.Preprocessing(28, mean=10.0, std=20.0, channels="grey")
QUICK = data.Augmentation.preset("quick")


@pytest.fixture
def arrays(rng):
    """42 distinct images of 3 classes; pixel (0, 0) of image i is i."""
    x = rng.integers(0, 256, (42, 28, 28, 1), np.uint8)
    x[:, 0, 0, 0] = np.arange(42)
    return x, np.arange(42) % 3


@pytest.fixture
def split(arrays):
    """The 42 images as a split of `data.load`."""
    return data.load((arrays, arrays)).test


def batches(dataset, number=None):
    """The batches of a dataset, or its first ones, as NumPy arrays."""
    return list((dataset if number is None else dataset.take(number)).as_numpy_iterator())


def images(dataset, number=None):
    return np.concatenate([x for x, _ in batches(dataset, number)])


def numbers(x):
    """Which images a batch of unaugmented ones holds."""
    return np.rint(x[:, 0, 0, 0] * 20 + 10).astype(int)


@pytest.mark.parametrize("augmentation", [None, QUICK, data.Augmentation(rand_augment=2)])
def test_nothing_waits_for_the_thread_that_autotunes(split, augmentation):
    of_training = data.pipeline(
        split, PREPROCESSING, batch_size=8, num_classes=3, training=True, augmentation=augmentation, repeat=True
    )
    of_validation = data.pipeline(split, PREPROCESSING, batch_size=8, num_classes=3)
    assert of_training.options().autotune.enabled is False
    assert of_validation.options().autotune.enabled is False


def test_evaluation_is_in_order_standardized_and_one_hot(split):
    raw, labels = map(np.stack, zip(*split.as_numpy_iterator(), strict=True))
    x, y = map(
        np.concatenate, zip(*batches(data.pipeline(split, PREPROCESSING, batch_size=7, num_classes=3)), strict=True)
    )
    np.testing.assert_allclose(x, (raw.astype(np.float32) - 10) / 20, rtol=1e-6)
    np.testing.assert_array_equal(y, np.eye(3, dtype=np.float32)[labels])
    assert x.dtype == y.dtype == np.float32


def test_each_iteration_of_a_training_pipeline_is_another_shuffle_of_everything(split):
    everything = sorted(int(x[0, 0, 0]) for x, _ in split.as_numpy_iterator())
    shuffled = data.pipeline(split, PREPROCESSING, batch_size=8, num_classes=3, training=True)
    first, second = numbers(images(shuffled)), numbers(images(shuffled))
    assert sorted(first) == sorted(second) == everything
    assert first.tolist() != second.tolist()
    assert first.tolist() != everything
    assert len(shuffled) == len(batches(shuffled)) == 6


@pytest.mark.parametrize(("backend", "hidden"), [("tensorflow", []), ("jax", [([], "GPU")]), ("torch", [([], "GPU")])])
def test_tensorflow_leaves_the_gpus_to_another_backend(monkeypatch, backend, hidden):
    asked = []
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda *arguments: asked.append(arguments))
    assert callable(data.pipeline)
    assert asked == hidden


def test_the_last_batch_is_kept_unless_dropped(split):
    sizes = {
        drop: [
            len(x)
            for x, _ in batches(data.pipeline(split, PREPROCESSING, batch_size=20, num_classes=3, drop_remainder=drop))
        ]
        for drop in (False, True)
    }
    assert sizes == {False: [20, 20, 2], True: [20, 20]}


@pytest.mark.parametrize("start_step", [1, 6, 13])
def test_a_stream_started_in_the_middle_equals_the_uninterrupted_one(split, start_step):
    settings = {
        "batch_size": 8, "num_classes": 3, "training": True, "augmentation": QUICK, "repeat": True, "seed": 5,
    }  # fmt: skip
    whole = batches(data.pipeline(split, PREPROCESSING, **settings), 16)[start_step:]
    rest = batches(data.pipeline(split, PREPROCESSING, start_step=start_step, **settings), 16 - start_step)
    for one, other in zip(whole, rest, strict=True):
        np.testing.assert_array_equal(one[0], other[0])
        np.testing.assert_array_equal(one[1], other[1])


def test_what_comes_before_the_start_is_not_decoded(rng):
    images = [tf.io.encode_png(image).numpy() for image in rng.integers(0, 256, (8, 28, 28, 1), np.uint8)]
    store = EncodedStore([f"{i}.png" for i in range(8)], [0] * 8, [b"broken"] * 4 + images[4:], 1)
    settings = {"batch_size": 4, "num_classes": 1}
    assert len(batches(data.pipeline(store.dataset(), PREPROCESSING, start_step=1, **settings))) == 1
    with pytest.raises(tf.errors.OpError, match=r"\d\.png"):
        batches(data.pipeline(store.dataset(), PREPROCESSING, **settings))


def test_a_repeating_stream_sees_everything_once_an_epoch(split):
    stream = data.pipeline(split, PREPROCESSING, batch_size=8, num_classes=3, training=True, repeat=True)
    seen = [numbers(x) for x, _ in batches(stream, 12)]
    epochs = [np.concatenate(seen[:6]), np.concatenate(seen[6:])]
    assert sorted(epochs[0]) == sorted(epochs[1])
    assert len(set(epochs[0])) == 42
    assert epochs[0].tolist() != epochs[1].tolist()


def test_an_image_of_an_epoch_is_augmented_alike_whatever_the_batch_size(split):
    settings = {"num_classes": 3, "training": True, "augmentation": QUICK, "repeat": True, "seed": 3}
    small = images(data.pipeline(split, PREPROCESSING, batch_size=6, **settings), 7)
    large = images(data.pipeline(split, PREPROCESSING, batch_size=21, **settings), 2)
    np.testing.assert_array_equal(small, large)


def test_seeds_differ(split):
    one, other = (
        images(data.pipeline(split, PREPROCESSING, batch_size=42, num_classes=3, training=True, repeat=True, seed=s), 1)
        for s in (0, 1)
    )
    assert numbers(one).tolist() != numbers(other).tolist()


def test_quick_moves_by_whole_pixels_and_mirrors(split):
    settings = {"batch_size": 42, "num_classes": 3, "training": True, "repeat": True}
    plain = images(data.pipeline(split, PREPROCESSING, **settings), 1)
    moved = images(data.pipeline(split, PREPROCESSING, augmentation=QUICK, **settings), 1)
    kinds = set()
    for before, after in zip(plain, moved, strict=True):
        padded = np.pad(before, ((2, 2), (2, 2), (0, 0)), mode="reflect")
        matches = {
            (mirror, dy, dx)
            for mirror in (False, True)
            for dy in range(5)
            for dx in range(5)
            if np.allclose(padded[dy : dy + 28, dx : dx + 28][:, :: -1 if mirror else 1], after)
        }
        assert len(matches) == 1
        kinds |= matches
    assert {mirror for mirror, _, _ in kinds} == {False, True}
    assert len({dy for _, dy, _ in kinds}) == len({dx for _, _, dx in kinds}) == 5


def test_wrong_use_is_named(split):
    with pytest.raises(InputError, match="labels lie outside 0 to 1"):
        data.pipeline(split, PREPROCESSING, batch_size=8, num_classes=2)
    with pytest.raises(InputError, match="training=False"):
        data.pipeline(split, PREPROCESSING, batch_size=8, num_classes=3, augmentation=QUICK)
    with pytest.raises(InputError, match="batch_size has to be at least 1"):
        data.pipeline(split, PREPROCESSING, batch_size=0, num_classes=3)
    with pytest.raises(InputError, match="start_step has to be 0 or more, received -1"):
        data.pipeline(split, PREPROCESSING, batch_size=8, num_classes=3, start_step=-1)
    with pytest.raises(InputError, match=r"batch_size has to be at least 8 \(2 for each of 4 workers\), received 6"):
        data.pipeline(split, PREPROCESSING, batch_size=6, num_classes=3, shard=(0, 4))
    with pytest.raises(InputError, match="drop_remainder leaves no batch of 43 of the 42 images"):
        data.pipeline(split, PREPROCESSING, batch_size=43, num_classes=3, drop_remainder=True, repeat=True)


@pytest.mark.parametrize(
    "elements",
    [
        lambda x, y: (x, np.eye(3)[y]),
        lambda x, y: (x, y * 0.7),
        lambda x, y: (x, y.astype(str)),
        lambda x, y: (x.astype(np.float32), y),
        lambda x, y: ({"image": x}, y),
        lambda x, y: x,
    ],
    ids=["one-hot", "fractions", "texts", "floats", "dictionary", "unlabelled"],
)
def test_elements_of_another_kind_are_refused(arrays, elements):
    elsewhere = tf.data.Dataset.from_tensor_slices(elements(*arrays))
    with pytest.raises(InputError, match=r"integer label\), received .*TensorSpec"):
        data.pipeline(elsewhere, PREPROCESSING, batch_size=42, num_classes=3)


def test_a_dataset_from_elsewhere_is_taken(arrays):
    elsewhere = tf.data.Dataset.from_tensor_slices(arrays)
    x, _ = batches(data.pipeline(elsewhere, PREPROCESSING, batch_size=42, num_classes=3))[0]
    assert numbers(x).tolist() == list(range(42))
