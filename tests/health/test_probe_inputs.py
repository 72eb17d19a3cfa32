"""What probe takes: streams, nested and subclassed models, labels of all kinds; and what it leaves as it was."""

import json

import keras
import numpy as np
import pytest
from keras import ops

from nntricks_keras import health, layers
from nntricks_keras.errors import InputError
from nntricks_keras.health.streams import num_classes_of
from tests.health.comparing import close, one_hot, perceptron, rows_of


def test_a_stream_is_added_up(rng):
    """Uneven batches as one: without BatchNorm the numbers are those of all examples; dead is dead in every batch."""
    x = rng.normal(size=(30, 6)).astype("float32")
    labels = rng.integers(0, 4, 30)
    model = perceptron()
    whole = health.probe(model, x, labels)
    parts = health.probe(model, [(x[a:b], labels[a:b]) for a, b in [(0, 4), (4, 21), (21, 30)]])
    assert parts.num_examples == 30
    for one, other in zip(whole.layers, parts.layers, strict=True):
        for name in ("mean", "std", "dead", "negative", "gradient_std", "gradient_norm", "weight_std", "signal_ratio"):
            close(getattr(other, name), getattr(one, name), rtol=1e-3)
    close(parts.loss, whole.loss)
    assert health.probe(model, [(x[:20], labels[:20]), (x[20:], labels[20:])], max_examples=25).num_examples == 25


def test_dead_is_dead_in_every_batch():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "relu", use_bias=False, name="fc")])
    model.layers[0].set_weights([np.eye(4)])
    first, second = np.zeros((2, 8, 4), "float32")
    first[5, 0], second[2, 1] = 1, 2
    second[:, 2] = -1
    assert health.probe(model, [first]).layers[0].dead == 0.75
    assert health.probe(model, [first, second]).layers[0].dead == 0.5


def test_tf_data_and_compiled_passes_say_the_same(rng):
    tf = pytest.importorskip("tensorflow")
    x = rng.normal(size=(30, 6)).astype("float32")
    y = one_hot(rng.integers(0, 4, 30), 4)
    model = perceptron()
    wanted = health.probe(model, x, y)
    dataset = tf.data.Dataset.from_tensor_slices((x, y)).batch(30)
    found = health.probe(model, dataset)
    compiled = health.Prober(model)(dataset, epoch=3)
    assert compiled.epoch == 3
    for a, b, c in zip(wanted.layers, found.layers, compiled.layers, strict=True):
        close((b.std, b.gradient_std), (a.std, a.gradient_std))
        close((c.std, c.gradient_std), (a.std, a.gradient_std))
    with pytest.raises(InputError, match="max_examples"):
        health.probe(model, dataset.repeat())
    with pytest.raises(InputError, match="in batches"):
        health.probe(model, dataset.unbatch())


def test_the_model_is_left_as_it_was(rng):
    """Weights, moving statistics, seeds, compiled state, the global seed; and the same probe gives the same numbers."""
    x = rng.normal(size=(20, 6)).astype("float32")
    y = one_hot(rng.integers(0, 4, 20), 4)
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            keras.layers.Dense(16, "relu"),
            layers.BatchNorm(),
            layers.Dropout(0.5, seed=1),
            keras.layers.Dropout(0.3),
            layers.RReLU(seed=2),
            keras.layers.BatchNormalization(),
            keras.layers.Dense(4, activity_regularizer="l2", kernel_regularizer="l2"),
        ]
    )
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)
    everything = [*model.variables, *model.optimizer.variables]
    before = [np.array(ops.convert_to_numpy(variable)) for variable in everything]
    keys = [sorted(layer.__dict__) for layer in model.layers]
    first = health.probe(model, x, y)
    second = health.probe(model, x, y)
    assert first.to_dict() == second.to_dict()
    for variable, value in zip(everything, before, strict=True):
        np.testing.assert_array_equal(ops.convert_to_numpy(variable), value)
    assert [sorted(layer.__dict__) for layer in model.layers] == keys
    assert first.layers[0].update_ratio == pytest.approx(
        1e-3 * np.sqrt(96) / np.linalg.norm(model.layers[0].get_weights()[0]), rel=1e-4
    )


