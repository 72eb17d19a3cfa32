"""LocalResponseNorm against the two libraries' own."""

import keras
import numpy as np
import pytest

from nntricks_keras import layers
from tests.layers.harness import BACKEND, as_float64, assert_within


@pytest.mark.skipif(BACKEND != "tensorflow", reason="tf.nn.lrn is TensorFlow's")
@pytest.mark.parametrize(("channels", "size"), [(96, 5), (64, 3), (3, 5), (1, 5), (256, 7)])
def test_equal_to_tensorflows(channels, size, rng):
    import tensorflow as tf

    x = tf.constant(20 * rng.normal(size=(2, 5, 4, channels)), tf.float32)
    ours = layers.LocalResponseNorm(size, bias=1.5, alpha=2e-3, beta=0.75)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, theirs = ours(x), tf.nn.lrn(x, size // 2, 1.5, 2e-3, 0.75)
        # The gradient of a sum of squares, so that dy is not the same everywhere.
        loss, their_loss = tf.reduce_sum(y**2), tf.reduce_sum(theirs**2)
    assert_within(as_float64(y), as_float64(theirs), 1e-5)
    assert_within(as_float64(tape.gradient(loss, x)), as_float64(tape.gradient(their_loss, x)), 1e-5)


def test_equal_to_torchs_which_divides_alpha_by_the_size(rng):
    torch = pytest.importorskip("torch")
    x = (20 * rng.normal(size=(2, 12, 5, 4))).astype("float32")
    ours = layers.LocalResponseNorm(5, bias=2.0, alpha=1e-3, beta=0.75, axis=1)
    theirs = torch.nn.LocalResponseNorm(5, alpha=5e-3, beta=0.75, k=2.0)
    assert_within(as_float64(ours(x)), theirs(torch.tensor(x)).numpy(), 1e-5)


def test_half_precision_is_computed_in_float32():
    """300^2 does not fit into float16."""
    y = as_float64(layers.LocalResponseNorm(dtype="float16")(np.full((1, 8), 300.0)))
    assert_within(y[:, 2:-2], 300 / (2 + 1e-4 * 5 * 300**2) ** 0.75 * np.ones((1, 4)), 1e-3)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="of TensorFlow's convolution")
def test_an_empty_batch_that_comes_from_a_convolution_passes(rng):
    """With oneDNN it has as many channels as went into the convolution, whatever the graph says."""
    import tensorflow as tf

    layer, kernel = layers.LocalResponseNorm(), tf.constant(rng.normal(size=(3, 3, 3, 7)), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec((None, 5, 4, 3))])
    def normalized(x):
        return layer(tf.nn.conv2d(x, kernel, 1, "SAME"))

    assert len(normalized(tf.zeros((0, 5, 4, 3)))) == 0


def test_unknown_channels_pass():
    if BACKEND != "tensorflow":
        pytest.skip("only TensorFlow runs with an unknown dimension")
    model = keras.Sequential([keras.Input((None, None)), layers.LocalResponseNorm()])
    assert model(np.ones((2, 3, 7), "float32")).shape == (2, 3, 7)
