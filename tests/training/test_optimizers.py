"""SGD with L2 on kernels only, against the recursion written out and PyTorch's; Muon, against NumPy in float64."""

import keras
import numpy as np
import pytest

from nntricks_keras.errors import InputError
from nntricks_keras.training.optimizers import Muon, SGDWithL2, orthogonalized


@pytest.mark.parametrize("nesterov", [False, True])
def test_follows_the_papers_recursion(rng, nesterov):
    rate, momentum, l2, steps = 0.1, 0.9, 0.05, 6
    kernel = keras.Variable(rng.normal(size=(3, 2)).astype("float32"), name="kernel")
    bias = keras.Variable(rng.normal(size=2).astype("float32"), name="bias")
    variables = [kernel, bias]
    gradients = [[rng.normal(size=v.shape).astype("float32") for v in variables] for _ in range(steps)]
    expected = [keras.ops.convert_to_numpy(v).astype("float64") for v in variables]
    velocity = [np.zeros_like(w) for w in expected]
    optimizer = SGDWithL2(rate, l2=l2, momentum=momentum, nesterov=nesterov)
    for step in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in step], variables)
        for i, decay in enumerate([l2, 0.0]):
            gradient = step[i] + decay * expected[i]
            velocity[i] = momentum * velocity[i] - rate * gradient
            expected[i] += momentum * velocity[i] - rate * gradient if nesterov else velocity[i]
    for variable, reference in zip(variables, expected, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), reference, rtol=1e-5, atol=1e-6)


def test_equals_torch_sgd(rng):
    torch = pytest.importorskip("torch")
    start, gradients = rng.normal(size=(3, 2)).astype("float32"), rng.normal(size=(5, 3, 2)).astype("float32")
    kernel = keras.Variable(start, name="kernel")
    optimizer = SGDWithL2(0.05, l2=0.01, momentum=0.9)
    parameter = torch.nn.Parameter(torch.tensor(start))
    reference = torch.optim.SGD([parameter], lr=0.05, momentum=0.9, weight_decay=0.01)
    for gradient in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [kernel])
        parameter.grad = torch.tensor(gradient)
        reference.step()
    np.testing.assert_allclose(keras.ops.convert_to_numpy(kernel), parameter.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_round_trip():
    optimizer = SGDWithL2(0.1, l2=0.3, momentum=0.7, learning_rate_factors={"conv*": 0.5})
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert (again.l2, again.momentum, again.learning_rate_factors) == (0.3, 0.7, {"conv*": 0.5})


def small_model():
    return keras.Sequential(
        [keras.Input((3,)), *(keras.layers.Dense(4, name=name) for name in ("conv1_1", "conv1_2", "fc6", "logits"))]
    )


def test_factors_by_layer_equal_torch_parameter_groups(rng):
    torch = pytest.importorskip("torch")
    factors = {"conv1_2": 0.0, "conv1_*": 0.1, "logits": 10.0}
    by_layer = {"conv1_1": 0.1, "conv1_2": 0.0, "fc6": 1.0, "logits": 10.0}
    model = small_model()
    optimizer = SGDWithL2(0.02, l2=0.01, momentum=0.9, learning_rate_factors=factors)
    parameters = [torch.nn.Parameter(torch.tensor(keras.ops.convert_to_numpy(v))) for v in model.trainable_variables]
    groups = [
        {
            "params": [parameter],
            "lr": 0.02 * by_layer[variable.path.split("/")[-2]],
            "weight_decay": 0.01 if variable.name == "kernel" else 0.0,
        }
        for parameter, variable in zip(parameters, model.trainable_variables, strict=True)
    ]
    reference = torch.optim.SGD(groups, lr=0.02, momentum=0.9)
    for _ in range(4):
        gradients = [rng.normal(size=v.shape).astype("float32") for v in model.trainable_variables]
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in gradients], model.trainable_variables)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient)
        reference.step()
    for variable, parameter in zip(model.trainable_variables, parameters, strict=True):
        ours = keras.ops.convert_to_numpy(variable)
        np.testing.assert_allclose(ours, parameter.detach().numpy(), rtol=1e-5, atol=1e-6, err_msg=variable.path)


def test_a_factor_for_a_layer_that_is_not_there():
    with pytest.raises(InputError, match="conv1_1"):
        SGDWithL2(0.1, learning_rate_factors={"conv1_9": 0.1}).build(small_model().trainable_variables)


@pytest.mark.parametrize("shape", [(3, 3, 4, 8), (3, 3, 1, 16), (5, 7), (16, 3), (1, 1, 6, 6)])
def test_orthogonalized_is_near_the_polar_factor(rng, shape):
    update = rng.normal(size=shape)
    ours = keras.ops.convert_to_numpy(orthogonalized(keras.ops.convert_to_tensor(update.astype("float32"))))
    assert ours.shape == shape
    left, before, right = np.linalg.svd(update.reshape(-1, shape[-1]), full_matrices=False)
    along = left.T @ ours.reshape(-1, shape[-1]) @ right.T
    after = np.diag(along)
    np.testing.assert_allclose(along, np.diag(after), atol=1e-3)
    # A square matrix of random numbers may be almost singular: what is too small is raised, but not to 1.
    small = before < 0.002 * np.linalg.norm(update)
    assert np.all((after[~small] > 0.68) & (after[~small] < 1.21)), after
    assert np.all((after[small] > 0) & (after[small] < 1.21)), after


