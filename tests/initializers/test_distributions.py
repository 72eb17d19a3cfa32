"""The initializers draw what they state: deviation, distribution, groups, seeds."""

import json

import keras
import numpy as np
import pytest

from nntricks_keras import initializers
from nntricks_keras.initializers import Gaussian, Glorot, He, Xavier

DISTRIBUTIONS = ["normal", "truncated_normal", "uniform", "orthogonal"]
# kernel shape, groups -> inputs of a unit, outputs that an input feeds
KERNELS = [
    ((300, 200), 1, 300, 200),
    ((3, 3, 48, 96), 1, 432, 864),
    ((5, 5, 24, 128), 4, 600, 800),
    ((7, 16, 64), 2, 112, 224),
]
STATED = {
    Gaussian: lambda fan_in, fan_out: 0.03,
    Xavier: lambda fan_in, fan_out: 1 / np.sqrt(fan_in),
    Glorot: lambda fan_in, fan_out: np.sqrt(2 / (fan_in + fan_out)),
    He: lambda fan_in, fan_out: np.sqrt(2 / fan_in),
}


def draw(initializer, shape, dtype="float32"):
    return keras.ops.convert_to_numpy(keras.ops.cast(initializer(shape, dtype=dtype), "float32")).astype("float64")


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: f"{kernel[0]}/{kernel[1]}")
@pytest.mark.parametrize("cls", STATED)
def test_weights_have_the_stated_deviation(cls, kernel, distribution, rng):
    """To 6 standard errors; the error of a deviation comes from the fourth moment."""
    shape, groups, fan_in, fan_out = kernel
    weights = draw(cls(distribution=distribution, groups=groups, seed=int(rng.integers(2**31))), shape)
    stated, count = STATED[cls](fan_in, fan_out), weights.size
    assert weights.shape == shape
    kurtosis = {"normal": 3.0, "truncated_normal": 2.37, "uniform": 1.8, "orthogonal": 3.0}[distribution]
    error = stated * np.sqrt((kurtosis - 1) / (4 * count))
    assert abs(np.sqrt(np.mean(weights**2)) - stated) < 6 * error
    assert abs(weights.mean()) < 6 * stated / np.sqrt(count)


@pytest.mark.parametrize("negative_slope", [0.0, 0.25, 1.0])
def test_he_makes_up_for_the_slope(negative_slope):
    weights = draw(He(negative_slope=negative_slope, seed=0), (400, 500))
    stated = np.sqrt(2 / (1 + negative_slope**2) / 400)
    assert abs(weights.std() / stated - 1) < 4 / np.sqrt(2 * weights.size)


def test_shapes_of_the_distributions():
    normal, truncated, uniform = (draw(Xavier(name, seed=0), (100, 10_000)) * 10 for name in DISTRIBUTIONS[:3])
    assert np.abs(normal).max() > 4  # not truncated
    assert 2.2 < np.abs(truncated).max() < 2.28  # two deviations of the normal that is cut: 2 / 0.8796
    assert 1.73 < np.abs(uniform).max() <= np.sqrt(3) * 1.0001


@pytest.mark.parametrize(
    ("shape", "groups"), [((200, 120), 1), ((50, 120), 1), ((3, 3, 12, 60), 3), ((2, 2, 8, 256), 2)]
)
def test_orthogonal_within_each_group(shape, groups):
    kernel = draw(He("orthogonal", groups=groups, seed=1), shape)
    for part in np.split(kernel, groups, axis=-1):
        matrix = part.reshape(-1, part.shape[-1])
        product = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
        np.testing.assert_allclose(product / product[0, 0], np.eye(len(product)), atol=1e-5)
    if groups > 1:  # and between groups it is not: each has its own draw
        first, second = (part.reshape(-1) for part in np.split(kernel, groups, axis=-1)[:2])
        assert abs(np.corrcoef(first, second)[0, 1]) < 0.2


def test_orthogonal_matrices_are_uniform_over_all():
    """Without the correction of signs, the diagonal of a Q from a QR decomposition has one sign."""
    diagonal = np.concatenate([np.diag(draw(Xavier("orthogonal", seed=seed), (16, 16))) for seed in range(30)])
    assert abs(np.mean(diagonal > 0) - 0.5) < 0.15


