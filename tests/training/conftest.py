"""Images that a network of a few hundred weights learns in seconds."""

import numpy as np
import pytest

from nntricks_keras import data


@pytest.fixture(scope="session")
def images():
    """90 noisy 8x8 images of three classes, told apart by which third is bright."""
    rng = np.random.default_rng()
    labels = np.tile(np.arange(3), 30)
    pictures = rng.integers(0, 120, size=(90, 8, 8, 1))
    for picture, label in zip(pictures, labels, strict=True):
        picture[:, 3 * label : 3 * label + 2] += 100
    return data.load((pictures.astype("uint8"), labels), validation_fraction=0.2)
