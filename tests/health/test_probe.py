"""What probe measures against plain references: NumPy in float64, PyTorch's gradients, finite differences."""

import keras
import numpy as np
import pytest
from keras import ops

from nntricks_keras import health, layers, training
from tests.health.comparing import close, one_hot, perceptron, rows_of

torch = pytest.importorskip("torch")


def torch_mlp(model, x, labels):
    """What torch finds in float64: [(before the activation, after it, its gradient of the summed loss)], weights."""
    weights = [torch.tensor(np.asarray(w), dtype=torch.float64, requires_grad=True) for w in model.get_weights()]
    h, seen = torch.tensor(x, dtype=torch.float64), []
    for i, function in enumerate([torch.tanh, torch.relu, lambda z: z]):
        z = h @ weights[2 * i] + weights[2 * i + 1]
        h = function(z)
        h.retain_grad()
        seen.append((z, h))
    loss = torch.nn.functional.cross_entropy(h, torch.tensor(labels), reduction="sum")
    loss.backward()
    found = [(z.detach().numpy(), h.detach().numpy(), h.grad.numpy()) for z, h in seen]
    return found, [w.grad.numpy() / len(x) for w in weights], loss.item() / len(x)


def test_every_number_of_a_perceptron(rng):
    x = rng.normal(size=(40, 6)).astype("float32")
    labels = rng.integers(0, 4, 40)
    model = perceptron()
    model.compile(keras.optimizers.SGD(0.25), "sparse_categorical_crossentropy")
    report = health.probe(model, x, labels, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    seen, weight_gradients, loss = torch_mlp(model, x, labels)
    close(report.loss, loss)
    assert (report.num_examples, report.num_classes, report.steps) == (40, 4, 0)
    close(report.label_shares, np.bincount(labels, minlength=4) / 40)
    close((report.inputs[0].mean, report.inputs[0].std), (x.mean(), x.std()))
    signal = x.std()
    for i, row in enumerate(report.layers):
        z, h, gradient = seen[i]
        kernel = model.layers[i].get_weights()[0]
        close((row.mean, row.std, row.negative), (h.mean(), h.std(), np.mean(h < 0)))
        close(row.gradient_mean, gradient.mean(), rtol=1e-2)
        close(row.gradient_std, gradient.std())
        close(row.gradient_norm, np.sqrt(np.mean(np.sum(gradient**2, axis=1))))
        close((row.weight_std, row.signal_ratio), (kernel.std(), z.std() / signal))
        norm = np.linalg.norm(weight_gradients[2 * i])
        close((row.weight_gradient_norm, row.update_ratio), (norm, 0.25 * norm / np.linalg.norm(kernel)))
        assert row.num_units == kernel.shape[1]
        assert row.equal_units == 0
        signal = z.std()
    first, second, _ = report.layers
    close(first.saturated, np.mean(1 - seen[0][1] ** 2 < 0.01))
    close(second.dead, np.mean(np.all(seen[1][1] == 0, axis=0)))
    assert [row.activation for row in report.layers] == ["tanh", "relu", "linear"]
    assert [row.drift for row in report.layers] == [None] * 3


@pytest.mark.parametrize("make", [keras.optimizers.SGD, keras.optimizers.Adam])
def test_a_scaled_loss_changes_nothing(rng, make):
    """As under mixed_float16: the optimizer that moves the weights is within the one the model has."""
    model, x, labels = perceptron(), rng.normal(size=(40, 6)).astype("float32"), rng.integers(0, 4, 40)
    reports = []
    for wrap in (lambda optimizer: optimizer, keras.optimizers.LossScaleOptimizer):
        rate = keras.optimizers.schedules.ExponentialDecay(0.25, 10, 0.9)
        model.compile(wrap(make(rate)), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        reports.append(health.probe(model, x, labels))
    plain, scaled = reports
    assert plain.scheduled
    assert scaled == plain


def test_the_kernels_that_muon_turns_move_by_its_rate(rng):
    """0.02 is no alarm, and it is what a step does; the last kernel moves as by SGD, 7 times as far."""
    model, x, labels = perceptron(), rng.normal(size=(40, 6)).astype("float32"), rng.integers(0, 4, 40)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    reports = {}
    for make in (keras.optimizers.SGD, training.Muon):
        model.compile(make(0.02), loss)
        model.optimizer.build(model.trainable_variables)
        reports[make] = health.probe(model, x, labels)
    *hidden, last = (row.update_ratio for row in reports[training.Muon].layers)
    assert hidden == [pytest.approx(0.02)] * 2
    assert last == pytest.approx(7 * reports[keras.optimizers.SGD].layers[-1].update_ratio)
    assert "large_rate" not in {finding.kind for finding in reports[training.Muon].findings}
    before = model.get_weights()[0]
    model.train_on_batch(x, labels)
    step = np.linalg.norm(model.get_weights()[0] - before) / np.linalg.norm(before)
    assert 0.01 < step < 0.0201  # what goes along the kernel is taken back


def test_gradients_by_finite_differences(rng):
    x = rng.normal(size=(9, 6)).astype("float32")
    y = one_hot(rng.integers(0, 4, 9), 4)
    model = perceptron()
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    row = health.probe(model, x, y, loss=loss).layers[0]
    weights = [w.astype("float64") for w in model.get_weights()]

    def total(shift):
        h = np.tanh(x @ weights[0] + weights[1]) + shift
        z = np.maximum(h @ weights[2] + weights[3], 0) @ weights[4] + weights[5]
        return np.sum(np.log(np.sum(np.exp(z), axis=1)) - np.sum(z * y, axis=1))

    gradient = np.zeros((9, 8))
    for at in np.ndindex(gradient.shape):
        shift = np.zeros((9, 8))
        shift[at] = 1e-8
        gradient[at] = (total(shift) - total(-shift)) / 2e-8
    close(row.gradient_std, gradient.std(), rtol=1e-3)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_units_of_a_convolution_are_its_channels(rng, data_format):
    """Two of five channels dead, one in half of the examples only; activation as a layer."""
    shape = (6, 6, 3) if data_format == "channels_last" else (3, 6, 6)
    x = np.abs(rng.normal(size=(8, *shape))).astype("float32")
    x[:4] *= 0.01
    inputs = keras.Input(shape)
    h = keras.layers.Conv2D(5, 1, data_format=data_format, name="conv")(inputs)
    h = keras.layers.Activation("relu", name="act")(h)
    model = keras.Model(inputs, keras.layers.Dense(2, name="logits")(keras.layers.Flatten()(h)))
    conv = model.get_layer("conv")
    conv.kernel.assign(np.abs(ops.convert_to_numpy(conv.kernel)) + 0.1)
    conv.bias.assign([-100.0, 0, -100.0, -0.3, 0.1])
    rows = rows_of(health.probe(model, x))
    assert (rows["conv"].num_units, rows["act"].num_units) == (5, 5)
    assert rows["act"].dead == pytest.approx(0.4)
    assert rows["conv"].dead == 0


def test_batch_norm_against_torch(rng):
    """Statistics, gradients through the batch's statistics, drift; a picture network in training mode."""
    x = rng.normal(1, 2, size=(16, 5, 5, 2)).astype("float32")
    labels = rng.integers(0, 3, 16)
    inputs = keras.Input((5, 5, 2))
    h = keras.layers.Conv2D(4, 3, use_bias=False, name="conv")(inputs)
    h = layers.BatchNorm(name="norm")(h)
    h = layers.LeakyReLU(0.1, name="act")(h)
    model = keras.Model(inputs, keras.layers.Dense(3, name="logits")(keras.layers.GlobalAveragePooling2D()(h)))
    norm = model.get_layer("norm")
    moving = rng.normal(size=4).astype("float32"), rng.uniform(0.5, 4, size=4).astype("float32")
    norm.moving_mean.assign(moving[0])
    norm.moving_variance.assign(moving[1])
    report = health.probe(model, x, labels)
    rows = rows_of(report)

    kernel, dense, bias = (
        np.asarray(ops.convert_to_numpy(v)) for v in (*model.get_layer("conv").weights, *model.layers[-1].weights)
    )
    weight = torch.tensor(kernel.transpose(3, 2, 0, 1), dtype=torch.float64, requires_grad=True)
    z = torch.nn.functional.conv2d(torch.tensor(x.transpose(0, 3, 1, 2), dtype=torch.float64), weight)
    z.retain_grad()
    mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3), unbiased=False)
    normalized = torch.nn.functional.batch_norm(z, None, None, training=True, eps=1e-5)
    h = torch.nn.functional.leaky_relu(normalized, 0.1)
    h.retain_grad()
    logits = h.mean((2, 3)) @ torch.tensor(dense, dtype=torch.float64) + torch.tensor(bias, dtype=torch.float64)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(labels), reduction="sum")
    loss.backward()

    close(report.loss, loss.item() / 16)
    close(
        (rows["conv"].std, rows["conv"].gradient_std),
        (np.std(z.detach().numpy()), np.std(z.grad.numpy())),
        1e-3,
    )
    close((rows["act"].std, rows["act"].gradient_std), (np.std(h.detach().numpy()), np.std(h.grad.numpy())), 1e-3)
    close(rows["conv"].weight_gradient_norm, float(weight.grad.norm()) / 16, 1e-3)
    mean, deviation = mean.detach().numpy(), np.sqrt(variance.detach().numpy())
    distance = (mean - moving[0]) ** 2 + (deviation - np.sqrt(moving[1])) ** 2
    close(rows["norm"].drift, np.sqrt(np.mean(distance / np.maximum(deviation**2, moving[1]))))
    assert rows["act"].activation == "leaky_relu"


