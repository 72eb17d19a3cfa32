"""Loss, top-k and every protocol against slow and obvious references, and what must not count as right."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nntricks_keras import data, evaluation
from nntricks_keras.errors import InputError
from nntricks_keras.evaluation.protocols import score, softmax, wilson_interval

PREPROCESSING = data.Preprocessing((16, 16), resize=22, mean=(120.0, 115.0, 100.0), std=(60.0, 58.0, 57.0))


@pytest.fixture
def photographs(rng):
    """Seven smooth colour pictures of different sizes, and their labels."""
    images = []
    for height, width in [(30, 40), (40, 30), (33, 33), (24, 61), (22, 22), (50, 27), (35, 36)]:
        coarse = rng.integers(0, 256, size=(6, 7, 3), dtype=np.uint8)
        images.append(np.asarray(Image.fromarray(coarse).resize((width, height), Image.BICUBIC)))
    labels = rng.integers(4, size=len(images))

    def generate():
        yield from zip(images, labels, strict=True)

    spec = (tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int64))
    return images, labels, tf.data.Dataset.from_generator(generate, output_signature=spec)


@pytest.fixture(scope="module")
def networks():
    """A small network with a dense head, and the same one over images of any size."""
    inputs = keras.Input((16, 16, 3))
    convolution = keras.layers.Conv2D(6, 3, activation="relu")
    x = keras.layers.MaxPooling2D(2)(convolution(inputs))
    hidden = keras.layers.Dense(8, activation="relu")
    logits = keras.layers.Dense(4)
    model = keras.Model(inputs, logits(hidden(keras.layers.Flatten()(x))))

    any_size = keras.Input((None, None, 3))
    x = keras.layers.MaxPooling2D(2)(convolution(any_size))
    as_convolutions = [keras.layers.Conv2D(8, 7, activation="relu"), keras.layers.Conv2D(4, 1)]
    dense = keras.Model(any_size, as_convolutions[1](as_convolutions[0](x)))
    for layer, convolved in zip([hidden, logits], as_convolutions, strict=True):
        kernel, bias = layer.get_weights()
        convolved.set_weights([kernel.reshape(convolved.kernel.shape), bias])
    return model, dense


def resized(image, side):
    """Pillow's bilinear resize of the short side, one channel at a time in floating point."""
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = (int(width * scale + 1e-6), int(height * scale + 1e-6))
    channels = [Image.fromarray(image[..., c].astype("float32")).resize(size, Image.BILINEAR) for c in range(3)]
    return np.stack([np.asarray(channel) for channel in channels], axis=-1)


def standardized(views):
    return (np.stack(views) - PREPROCESSING.mean) / np.array(PREPROCESSING.std)


def expected(probabilities, labels):
    """The result of `evaluate` from the (images, classes) mean probabilities."""
    of_class = probabilities[np.arange(len(labels)), labels]
    order = np.argsort(-probabilities, axis=-1)
    return {
        "loss": -np.log(of_class).mean(),
        "top1": np.mean(order[:, 0] == labels),
        "top2": np.mean([label in row[:2] for row, label in zip(order, labels, strict=True)]),
    }


def assert_agrees(result, reference):
    for name, value in reference.items():
        assert result[name] == pytest.approx(value, abs=1e-4), name


def test_ten_crop_agrees_with_crops_cut_by_hand(photographs, networks):
    images, labels, dataset = photographs
    model, _ = networks
    means = []
    for image in images:
        whole = resized(image, 22)
        y, x = (int(np.round((n - 22) / 2)) for n in whole.shape[:2])
        square = whole[y : y + 22, x : x + 22]
        crops = [square[a : a + 16, b : b + 16] for a, b in [(0, 0), (0, 6), (6, 0), (6, 6), (3, 3)]]
        crops += [crop[:, ::-1] for crop in crops]
        means.append(softmax(model.predict_on_batch(standardized(crops))).mean(axis=0))
    result = evaluation.evaluate(model, dataset, PREPROCESSING, "ten_crop", top_k=(1, 2))
    assert_agrees(result, expected(np.stack(means), labels))


def test_multi_crop_agrees_with_crops_cut_by_hand(photographs, networks):
    images, labels, dataset = photographs
    model, _ = networks
    means = []
    for image in images:
        crops = []
        for side in (18, 24):
            whole = resized(image, side)
            for row in range(5):
                for column in range(5):
                    y = int(np.round((whole.shape[0] - 16) * row / 4))
                    x = int(np.round((whole.shape[1] - 16) * column / 4))
                    crops.append(whole[y : y + 16, x : x + 16])
        crops += [crop[:, ::-1] for crop in crops]
        assert len(crops) == 100
        means.append(softmax(model.predict_on_batch(standardized(crops))).mean(axis=0))
    result = evaluation.evaluate(model, dataset, PREPROCESSING, "multi_crop", scales=(18, 24), top_k=(1, 2))
    assert_agrees(result, expected(np.stack(means), labels))


