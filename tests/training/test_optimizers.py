"""L2 is in the gradient, once, on kernels only: against the recursion written out, and against PyTorch's SGD."""

import keras
import numpy as np
import pytest

from nntricks_keras.training.optimizers import SGDWithL2


@pytest.mark.parametrize("nesterov", [False, True])
def test_follows_the_papers_recursion(rng, nesterov):
    rate, momentum, l2, steps = 0.1, 0.9, 0.05, 6
    kernel = keras.Variable(rng.normal(size=(3, 2)).astype("float32"), name="kernel")
    bias = keras.Variable(rng.normal(size=2).astype("float32"), name="bias")
    variables = [kernel, bias]
    gradients = [[rng.normal(size=v.shape).astype("float32") for v in variables] for _ in range(steps)]
    expected = [np.array(v, dtype="float64") for v in variables]
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
    optimizer = keras.optimizers.deserialize(keras.optimizers.serialize(SGDWithL2(0.1, l2=0.3, momentum=0.7)))
    assert (optimizer.l2, optimizer.momentum) == (0.3, 0.7)
