"""The compiled warp, colour matrix, erasing and mixing against NumPy, Pillow and the papers' formulas."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageEnhance, ImageOps

from nntricks_keras import data
from nntricks_keras.data.augmenter import Augmenter
from nntricks_keras.data.channels import CHANNELS
from nntricks_keras.data.colors import sample_colors
from nntricks_keras.data.geometry import sample_affine, visible_window
from nntricks_keras.data.operations import RAND_AUGMENT
from nntricks_keras.data.photometry import PHOTOMETRIC
from nntricks_keras.data.randomness import image_keys, uniform
from nntricks_keras.data.stores import EncodedStore

EPOCH = tf.constant(3, tf.int64)


def smooth(rng, height, width):
    """A smooth random colour image."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [np.sin(a * x + b * y + c) for a, b, c in rng.uniform(1, 6, (3, 3))]
    return (127.5 + 120 * np.stack(waves, -1)).astype(np.uint8)


def sampled(image, linear, offset, size, fill):
    """The reference: every output pixel looked up by itself, in float64."""
    height, width = image.shape[:2]
    result = np.zeros((*size, image.shape[2]))
    for i in range(size[0]):
        for j in range(size[1]):
            y, x = linear @ np.array([i + 0.5, j + 0.5]) + offset - 0.5
            if fill == "constant" and not (-0.5 <= y <= height - 0.5 and -0.5 <= x <= width - 0.5):
                continue
            if fill == "reflect":
                y, x = (last - abs(last - abs(p)) for p, last in ((y, height - 1), (x, width - 1)))
            y, x = np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)
            y0, x0 = int(y), int(x)
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            top = image[y0, x0] + (x - x0) * (image[y0, x1].astype(float) - image[y0, x0])
            bottom = image[y1, x0] + (x - x0) * (image[y1, x1].astype(float) - image[y1, x0])
            result[i, j] = top + (y - y0) * (bottom - top)
    return result


@pytest.mark.parametrize(
    "fill", ["reflect", *(pytest.param(fill, marks=pytest.mark.slow) for fill in ("constant", "nearest"))]
)
def test_the_one_warp_equals_looking_up_each_pixel(rng, fill):
    image = smooth(rng, 20, 26)
    settings = data.Augmentation(
        horizontal_flip=True, vertical_flip=True, rotation=40.0, zoom=(0.7, 1.4), shift=0.2, shear=10.0,
        padding_crop=2, fill=fill
    )  # fmt: skip
    size = (16, 18)
    make = Augmenter(settings, data.Preprocessing(size, mean=0, std=1), 3, 1)
    for index in range(3):
        keys = image_keys(1, EPOCH, tf.constant([index], tf.int64))
        linear, offset = sample_affine(keys, tf.constant([[20.0, 26.0]]), size, None, settings)
        expected = sampled(image, linear[0].numpy(), offset[0].numpy(), size, fill)
        found = make.one(EPOCH, tf.constant(index, tf.int64), None, lambda: tf.constant(image)).numpy()
        # A place on the very border may fall on either side of it.
        wrong = np.abs(found - expected).max(-1) > 0.05
        assert wrong.sum() <= (2 if fill == "constant" else 0)


def test_a_window_is_all_that_a_warp_sees(rng):
    """Cutting the window out of a large picture changes nothing, whatever lies outside of it."""
    image = smooth(rng, 90, 120)
    settings = data.Augmentation(crop_area=(0.05, 0.3), rotation=30.0)
    size = (24, 24)
    for index in range(8):
        keys = image_keys(0, EPOCH, tf.constant([index], tf.int64))
        picture = tf.constant([[90.0, 120.0]])
        linear, offset = sample_affine(keys, picture, size, None, settings)
        ratio, window = visible_window(linear, offset, picture, size, "reflect")
        if int(ratio[0]) > 1:
            continue
        top, left, height, width = window[0].numpy()
        blacked = np.zeros_like(image)
        blacked[top : top + height, left : left + width] = image[top : top + height, left : left + width]
        np.testing.assert_allclose(
            sampled(blacked, linear[0].numpy(), offset[0].numpy(), size, "reflect"),
            sampled(image, linear[0].numpy(), offset[0].numpy(), size, "reflect"),
        )


