"""What every layer here promises, whichever it is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.testing import TestCase as KerasTestCase  # Keras's own generic layer test lives there

from nntricks_keras import layers
from tests.layers.harness import (
    BACKEND,
    TOLERANCE,
    as_float64,
    assert_within,
    forward_backward,
    numerical_gradients,
    rounded,
)
from tests.layers.references import CASES

every_layer = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
SHAPES = {2: (6, 5), 3: (3, 4, 5), 4: (2, 5, 4, 5), 5: (2, 5, 2, 2, 5)}


def sample(rng, shape):
    """Values away from zero, where rectifiers have no derivative and central differences go astray."""
    x = rng.normal(size=shape)
    return x + 0.05 * np.sign(x)


def with_random_weights(layer, shape, rng):
    layer.build(shape)
    for weight in layer.trainable_weights:
        weight.assign(rng.uniform(0.5, 1.5, weight.shape))
    return [as_float64(weight) for weight in layer.trainable_weights]


def check_against_reference(case, axis, shape, dtype, training, rng):
    layer = case.make(axis=axis, dtype=dtype)
    weights = with_random_weights(layer, shape, rng)
    x, dy = rounded(sample(rng, shape), dtype), rounded(rng.normal(size=shape), dtype)
    reference = case.training if training else case.inference

    def function(x, *weights):
        return reference(x, axis, *weights)

    outputs, gradients = forward_backward(layer, x, dy, training)
    assert_within(outputs, function(x, *weights), TOLERANCE[dtype], "outputs")
    expected = numerical_gradients(function, [x, *weights], dy)
    for what, actual, right in zip(["x", *layer.trainable_weights], gradients, expected, strict=True):
        assert_within(actual, right, TOLERANCE[dtype], f"gradient of {getattr(what, 'name', what)}")


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("rank", SHAPES)
@every_layer
def test_outputs_and_gradients_agree_with_float64(case, rank, axis, rng):
    for training in [False, True] if case.training else [False]:
        check_against_reference(case, axis, SHAPES[rank], "float32", training, rng)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@every_layer
def test_half_precision_agrees_with_float64(case, dtype, rng):
    for training in [False, True] if case.training else [False]:
        check_against_reference(case, -1, (64, 5), dtype, training, rng)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@every_layer
def test_no_input_gives_nan_or_infinity(case, dtype, training, rng):
    extremes = np.concatenate([[-1e4, 1e4, -300, 300, -80, 80, -1e-7, 1e-7, 0, 0], rng.uniform(-1e4, 1e4, 54)])
    for x in (rng.permutation(extremes).reshape(4, 4, 4), np.zeros((4, 4, 4)), np.full((4, 4, 4), -1e4)):
        outputs, gradients = forward_backward(case.make(dtype=dtype), x, np.ones_like(x), training)
        for what, values in [("outputs", outputs), *(("a gradient", gradient) for gradient in gradients)]:
            assert np.all(np.isfinite(values)), f"{what}: {values[~np.isfinite(values)]}"


@pytest.mark.parametrize("training", [False, True])
@every_layer
def test_an_empty_batch_passes_through(case, training):
    layer = case.make()
    layer.build((None, 4, 5))
    before = [as_float64(weight) for weight in layer.weights]
    empty = np.zeros((0, 4, 5), "float32")
    outputs, gradients = forward_backward(layer, empty, empty, training)
    assert outputs.shape == empty.shape
    assert gradients[0].shape == empty.shape
    for weight, old in zip(layer.weights, before, strict=True):
        np.testing.assert_array_equal(as_float64(weight), old)
    for gradient in gradients[1:]:
        np.testing.assert_array_equal(gradient, np.zeros_like(gradient))


@every_layer
def test_unknown_dimensions(case, rng):
    if case.arguments.get("shared") is False:
        with pytest.raises(ValueError, match="not known"):
            case.make()(keras.Input((None, None, 3)))
        return
    layer = case.make()
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, layer(inputs))
    assert model.output.shape == (None, None, None, 3)
    for shape in ((2, 4, 5, 3), (1, 3, 2, 3)):
        x = rng.normal(size=shape).astype("float32")
        assert_within(
            as_float64(model(x)),
            case.inference(x.astype("float64"), -1, *map(as_float64, layer.trainable_weights)),
            1e-5,
        )


@pytest.mark.skipif(BACKEND != "tensorflow", reason="input signatures are TensorFlow's")
@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
@every_layer
def test_one_trace_serves_all_sizes(case, jit_compile, rng):
    import tensorflow as tf

    if case.arguments.get("shared") is False:
        pytest.skip("learns a slope a unit: it has one size")
    layer = case.make()
    weights = with_random_weights(layer, (None, None, 5), rng)
    signature = [tf.TensorSpec([None, None, 5])] * 2

    @tf.function(input_signature=signature, jit_compile=jit_compile, autograph=False)
    def step(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=case.training is not None)
        return outputs, tape.gradient(outputs, [x, *(weight.value for weight in layer.trainable_weights)], dy)

    for shape in ((4, 5, 5), (2, 7, 5)):
        x, dy = sample(rng, shape), rng.normal(size=shape)
        outputs, gradients = step(x.astype("float32"), dy.astype("float32"))
        reference = case.training or case.inference
        assert_within(as_float64(outputs), reference(x, -1, *weights), 1e-5, "outputs")
        expected = numerical_gradients(lambda x, *weights: reference(x, -1, *weights), [x, *weights], dy)  # noqa: B023
        for actual, right in zip(gradients, expected, strict=True):
            assert_within(as_float64(actual), right, 1e-5, "gradient")


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "torch", reason="jit is for TensorFlow (above for some layers) and JAX")
@every_layer
def test_under_jit_in_training(case, rng):
    """Random layers too: whatever they draw, outputs are finite and of the right shape, and a model trains."""
    model = keras.Sequential([keras.Input((4, 3)), case.make(), keras.layers.Flatten(), keras.layers.Dense(2)])
    model.compile("sgd", "mse", jit_compile=True)
    x = rng.normal(size=(8, 4, 3))
    assert np.isfinite(model.fit(x, np.zeros((8, 2)), epochs=2, verbose=0).history["loss"]).all()


# That test feeds a generator, and trains layers that have no weights.
@pytest.mark.filterwarnings("ignore:.shuffle=True. was passed", "ignore:The model does not have any trainable weights")
@every_layer
def test_keras_own_layer_test_passes(case):
    KerasTestCase("run_layer_test").run_layer_test(
        case.layer,
        {**case.arguments},
        input_shape=(2, 4, 4, 3),
        expected_output_shape=(2, 4, 4, 3),
        supports_masking=True,
    )


@every_layer
def test_integer_inputs_are_refused_by_name(case):
    with pytest.raises(TypeError, match="int32"):
        case.make()(np.ones((2, 3), "int32"))
    with pytest.raises(TypeError, match="int32"):
        case.make()(keras.Input((3,), dtype="int32"))


@every_layer
def test_config_round_trip(case):
    config = case.make(name="here").get_config()
    again = case.layer.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    for argument, value in case.arguments.items():
        assert getattr(again, argument) == value


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (lambda: layers.Dropout(0), "0"),
        (lambda: layers.Dropout(1.2), "1.2"),
        (lambda: layers.Dropout(-0.1), "-0.1"),
        (lambda: layers.BatchNorm(alpha=0), "0"),
        (lambda: layers.BatchNorm(alpha=1.5), "1.5"),
        (lambda: layers.BatchNorm(epsilon=0.0), "0.0"),
        (lambda: layers.LeakyReLU(-0.2), "-0.2"),
        (lambda: layers.LeakyReLU(1.5), "1.5"),
        (lambda: layers.LeakyReLU(1), "1"),
        (lambda: layers.RReLU(0.5, 0.25), "lower=0.5, upper=0.25"),
        (lambda: layers.RReLU(-0.5, 0.25), "-0.5"),
        (lambda: layers.ELU(0), "0"),
        (lambda: layers.CELU(-1.0), "-1.0"),
        (lambda: layers.ParametricELU(initial_beta=-3.0), "-3.0"),
        (lambda: layers.LocalResponseNorm(size=4), "4"),
        (lambda: layers.LocalResponseNorm(size=0), "0"),
        (lambda: layers.LocalResponseNorm(bias=0.0), "bias=0.0"),
        (lambda: layers.BatchNorm(axis=4)(np.ones((2, 3), "float32")), "4"),
        (lambda: layers.LocalResponseNorm(axis=0)(np.ones((2, 3), "float32")), "0"),
        (lambda: layers.BatchNorm(alpha=float("nan")), "nan"),
        (lambda: layers.Dropout(float("nan")), "nan"),
    ],
)
def test_a_wrong_argument_is_named_with_its_value(make, value):
    with pytest.raises(ValueError, match=f"received .*{value}"):
        make()


FRESH_PROCESS = """
import sys
import keras, numpy as np
import nntricks_keras
folder = sys.argv[1]
x = np.load(folder + "/x.npy")
model = keras.models.load_model(folder + "/model.keras")
by_weights = keras.models.model_from_json(open(folder + "/model.json").read())
by_weights.load_weights(folder + "/model.weights.h5")
for name, loaded in [("model", model), ("weights", by_weights)]:
    outputs = [keras.ops.convert_to_numpy(loaded(x))]
    outputs.append(keras.ops.convert_to_numpy(loaded(x, training=True)))
    np.save(folder + "/" + name + ".npy", np.stack(outputs))
"""


@pytest.mark.slow
def test_files_load_in_a_fresh_process_with_equal_outputs_and_draws(tmp_path, rng):
    """All layers in one model, since a process takes seconds to load a framework."""
    inputs = keras.Input((4, 3))
    merged = keras.layers.Concatenate()([case.make()(inputs) for case in CASES])
    model = keras.Model(inputs, merged)
    x = rng.normal(size=(8, 4, 3)).astype("float32")
    model(x, training=True)  # moves the statistics and the seeds off their start
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    (tmp_path / "model.json").write_text(model.to_json())
    np.save(tmp_path / "x.npy", x)
    expected = np.stack([keras.ops.convert_to_numpy(model(x)), keras.ops.convert_to_numpy(model(x, training=True))])
    root = Path(layers.__file__).parents[2]
    subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, tmp_path],
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    for name in ("model", "weights"):
        np.testing.assert_array_equal(np.load(tmp_path / f"{name}.npy"), expected)
