"""Fixtures every test may use."""

import gc

import numpy as np
import pytest
from PIL import Image

from zoo.commands import enable_onednn

enable_onednn()  # as every command does: the same kernels give the same bits here and there


def pytest_collection_finish():
    """What importing has made stays: the garbage collector need not look at it again, nor after every 700 objects."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(trylast=True)  # after the fixtures of the file
def pytest_runtest_teardown(item, nextitem):
    """Nor at what the tests of a file left, once a file: TensorFlow keeps the graphs of each `fit` for good, 20,000
    objects and more, and Keras and KerasTuner collect garbage in full for each model of some tests."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _products_in_float32():
    """The bounds of the tests are those of float32, which GPUs from Ampere on leave for TensorFloat-32."""
    import keras  # not above: what enable_onednn sets is read when TensorFlow is imported

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(False)


@pytest.fixture
def rng(request):
    """A NumPy generator with a fresh seed each run; the seed is printed when the test fails."""
    seed = np.random.SeedSequence().entropy % 2**32
    print(f"seed of rng: {seed}")
    return np.random.default_rng(seed)


@pytest.fixture(scope="session")
def picture_folder(tmp_path_factory):
    """Class folders train/ and test/ of 16x16 grey PNGs: bright above, or bright below.

    Mirroring left and right keeps these labels true.
    """
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng()
    for split, count in [("train", 40), ("test", 12)]:
        for label, name in enumerate(["above", "below"]):
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                picture = rng.integers(0, 120, size=(16, 16))
                picture[8 * label : 8 * label + 8] += 120
                Image.fromarray(picture.astype("uint8")).save(folder / split / name / f"{index:03d}.png")
    return folder
