"""Before the training: one line when all is well, otherwise what is wrong, by its name."""

import keras
import numpy as np
import pytest

from nntricks_keras.errors import InputError
from nntricks_keras.health import preflight

LOGITS = keras.losses.CategoricalCrossentropy(from_logits=True)


def model_with(loss=LOGITS, activation=None, outputs=4):
    layers = [keras.layers.Dense(16, "relu", kernel_initializer="he_normal", name="hidden")]
    layers += [keras.layers.Dense(outputs, activation, name="last")]
    model = keras.Sequential([keras.Input((8,)), *layers])
    model.compile(keras.optimizers.SGD(0.01), loss)
    return model


def examples(rng, count=96, classes=4):
    x = rng.normal(size=(count, 8)).astype("float32")
    return x, np.eye(classes, dtype="float32")[rng.integers(0, classes, count)]


def kinds(report):
    return {finding.kind for finding in report.alarms}


def test_one_line_when_all_is_well(rng, capsys):
    report = preflight(model_with(), *examples(rng))
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("preflight: 2 layers on 96 examples, loss ")
    assert line.endswith("(ln 4 = 1.39): all well")
    assert not report.alarms


def test_it_leaves_the_model_as_it_is(rng):
    model = model_with()
    before = [keras.ops.convert_to_numpy(variable) for variable in [*model.variables, *model.optimizer.variables]]
    preflight(model, *examples(rng))
    for variable, value in zip([*model.variables, *model.optimizer.variables], before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_a_stream_of_batches(rng):
    x, y = examples(rng)
    report = preflight(model_with(), iter([(x[:32], y[:32]), (x[32:], y[32:])]))
    assert report.num_examples == 96


def planted(rng, illness):
    """(model, x, y) with one thing wrong."""
    x, y = examples(rng)
    model = model_with()
    if illness == "double_softmax":
        model = model_with(activation="softmax")
    elif illness == "logits_as_probabilities":
        model = model_with(loss="categorical_crossentropy")
    elif illness == "labels":
        y = y + np.roll(y, 1, axis=1)
    elif illness == "non_finite_inputs":
        x[3, 2] = np.nan
    elif illness == "unscaled_inputs":
        x = rng.integers(0, 256, x.shape).astype("float32")
    elif illness == "constant_inputs":
        x[:] = x[0]
    elif illness == "one_class":
        y[:] = y[0]
    elif illness == "large_loss":
        kernel, bias = model.get_layer("last").get_weights()
        model.get_layer("last").set_weights([100 * kernel, bias])
    return model, x, y


@pytest.mark.parametrize(
    "illness",
    [
        "double_softmax",
        "logits_as_probabilities",
        "labels",
        "non_finite_inputs",
        "unscaled_inputs",
        "constant_inputs",
        "one_class",
        "large_loss",
    ],
)
def test_what_is_wrong_is_named_and_printed(rng, capsys, illness):
    report = preflight(*planted(rng, illness))
    assert illness in kinds(report)
    printed = capsys.readouterr().out
    assert "all well" not in printed
    assert next(finding.text for finding in report.alarms if finding.kind == illness) in printed


@pytest.mark.parametrize(
    ("loss", "activation"),
    [(LOGITS, None), ("categorical_crossentropy", "softmax"), (keras.losses.CategoricalCrossentropy(), "softmax")],
)
def test_logits_and_probabilities_where_they_belong_are_no_finding(rng, loss, activation):
    assert not kinds(preflight(model_with(loss, activation), *examples(rng))) & {
        "double_softmax",
        "logits_as_probabilities",
    }


def test_a_softmax_that_is_no_layer_is_no_finding(rng):
    inputs = keras.Input((8,))
    hidden = keras.layers.Dense(16, "relu", name="hidden")(inputs)
    model = keras.Model(inputs, keras.ops.softmax(keras.layers.Dense(4, name="last")(hidden)))
    model.compile("sgd", "categorical_crossentropy")
    assert not kinds(preflight(model, *examples(rng)))


def test_smoothed_and_mixed_labels_are_no_finding(rng):
    x, y = examples(rng)
    assert not kinds(preflight(model_with(), x, 0.9 * (0.3 * y + 0.7 * y[::-1]) + 0.1 / 4))


def test_mostly_constant_pixels_are_worth_a_line(rng, capsys):
    x, y = examples(rng)
    x[:, :6] = 0
    report = preflight(model_with(), x, y)
    assert "constant_pixels" in {finding.kind for finding in report.findings}
    assert "75% of the numbers" in capsys.readouterr().out


@pytest.mark.parametrize("labels", [np.arange(96) % 5, np.eye(5)[np.arange(96) % 5], np.full(96, -1)])
def test_labels_of_other_classes_are_refused(rng, labels):
    x, _ = examples(rng)
    with pytest.raises(InputError, match=r"4|0\.\.3"):
        preflight(model_with(), x, labels)