def test_seeds():
    one, again, other = Xavier(seed=1), Xavier(seed=1), Xavier(seed=2)
    np.testing.assert_array_equal(draw(one, (5, 6)), draw(again, (5, 6)))
    assert not np.array_equal(draw(one, (5, 6)), draw(other, (5, 6)))
    unseeded = Xavier()
    assert not np.array_equal(draw(unseeded, (5, 6)), draw(unseeded, (5, 6)))
    generator = keras.random.SeedGenerator(3)
    assert not np.array_equal(draw(Xavier(seed=generator), (5, 6)), draw(Xavier(seed=generator), (5, 6)))
    keras.utils.set_random_seed(4)
    first = draw(unseeded, (5, 6))
    keras.utils.set_random_seed(4)
    np.testing.assert_array_equal(draw(unseeded, (5, 6)), first)


def test_biases_and_scalars_can_be_drawn_too():
    """A recipe of the papers draws biases as kernels: a vector counts as fan_in = fan_out = its length."""
    for distribution in DISTRIBUTIONS:
        assert draw(Gaussian(distribution=distribution, seed=0), (64,)).shape == (64,)
    assert draw(Gaussian(seed=0), ()).shape == ()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_kernels(dtype):
    for distribution in DISTRIBUTIONS:
        weights = draw(He(distribution, seed=0), (64, 64), dtype)
        assert abs(weights.std() / np.sqrt(2 / 64) - 1) < 0.05


@pytest.mark.parametrize(
    "initializer",
    [
        Gaussian(0.1, seed=1),
        Xavier("uniform", seed=1),
        Glorot("orthogonal", groups=2, seed=1),
        He("truncated_normal", negative_slope=0.2, groups=2, seed=1),
        initializers.for_activation("elu", alpha=0.5, groups=2, seed=1),
    ],
    ids=lambda initializer: type(initializer).__name__,
)
def test_config_round_trip(initializer):
    config = json.loads(json.dumps(keras.initializers.serialize(initializer)))
    assert config["registered_name"].startswith("nntricks_keras>")
    again = keras.initializers.deserialize(config)
    assert again.get_config() == initializer.get_config()
    np.testing.assert_array_equal(draw(again, (6, 8)), draw(initializer, (6, 8)))


def test_a_seed_generator_survives_saving(tmp_path):
    """Two layers draw from one; a loaded one is as it was at its start, from which the load has drawn already."""
    generator = keras.random.SeedGenerator(7)
    dense = [keras.layers.Dense(4, kernel_initializer=He(seed=generator)) for _ in range(2)]
    model = keras.Sequential([keras.Input((4,)), *dense])
    first, second = (layer.get_weights()[0] for layer in dense)
    assert not np.array_equal(first, second)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").layers[0].kernel_initializer
    np.testing.assert_array_equal(draw(He.from_config(loaded.get_config()), (4, 4)), first)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Xavier("gausian"), "unknown distribution 'gausian'"),
        (lambda: He(distribution="norml"), "nearest: normal"),
        (lambda: He(groups=0), "groups .*received 0"),
        (lambda: He(groups=2.0), "groups .*received 2.0"),
        (lambda: He(negative_slope=1.5), r"\[0, 1\], received 1.5"),
        (lambda: He(negative_slope=-1), r"\[0, 1\], received -1"),
        (lambda: Gaussian(0), "received 0"),
        (lambda: Gaussian(float("nan")), "received nan"),
        (lambda: He(groups=3)((3, 3, 4, 8)), "groups=3 does not divide the 8 outputs"),
        (lambda: initializers.for_activation("rellu"), "unknown activation 'rellu'; nearest: .*relu"),
        (lambda: initializers.for_activation("tanh", alpha=1), "'tanh' has no parameter 'alpha'"),
        (lambda: initializers.for_activation("elu", slope=1), "it has: alpha"),
        (lambda: initializers.ActivationScaled(0.0), "received 0.0"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value(make, message):
    with pytest.raises(ValueError, match=message):
        make()