@pytest.mark.parametrize("rotation", [0.0, 10.0])
@pytest.mark.parametrize("as_jpeg", [False, True])
def test_shrinking_is_done_by_decoding_reduced(as_jpeg, rotation):
    """A checkerboard of single pixels shrinks to its mean, without aliasing."""
    board = np.indices((128, 128)).sum(0) % 2 * 255
    image = np.repeat(board[..., None], 3, -1).astype(np.uint8)
    settings = data.Augmentation(horizontal_flip=True, rotation=rotation)
    make = Augmenter(settings, data.Preprocessing(32, mean=0, std=1), 3, 0)
    contents = tf.io.encode_jpeg(image, quality=100, chroma_downsampling=False) if as_jpeg else None
    found = make.one(EPOCH, tf.constant(0, tf.int64), contents, lambda: tf.constant(image)).numpy()
    np.testing.assert_allclose(found, 127.5, atol=2 if as_jpeg else 1)


def test_crops_are_resized_from_whole_pixels_as_pillow_does(rng):
    """Crop, resize and mirror need no warp; what is cut off by rounding is half a pixel at most."""
    image = smooth(rng, 60, 80)
    settings = data.Augmentation(crop_area=(0.2, 1.0), horizontal_flip=True, vertical_flip=True)
    make = Augmenter(settings, data.Preprocessing((48, 56), mean=0, std=1), 3, 0)
    mirrored = set()
    for index in tf.range(8, dtype=tf.int64):
        plan = make.plan(EPOCH, index[None], tf.constant([[60.0, 80.0]]))
        assert plan["is_crop"][0]
        top, left, height, width = plan["reduced"]["window"][0].numpy()
        corner = plan["offset"][0].numpy()
        edges = np.sort([corner, corner + np.diag(plan["linear"][0]) * (48, 56)], axis=0)
        assert np.abs(edges - [[top, left], [top + height, left + width]]).max() <= 0.501
        box = (left, top, left + width, top + height)
        # Pillow averages when it shrinks; an enlarged cut is plain bilinear there as well. It is cut first:
        # resize(box=) would mix in what lies beyond the cut.
        expected = np.asarray(Image.fromarray(image).crop(box).resize((56, 48), Image.Resampling.BILINEAR), np.float64)
        flips = tuple(bool(flip) for flip in plan["mirrored"][0])
        expected = expected[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
        mirrored.add(flips)
        found = make.one(EPOCH, index, None, lambda: tf.constant(image)).numpy()
        off = np.abs(found - expected)
        assert off.max() <= 4  # Pillow rounds twice; of 1,200 crops the worst are 2.8 and 0.4
        assert off.mean() <= 0.6
    assert len(mirrored) > 1


def test_what_sees_beyond_the_picture_is_warped():
    picture = tf.constant([[60.0, 80.0]])
    for settings in ({"rotation": 10.0}, {"shift": 0.3}, {"shear": 5.0}, {"zoom": (0.5, 0.9)}):
        make = Augmenter(data.Augmentation(**settings), data.Preprocessing(48), 3, 0)
        assert not make.plan(EPOCH, tf.constant([1], tf.int64), picture)["is_crop"][0], settings


@pytest.mark.slow
def test_batch_and_single_images_agree(rng):
    images = rng.integers(0, 256, (5, 20, 20, 3), np.uint8)
    settings = data.Augmentation(
        horizontal_flip=True, rotation=20.0, brightness=0.3, contrast=0.3, saturation=0.3,
        hue=20.0, lighting=0.1, erasing=0.5
    )  # fmt: skip
    make = Augmenter(settings, data.Preprocessing(20, mean=100.0, std=50.0), 3, 0)
    indices = tf.range(5, dtype=tf.int64)
    batch = make.batch(EPOCH, indices, tf.constant(images)).numpy()
    single = [make.one(EPOCH, i, None, lambda i=i: tf.constant(images)[int(i)]).numpy() for i in indices]
    np.testing.assert_allclose(batch, single, atol=2e-4)


def test_the_colour_matrix_is_the_tricks_one_after_the_other(rng):
    image = rng.integers(60, 180, (9, 8, 3)).astype(np.float64)
    settings = data.Augmentation(brightness=0.1, contrast=0.3, saturation=0.3)
    keys = image_keys(0, EPOCH, tf.constant([5], tf.int64))
    b, c, s = 1 + (2 * uniform(keys, 7, "colour").numpy()[0, :3].astype(np.float64) - 1) * np.array([0.1, 0.3, 0.3])
    luma = np.array(CHANNELS["grey"][0])
    expected = image * b
    expected = (expected @ luma).mean() + c * (expected - (expected @ luma).mean())
    expected = (expected @ luma)[..., None] + s * (expected - (expected @ luma)[..., None])
    matrix, pivot, offset = (part.numpy()[0] for part in sample_colors(keys, settings, 3))
    found = image @ matrix.T + image.mean((0, 1)) @ pivot + offset
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_hue_keeps_luma_and_grey(rng):
    keys = image_keys(0, EPOCH, tf.range(6, dtype=tf.int64))
    matrix, _, _ = sample_colors(keys, data.Augmentation(hue=90.0), 3)
    luma = np.array(CHANNELS["grey"][0])
    np.testing.assert_allclose(luma @ matrix.numpy(), np.tile(luma, (6, 1)), atol=2e-3)
    np.testing.assert_allclose(matrix.numpy() @ np.ones(3), np.ones((6, 3)), atol=2e-3)
    assert np.abs(matrix.numpy() - np.eye(3)).max() > 0.2


def test_lighting_has_the_published_spread():
    keys = image_keys(0, EPOCH, tf.range(20000, dtype=tf.int64))
    settings = data.Augmentation(lighting=0.1)
    _, _, offset = sample_colors(keys, settings, 3)
    rows = np.array(settings.principal_colors)
    np.testing.assert_allclose(np.cov(offset.numpy().T), 0.01 * rows.T @ rows, rtol=0.06, atol=0.02)


def test_random_resized_crops_have_the_stated_area_and_aspect():
    keys = image_keys(0, EPOCH, tf.range(2000, dtype=tf.int64))
    picture = tf.tile(tf.constant([[300.0, 400.0]]), [2000, 1])
    linear, offset = sample_affine(keys, picture, (50, 50), None, data.Augmentation(crop_area=(0.1, 0.5)))
    extent = np.diagonal(linear.numpy(), axis1=1, axis2=2) * 50
    area = extent.prod(1) / 120_000
    aspect = extent[:, 1] / extent[:, 0]
    assert 0.0999 < area.min() < 0.11
    assert 0.48 < area.max() < 0.5001
    assert abs(area.mean() - 0.3) < 0.01
    assert 0.7499 < aspect.min() < 0.76
    assert 1.31 < aspect.max() < 1.3334
    first = offset.numpy()
    assert (first > -1e-3).all()
    assert (first + extent < [300.01, 400.01]).all()


def test_vgg_scale_jitter_crops_the_window_of_the_resized_picture():
    keys = image_keys(0, EPOCH, tf.range(3000, dtype=tf.int64))
    picture = tf.tile(tf.constant([[375.0, 500.0]]), [3000, 1])
    linear, _ = sample_affine(keys, picture, (224, 224), None, data.Augmentation(short_side=(256, 512)))
    sides = 375 / linear.numpy()[:, 0, 0]
    np.testing.assert_allclose(sides, np.rint(sides), atol=1e-2)
    assert {256, 512} <= set(np.rint(sides).astype(int)) <= set(range(256, 513))
    np.testing.assert_allclose(linear.numpy()[:, 0, 0], linear.numpy()[:, 1, 1])


def test_erasing_hits_as_often_and_covers_as_much_as_stated(rng):
    from nntricks_keras.data.erasing import erase

    images = tf.ones([2000, 40, 40, 1])
    keys = image_keys(0, EPOCH, tf.range(2000, dtype=tf.int64))
    erased = 1 - erase(images, keys, data.Augmentation(erasing=0.4, erasing_area=(0.1, 0.2))).numpy().mean((1, 2, 3))
    assert abs((erased > 0).mean() - 0.4) < 0.05
    assert erased[erased > 0].min() > 0.08
    assert erased.max() < 0.22


@pytest.mark.parametrize(
    ("name", "strength", "reference"),
    [
        ("autocontrast", 0.5, ImageOps.autocontrast),
        ("equalize", 0.5, ImageOps.equalize),
        ("solarize", 0.5, lambda image: ImageOps.solarize(image, 128)),
        ("posterize", 0.5, lambda image: ImageOps.posterize(image, 6)),
        ("color", -0.5, lambda image: ImageEnhance.Color(image).enhance(0.55)),
        ("contrast", 0.5, lambda image: ImageEnhance.Contrast(image).enhance(1.45)),
        ("brightness", -0.5, lambda image: ImageEnhance.Brightness(image).enhance(0.55)),
        ("sharpness", 0.5, lambda image: ImageEnhance.Sharpness(image).enhance(1.45)),
    ],
)
def test_operations_are_pillows(rng, name, strength, reference):
    image = smooth(rng, 30, 31) // 2 + 40
    found = PHOTOMETRIC[name](tf.constant(image, tf.float32), tf.constant(strength), RAND_AUGMENT).numpy()
    expected = np.asarray(reference(Image.fromarray(image)), np.float64)
    assert np.abs(found - expected).max() <= 2.01


@pytest.mark.parametrize(
    "settings", [{"rand_augment": 2}, pytest.param({"trivial_augment": True}, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("num_raw", [pytest.param(1, marks=pytest.mark.slow), 3])
def test_operations_run_in_the_pipeline_and_are_repeatable(rng, settings, num_raw):
    x = rng.integers(0, 256, (24, 20, 20, num_raw), np.uint8)
    split = data.load(((x, np.arange(24) % 2),) * 2).test
    small, large = (
        np.concatenate([
            images for images, _ in data.pipeline(
                split, data.Preprocessing(16, channels="grey" if num_raw == 1 else "rgb"), batch_size=size,
                num_classes=2, training=True, repeat=True, augmentation=data.Augmentation(**settings),
            ).take(24 // size)
        ])
        for size in (6, 24)
    )  # fmt: skip
    np.testing.assert_allclose(small, large, atol=1e-5)
    assert np.isfinite(small).all()


def test_draws_are_uniform_and_unrelated():
    draws = uniform(image_keys(7, tf.constant(1, tf.int64), tf.range(50000, dtype=tf.int64)), 4, "check").numpy()
    np.testing.assert_allclose(draws.mean(0), 0.5, atol=0.006)
    np.testing.assert_allclose(draws.var(0), 1 / 12, atol=0.002)
    assert np.abs(np.corrcoef(draws.T) - np.eye(4)).max() < 0.02
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.02


def test_presets_are_the_published_schemes():
    alexnet, vgg = (data.Augmentation.preset(name) for name in ("alexnet2012", "vgg2014"))
    assert (alexnet.short_side, alexnet.horizontal_flip, alexnet.lighting) == ((256, 256), True, 0.1)
    assert (vgg.short_side, vgg.horizontal_flip) == ((256, 512), True)
    assert data.Augmentation.preset("none") == data.Augmentation()


def test_jpegs_are_augmented_as_their_pixels_are(rng):
    """Decoding only the window in sight gives what warping the whole picture gives."""
    image = smooth(rng, 70, 100)
    contents = tf.io.encode_jpeg(image, quality=95).numpy()
    store = EncodedStore(["a.jpg"], [0], [contents])
    settings = data.Augmentation(crop_area=(0.3, 0.8), rotation=20.0, horizontal_flip=True)
    make = Augmenter(settings, data.Preprocessing(40, mean=0, std=1), 3, 0)
    pixels = tf.io.decode_jpeg(contents)
    for index in tf.range(4, dtype=tf.int64):
        found = make.one(EPOCH, index, store.encoded(0), lambda: store.image(0)).numpy()
        expected = make.one(EPOCH, index, None, lambda: pixels).numpy()
        np.testing.assert_allclose(found, expected, atol=1e-3)
