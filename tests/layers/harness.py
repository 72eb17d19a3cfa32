"""Running a layer forward and backward on every backend, and comparing with float64."""

import inspect

import keras
import numpy as np

BACKEND = keras.backend.backend()
TOLERANCE = {"float32": 1e-5, "bfloat16": 1e-2, "float16": 1e-2}


def forward_backward(layer, x, dy, training=False):
    """The outputs on x, and the gradients of sum(dy * outputs) for x and the trainable weights, in float64."""
    dtype = layer.compute_dtype
    if not layer.built:
        layer.build(x.shape)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        inputs = tf.cast(x, dtype)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, training=training)
        weights = [weight.value for weight in layer.trainable_weights]
        gradients = tape.gradient(outputs, [inputs, *weights], tf.cast(dy, outputs.dtype))
    elif BACKEND == "jax":
        import jax
        import jax.numpy as jnp

        # stateless_call hands its arguments to call as they are.
        mode = {"training": training} if "training" in inspect.signature(layer.call).parameters else {}
        fixed = [variable.value for variable in layer.non_trainable_variables]

        def function(inputs, *weights):
            return layer.stateless_call(list(weights), fixed, inputs, **mode)

        weights = [weight.value for weight in layer.trainable_variables]
        outputs, pull_back, updated = jax.vjp(function, jnp.asarray(x, dtype), *weights, has_aux=True)
        for variable, value in zip(layer.non_trainable_variables, updated, strict=True):
            variable.assign(value)
        gradients = pull_back(jnp.asarray(dy, outputs.dtype))
    else:
        inputs = keras.ops.convert_to_tensor(x, dtype).requires_grad_()
        for weight in layer.trainable_weights:
            weight.value.grad = None
        outputs = layer(inputs, training=training)
        outputs.backward(keras.ops.cast(keras.ops.convert_to_tensor(dy), outputs.dtype))
        gradients = [inputs.grad, *(weight.value.grad for weight in layer.trainable_weights)]
    return as_float64(outputs), [as_float64(gradient) for gradient in gradients]


def as_float64(tensor):
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32")).astype("float64")


def rounded(x, dtype):
    """x as a tensor of this dtype holds it, in float64."""
    return as_float64(keras.ops.cast(keras.ops.convert_to_tensor(x.astype("float32")), dtype))


def assert_within(actual, expected, tolerance, what=""):
    """max |difference| <= tolerance * max |reference|."""
    assert actual.shape == expected.shape, f"{what}: shape {actual.shape}, expected {expected.shape}"
    scale = np.max(np.abs(expected), initial=0)
    difference = np.max(np.abs(actual - expected), initial=0)
    assert difference <= tolerance * max(scale, 1e-30), f"{what}: off by {difference:.3g}, largest {scale:.3g}"


def numerical_gradients(function, arrays, dy, step=1e-6):
    """The gradients of sum(dy * function(*arrays)) by central differences in float64."""
    gradients = []
    for position, array in enumerate(arrays):
        gradient = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            sides = []
            for sign in (1, -1):
                moved = [other.copy() for other in arrays]
                moved[position][index] += sign * step
                sides.append(np.sum(dy * function(*moved)))
            gradient[index] = (sides[0] - sides[1]) / (2 * step)
        gradients.append(gradient)
    return gradients