@pytest.mark.parametrize(
    ("make", "name", "flat"),
    [
        (lambda: layers.ScaledTanh(), "scaled_tanh", lambda z: 1 / np.cosh(2 * z / 3) ** 2 < 0.01),
        (lambda: layers.ELU(0.5), "elu", lambda z: np.where(z > 0, 1, 0.5 * np.exp(z)) < 0.01),
        (lambda: keras.layers.ELU(2.0), "elu", lambda z: np.where(z > 0, 1, 2 * np.exp(z)) < 0.02),
        (lambda: layers.CELU(2.0), "celu", lambda z: np.where(z > 0, 1, np.exp(z / 2)) < 0.01),
        (lambda: keras.layers.Activation("selu"), "selu", lambda z: np.where(z > 0, 0.598, np.exp(z)) < 0.01),
        (lambda: keras.layers.Activation("sigmoid"), "sigmoid", lambda z: 1 / np.cosh(z / 2) ** 2 < 0.01),
        (lambda: keras.layers.Activation("tanh"), "tanh", lambda z: 1 / np.cosh(z) ** 2 < 0.01),
        (lambda: keras.layers.Activation("softsign"), "softsign", lambda z: 1 / (1 + abs(z)) ** 2 < 0.01),
        (lambda: keras.layers.Activation("softplus"), "softplus", lambda z: 1 / (1 + np.exp(-z)) < 0.01),
        (lambda: keras.layers.Activation("hard_sigmoid"), "hard_sigmoid", lambda z: abs(z) >= 3),
        (lambda: keras.layers.Activation("relu6"), "relu6", lambda z: z >= 6),
        (lambda: keras.layers.Activation("relu"), "relu", None),
        (lambda: keras.layers.ReLU(), "relu", None),
        (lambda: layers.PReLU(), "prelu", None),
    ],
)
def test_saturation_is_where_the_derivative_is_small(rng, make, name, flat):
    """The layer after a Dense of weight 1, so that z is known; and the same as an argument of Dense."""
    z = rng.normal(0, 5, size=(500, 2)).astype("float32")
    activation = make()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, name="fc"), activation])
    argument = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, make(), name="fc")])
    for each in (model, argument):
        each(z)  # builds an activation that is an argument
        each.layers[0].set_weights([np.eye(2), np.zeros(2), *each.layers[0].get_weights()[2:]])
        row = health.probe(each, z).layers[-1]
        assert row.activation == name
        assert row.saturated is None if flat is None else row.saturated == pytest.approx(np.mean(flat(z)), abs=2e-3)


def test_equal_units_are_counted(rng):
    model = perceptron()
    weights = model.get_weights()
    weights[0][:, [1, 4]] = weights[0][:, [0]]
    weights[1][[1, 4]] = weights[1][0]
    weights[0][:, 6] = weights[0][:, 5]  # equal kernels, but biases that differ
    model.set_weights(weights)
    rows = rows_of(health.probe(model, rng.normal(size=(5, 6)).astype("float32")))
    assert (rows["fc1"].equal_units, rows["fc2"].equal_units) == (3 / 8, 0)