@pytest.mark.parametrize("rank", [0, 1, 4])
@pytest.mark.parametrize("shape", [(3, 3, 32, 16), (24, 200)])
def test_orthogonalized_of_few_directions_is_the_iteration_written_out(rng, shape, rank):
    flat = (np.prod(shape[:-1]), shape[-1])
    update = (rng.normal(size=(flat[0], rank)) * 0.1 ** np.arange(rank)) @ rng.normal(size=(rank, flat[1]))
    x = update / (np.linalg.norm(update) + 1e-12)
    for _ in range(5):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    ours = orthogonalized(keras.ops.convert_to_tensor(update.reshape(shape).astype("float32")))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(ours).reshape(flat), x, atol=2e-3)


@pytest.mark.parametrize("nesterov", [False, True])
def test_muon_turns_hidden_kernels_and_moves_the_rest_as_sgd(rng, nesterov):
    rate, momentum, l2, others = 0.05, 0.8, 0.1, 3.0
    model = small_model()
    optimizer = Muon(rate, others=others, momentum=momentum, nesterov=nesterov, l2=l2)
    optimizer.build(model.trainable_variables)
    hidden = [v for v in model.trainable_variables if v.name == "kernel"][:-1]
    rest = [v for v in model.trainable_variables if all(v is not one for one in hidden)]
    sgd = SGDWithL2(rate * others, l2=l2, momentum=momentum, nesterov=nesterov)
    expected = [keras.Variable(v, name=v.name) for v in rest]
    turned = [keras.ops.convert_to_numpy(v).astype("float64") for v in hidden]
    velocity = [np.zeros_like(w) for w in turned]
    for _ in range(4):
        gradients = {v.path: rng.normal(size=v.shape).astype("float32") for v in model.trainable_variables}
        optimizer.apply([keras.ops.convert_to_tensor(gradients[v.path]) for v in model.trainable_variables])
        sgd.apply([keras.ops.convert_to_tensor(gradients[v.path]) for v in rest], expected)
        for i, variable in enumerate(hidden):
            velocity[i] = momentum * velocity[i] + gradients[variable.path]
            update = gradients[variable.path] + momentum * velocity[i] if nesterov else velocity[i]
            update = iterated(update)
            length = np.linalg.norm(turned[i])
            moved = turned[i] - rate * length * update / np.linalg.norm(update)
            turned[i] = moved * length / np.linalg.norm(moved)
    for variable, reference in zip([*hidden, *rest], [*turned, *expected], strict=True):
        reference = keras.ops.convert_to_numpy(reference)
        np.testing.assert_allclose(keras.ops.convert_to_numpy(variable), reference, rtol=1e-4, atol=1e-5)


def iterated(update):
    """Jordan et al.'s iteration in float64, on the singular values: 5 times 3.4445 s - 4.7750 s^3 + 2.0315 s^5."""
    left, singular, right = np.linalg.svd(update.astype("float64"), full_matrices=False)
    singular /= np.linalg.norm(singular)
    for _ in range(5):
        singular = 3.4445 * singular - 4.7750 * singular**3 + 2.0315 * singular**5
    return left * singular @ right


def test_muon_gives_a_kernel_of_zeros_a_length_and_keeps_it_without_a_gradient(rng):
    start = rng.normal(size=(3, 3, 2, 4)).astype("float32")
    variables = [keras.Variable(w, name="kernel") for w in (np.zeros((3, 3, 2, 4), "float32"), start, start)]
    optimizer = Muon(0.1, momentum=0.0)
    optimizer.apply([rng.normal(size=start.shape).astype("float32"), np.zeros_like(start), start], variables)
    lengths = [np.linalg.norm(keras.ops.convert_to_numpy(v)) for v in variables]
    np.testing.assert_allclose(lengths[:2], [2.0, np.linalg.norm(start)], rtol=1e-5)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(variables[1]), start, rtol=1e-5)


def test_muon_of_variables_in_bfloat16_is_that_of_float32_rounded(rng):
    start, gradient = rng.normal(size=(2, 3, 3, 4, 8)).astype("float32")
    after = {}
    for dtype in ("float32", "bfloat16"):
        variables = [keras.Variable(start, name="kernel", dtype=dtype) for _ in range(2)]
        Muon(0.1, momentum=0.9).apply([keras.ops.cast(gradient, dtype) for _ in variables], variables)
        assert {keras.backend.standardize_dtype(variable.dtype) for variable in variables} == {dtype}
        after[dtype] = [keras.ops.convert_to_numpy(keras.ops.cast(variable, "float32")) for variable in variables]
    for rounded, exact, rounding in zip(after["bfloat16"], after["float32"], [2e-2, 4e-2], strict=True):
        np.testing.assert_allclose(rounded, exact, rtol=1e-2, atol=rounding)
    assert np.abs(after["float32"][0] - start).max() > 0.1


def test_muon_round_trip_and_factors_by_layer(rng):
    optimizer = Muon(0.1, others=5.0, momentum=0.7, learning_rate_factors={"conv1_1": 0.0})
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert (again.others, again.momentum, again.learning_rate_factors) == (5.0, 0.7, {"conv1_1": 0.0})
    model = small_model()
    before = [keras.ops.convert_to_numpy(v).copy() for v in model.trainable_variables]
    again.build(model.trainable_variables)
    again.apply([rng.normal(size=v.shape).astype("float32") for v in model.trainable_variables])
    for variable, old in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_equal(np.allclose(keras.ops.convert_to_numpy(variable), old), "conv1_1" in variable.path)