def test_nested_models_and_several_inputs(rng):
    inner = keras.Sequential([keras.Input((6,)), keras.layers.Dense(5, "tanh", name="fc")], name="block")
    a, b = keras.Input((6,), name="left"), keras.Input((3,), name="right")
    h = keras.layers.Concatenate()([inner(a), keras.layers.Dense(5, "selu", name="other")(b)])
    model = keras.Model([a, b], keras.layers.Dense(2, name="logits")(h))
    data = [rng.normal(size=(12, 6)).astype("float32"), rng.normal(size=(12, 3)).astype("float32")]
    labels = rng.integers(0, 2, 12)
    report = health.probe(model, data, labels)
    assert sorted(row.name for row in report.layers) == ["block/fc", "logits", "other"]
    assert [given.name for given in report.inputs[:2]] == ["left", "right"]
    np.testing.assert_allclose(rows_of(report)["block/fc"].std, np.std(inner.predict(data[0], verbose=0)), rtol=1e-4)
    with pytest.raises(InputError, match="shape"):
        health.probe(model, data[0], labels)


def test_integer_and_one_hot_labels_are_the_same(rng):
    x = rng.normal(size=(20, 6)).astype("float32")
    labels = rng.integers(0, 4, 20)
    model = perceptron()
    reports = [
        health.probe(model, x, y, loss=loss)
        for y in (labels, labels[:, None], one_hot(labels, 4))
        for loss in (
            None,
            keras.losses.CategoricalCrossentropy(from_logits=True),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
    ]
    for report in reports:
        close(report.loss, reports[0].loss)
        assert report.label_shares == reports[0].label_shares


def test_without_labels_only_what_goes_forward(rng):
    report = health.probe(perceptron(), rng.normal(size=(20, 6)).astype("float32"))
    row = report.layers[0]
    assert report.loss is row.gradient_std is row.weight_gradient_norm is row.update_ratio is None
    assert row.std > 0
    assert not report.alarms


def test_a_subclassed_model_and_a_batch_of_one(rng):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.fc = keras.layers.Dense(5, "relu", name="fc")
            self.norm = layers.BatchNorm(name="norm")
            self.out = keras.layers.Dense(3, name="out")

        def call(self, inputs, training=False):
            return self.out(self.norm(self.fc(inputs), training=training))

    model = Own()
    x = rng.normal(size=(1, 6)).astype("float32")
    with pytest.raises(InputError, match="not built"):
        health.probe(model, x)
    model(x)
    report = health.probe(model, x, np.array([2]))
    assert [row.name for row in report.layers] == ["fc", "norm", "out"]
    assert [finding.kind for finding in report.findings if finding.severity == "note"] == ["few_examples"]


def test_bad_input_says_what_to_do(rng):
    x = rng.normal(size=(8, 6)).astype("float32")
    flatten = keras.Sequential([keras.Input((2, 3)), keras.layers.Flatten()])
    for arguments, words in [
        ((flatten, np.zeros((8, 2, 3), "float32")), "no layer with weights"),
        ((keras.Sequential([keras.layers.Dense(3)]), x), "not built"),
        ((perceptron(), x, np.full(8, 4)), r"labels have to be in 0\.\.3, received 4"),
        ((perceptron(), x, np.zeros(7)), "as many"),
        ((perceptron(), x[:0], np.zeros(0)), "no examples"),
        ((perceptron(), x[:, :5]), "inputs of shape"),
        (("vgg16", x), "takes a keras.Model"),
        (
            (keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, layers.PReLU())]), x),
            "call the model on a batch",
        ),
    ]:
        with pytest.raises(InputError, match=words):
            health.probe(*arguments)
    one_output = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1)])
    with pytest.raises(InputError, match="loss='mse'"):
        health.probe(one_output, x, np.zeros(8))
    assert health.probe(one_output, x, np.zeros((8, 1)), loss="mse").loss > 0


