"""Evaluation is deterministic and resizes as Pillow does."""

import numpy as np
import pytest
from PIL import Image

from nntricks_keras import data


def scene(rng, height, width):
    """A photograph's kind of picture: smooth shading, sharp edges, some noise."""
    y, x = np.mgrid[0:height, 0:width]
    image = np.stack([127 + 80 * np.sin(x / a + y / b) for a, b in rng.uniform(15, 60, (3, 2))], -1)
    for _ in range(12):
        top, left = rng.integers(0, height - 8), rng.integers(0, width - 8)
        image[top : top + rng.integers(8, height), left : left + rng.integers(8, width)] = rng.integers(0, 256, 3)
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(375, 500), (500, 333), (256, 300), (120, 90), (1, 1), (3, 200)])
def test_equal_to_pillows_resize_to_two_grey_levels(rng, height, width):
    image = scene(rng, height, width) if min(height, width) > 8 else rng.integers(0, 256, (height, width, 3), np.uint8)
    scale = 256 / min(height, width)
    # Pillow wants whole sizes; the crop's place is torchvision's.
    resized = Image.fromarray(image).resize(
        (max(int(width * scale + 1e-6), 256), max(int(height * scale + 1e-6), 256)), 2
    )
    top, left = round((resized.height - 224) / 2), round((resized.width - 224) / 2)
    expected = np.asarray(resized.crop((left, top, left + 224, top + 224)), np.float64)
    found = data.Preprocessing(224, resize=256, mean=0.0, std=1.0).apply(image)
    assert np.abs(found - expected).max() <= 2


def test_a_batch_equals_its_images(rng):
    images = rng.integers(0, 256, (3, 40, 50, 3), np.uint8)
    settings = data.Preprocessing((24, 28), resize=30, mean=5.0, std=3.0)
    np.testing.assert_allclose(settings.apply(images), [settings.apply(image) for image in images], atol=1e-5)


def test_without_resize_the_crop_is_covered(rng):
    image = rng.integers(0, 256, (28, 28, 1), np.uint8)
    np.testing.assert_array_equal(data.Preprocessing(28, mean=0.0, std=1.0, channels="grey").apply(image), image)
    assert data.Preprocessing((30, 20)).apply(image).shape == (30, 20, 3)
