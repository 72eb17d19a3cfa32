"""L2 is in the gradient, once, on kernels only: against the recursion written out, and against PyTorch's SGD."""

import keras
import numpy as np
import pytest

from nntricks_keras.errors import InputError
from nntricks_keras.training.optimizers import SGDWithL2


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