def test_reports_survive_json_and_print(rng):
    x = rng.normal(size=(20, 6)).astype("float32")
    report = health.probe(perceptron(), x, rng.integers(0, 4, 20), histograms=True)
    assert health.HealthReport.from_dict(json.loads(json.dumps(report.to_dict()))).to_dict() == report.to_dict()
    histogram = report.histograms["fc1"]["gradient"]
    close(np.sum(histogram["density"] * np.diff(histogram["edges"])), 1.0, rtol=0.05)
    table = report.table()
    for row in report.layers:
        assert row.name in table
    assert "no alarm" in table


def test_a_limit_that_cuts_a_batch_without_labels(rng):
    x = rng.normal(size=(30, 6)).astype("float32")
    assert health.probe(perceptron(), x, max_examples=25).num_examples == 25
    assert health.probe(perceptron(), [x], max_examples=25).num_examples == 25


def test_numbers_that_are_standardized_by_learnt_statistics_are_no_weights(rng):
    """keras.layers.Normalization has mean, variance and count, to which no gradient can come."""
    x = rng.normal(3, 2, size=(40, 5)).astype("float32")
    standardized = keras.layers.Normalization()
    standardized.adapt(x)
    model = keras.Sequential([keras.Input((5,)), standardized, keras.layers.Dense(8, "relu"), keras.layers.Dense(3)])
    report = health.probe(model, x, rng.integers(0, 3, 40))
    assert [row.weight_std is not None for row in report.layers] == [False, True, True]
    assert not [finding for finding in report.alarms if finding.kind == "cut_off"]


def test_a_relu6_that_is_zero_for_all_examples_is_dead_and_one_that_is_six(rng):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, "relu6", name="fc")])
    model.layers[0].set_weights([np.eye(4), np.array([-9, 9, 0, 0], "float32")])
    x = rng.uniform(-1, 1, size=(20, 4)).astype("float32")
    x[:, 3] = 9 * np.sign(x[:, 3])  # 0 or 6, but never between
    assert health.probe(model, x).layers[0].dead == 0.75


def test_a_regression_is_not_compared_with_a_guess_of_classes(rng):
    x, y = rng.normal(size=(40, 6)).astype("float32"), 9 * rng.normal(size=(40, 4)).astype("float32") + [40, 0, 0, 0]
    several = rng.integers(0, 2, size=(40, 4)).astype("float32")
    for loss, targets in (("mse", y), ("binary_crossentropy", several)):
        outputs = keras.layers.Dense(4, "sigmoid" if loss == "binary_crossentropy" else None)
        model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, "tanh"), outputs])
        assert health.probe(model, x, targets, loss=loss).num_classes is None
        model.compile("sgd", loss)
        report = health.preflight(model, x, targets)
        assert report.num_classes is None
        assert not {finding.kind for finding in report.alarms} & {"labels", "one_class", "large_loss"}


def test_cross_entropy_over_classes_is_known_whatever_it_comes_in(rng):
    class Own(keras.losses.CategoricalCrossentropy):
        pass

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(4, "softmax", name="out")])
    x, y = rng.normal(size=(40, 6)).astype("float32"), one_hot(rng.integers(0, 4, 40), 4)
    for loss in (
        "categorical_crossentropy",
        ["categorical_crossentropy"],
        keras.losses.categorical_crossentropy,
        Own(),
    ):
        model.compile("sgd", loss)
        assert health.probe(model, x, y).num_classes == 4
    assert num_classes_of(model, {"out": keras.losses.SparseCategoricalCrossentropy()}) == 4
    assert num_classes_of(model, {"out": keras.losses.BinaryCrossentropy()}) is None


def test_a_norm_without_scale_and_centre_keeps_its_row(rng):
    norm = layers.BatchNorm(center=False, scale=False, name="norm")
    model = keras.Sequential([keras.Input((6,)), norm, keras.layers.Dense(3)])
    row = health.probe(model, rng.normal(size=(40, 6)).astype("float32")).layers[0]
    assert row.name == "norm"
    assert row.weight_std is None
    assert row.std > 0