def test_dense_agrees_with_the_dense_head_slid_over_the_map(photographs, networks):
    images, labels, dataset = photographs
    model, over_any_size = networks
    features = keras.Model(model.input, model.layers[2].output)
    over_any_size_features = keras.Model(over_any_size.input, over_any_size.layers[2].output)
    (hidden_kernel, hidden_bias), (kernel, bias) = model.layers[-2].get_weights(), model.layers[-1].get_weights()
    assert features.output_shape[1:] == (7, 7, 6)
    means = []
    for image in images:
        of_views = []
        for side in (20, 25):
            whole = resized(image, side)
            for view in (whole, whole[:, ::-1]):
                (maps,) = over_any_size_features.predict_on_batch(standardized([view]))
                scores = []
                for y in range(maps.shape[0] - 6):
                    for x in range(maps.shape[1] - 6):
                        window = maps[y : y + 7, x : x + 7].ravel()
                        scores.append(np.maximum(window @ hidden_kernel + hidden_bias, 0) @ kernel + bias)
                of_views.append(softmax(np.mean(scores, axis=0)))
        means.append(np.mean(of_views, axis=0))
    result = evaluation.evaluate(over_any_size, dataset, PREPROCESSING, "dense", scales=(20, 25), top_k=(1, 2))
    assert_agrees(result, expected(np.stack(means), labels))


def test_dense_is_not_compiled_by_xla_for_every_size(photographs, networks, monkeypatch):
    _, _, dataset = photographs
    _, over_any_size = networks
    before, seen = over_any_size.jit_compile, []
    monkeypatch.setattr(over_any_size, "jit_compile", True)
    predict = over_any_size.predict_on_batch
    monkeypatch.setattr(
        over_any_size, "predict_on_batch", lambda x: seen.append(over_any_size.jit_compile) or predict(x)
    )
    evaluation.evaluate(over_any_size, dataset, PREPROCESSING, "dense", scales=(20,))
    assert set(seen) == {False}
    assert over_any_size.jit_compile is True
    monkeypatch.undo()
    assert over_any_size.jit_compile == before


def test_score_agrees_with_keras(rng):
    logits, labels = rng.normal(size=(50, 12)) * 5, rng.integers(12, size=50)
    losses, ranks = score(softmax(logits), labels)
    reference = keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)
    np.testing.assert_allclose(losses, keras.ops.convert_to_numpy(reference), rtol=1e-4)
    for k in (1, 3, 12):
        reference = keras.metrics.sparse_top_k_categorical_accuracy(labels, logits.astype("float32"), k=k)
        np.testing.assert_array_equal(ranks < k, keras.ops.convert_to_numpy(reference) > 0)


@pytest.mark.parametrize("logits", [np.zeros((4, 3)), np.full((4, 3), np.nan)])
def test_a_network_that_says_nothing_is_not_right(logits):
    assert (score(softmax(logits), np.array([0, 1, 2, 0]))[1] >= 1).all()


def test_evaluate_counts_every_image_once(rng):
    images = rng.integers(256, size=(23, 8, 8, 1), dtype=np.uint8)
    labels = np.tile(np.arange(3), 8)[:23]
    loaded = data.load((images, labels), validation_fraction=0.3)
    preprocessing = data.Preprocessing((8, 8), mean=(127.0,), std=(64.0,), channels="grey")
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    results = [evaluation.evaluate(model, loaded.train, preprocessing, batch_size=size) for size in (4, 64)]
    assert results[0]["count"] == loaded.counts["train"]
    assert results[0]["top1"] == results[1]["top1"]
    assert results[0]["loss"] == pytest.approx(results[1]["loss"], rel=1e-6)
    assert results[0]["top5"] == 1


def test_wilson_interval_against_its_defining_equation():
    low, high = wilson_interval(81, 100)
    for bound in (low, high):
        assert abs(0.81 - bound) == pytest.approx(1.959964 * np.sqrt(bound * (1 - bound) / 100), rel=1e-6)
    assert wilson_interval(0, 10)[0] == 0
    assert wilson_interval(10, 10)[1] == pytest.approx(1)


def test_what_does_not_fit_is_named(photographs, networks):
    _, _, dataset = photographs
    model, over_any_size = networks
    no_margin = data.Preprocessing((16, 16))
    for arguments, hint in [
        ((model, dataset, PREPROCESSING, "centre"), "center"),
        ((model, dataset, PREPROCESSING, "dense"), "to_conv_head"),
        ((over_any_size, dataset, PREPROCESSING, "ten_crop"), "logits"),
        ((model, dataset, data.Preprocessing((16, 16), resize=12), "ten_crop"), "margin"),
        ((model, dataset, no_margin, "ten_crop"), "margin.*None"),
    ]:
        with pytest.raises(InputError, match=hint):
            evaluation.evaluate(*arguments)
    with pytest.raises(InputError, match="scales"):
        evaluation.evaluate(model, dataset, no_margin, "center", scales=(20,))
    with pytest.raises(InputError, match="at least the image size"):
        evaluation.evaluate(model, dataset, PREPROCESSING, "multi_crop", scales=(12,))
    with pytest.raises(InputError, match="no images"):
        evaluation.evaluate(model, dataset.take(0), PREPROCESSING)
