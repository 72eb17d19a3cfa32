"""Layers of this package beside the stock ones: time of forward + backward, and memory kept in between.

Claim: on TensorFlow (CPU, float32, (64, 32, 32, 64)) BatchNorm trains in at most 0.50 of the time of the stock layer,
Dropout in 0.40, LocalResponseNorm in 0.40 of `tf.nn.lrn`, BatchNorm at inference in 0.80; LeakyReLU, ELU and PReLU take
no more than 1.03. Under jit on JAX none takes more than 1.05. None keeps more memory for the backward pass.

    python -m benchmarks.layers                     # TensorFlow
    KERAS_BACKEND=jax python -m benchmarks.layers   # JAX, under jit

Each round times one call of ours and one of the stock layer, in an order that alternates, so that whatever else the
machine does meets both. The ratio is the median over the rounds of ours / stock; its 95 % interval is that of a median,
from order statistics. A call computes the outputs, and the gradients for the inputs and the trainable weights, in one
compiled function.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from benchmarks.intervals import summary
from benchmarks.pages import machine, results_file, versions, write_rows, write_table
from nntricks_keras import layers
from nntricks_keras.backend import reference

SHAPE = (64, 32, 32, 64)
PAGE = Path(__file__).with_name("README.md")
BACKEND = keras.backend.backend()
PACKAGES = [BACKEND, "keras"]


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer of ours, the stock one, and the ratio of their times that we claim on each backend."""

    name: str
    ours: Callable
    stock: Callable
    training: bool
    bounds: dict


def stock_local_response_norm():
    if BACKEND == "tensorflow":
        import tensorflow as tf

        return keras.layers.Lambda(lambda x: tf.nn.lrn(x, 2, 2.0, 1e-4, 0.75))
    # Keras has none: the paper's formula, as it stands.
    return keras.layers.Lambda(lambda x: reference.local_response_norm(x, 5, 2.0, 1e-4, 0.75, 3))


def stock_prelu():
    return keras.layers.PReLU(keras.initializers.Constant(0.25), shared_axes=[1, 2])


def stock_batch_norm():
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


def bounds(tensorflow):
    return {"tensorflow": tensorflow, "jax": 1.05}


CASES = [
    Case("BatchNorm, training", layers.BatchNorm, stock_batch_norm, True, bounds(0.50)),
    Case("BatchNorm, inference", layers.BatchNorm, stock_batch_norm, False, bounds(0.80)),
    Case("Dropout(0.5), training", layers.Dropout, lambda: keras.layers.Dropout(0.5), True, bounds(0.40)),
    Case("Dropout(0.8), training", lambda: layers.Dropout(0.8), lambda: keras.layers.Dropout(0.2), True, {"jax": 1.05}),
    Case("LocalResponseNorm", layers.LocalResponseNorm, stock_local_response_norm, True, bounds(0.40)),
    Case("LeakyReLU", layers.LeakyReLU, lambda: keras.layers.LeakyReLU(0.01), True, bounds(1.03)),
    Case("ELU", layers.ELU, keras.layers.ELU, True, bounds(1.03)),
    Case("PReLU", layers.PReLU, stock_prelu, True, bounds(1.03)),
]


def compiled_step(layer, training):
    """(x, dy) -> nothing: runs forward and backward to the end."""
    layer.build(SHAPE)
    if BACKEND == "tensorflow":
        import tensorflow as tf

        weights = [weight.value for weight in layer.trainable_weights]

        @tf.function(autograph=False)
        def step(x, dy):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x, training=training)
            return y, tape.gradient(y, [x, *weights], dy)

        return step
    import jax

    def forward(trainable, fixed, x):
        mode = {"training": training} if layer._call_has_training_arg else {}
        return layer.stateless_call(trainable, fixed, x, **mode)

    @jax.jit
    def step(trainable, fixed, x, dy):
        y, pull_back, fixed = jax.vjp(lambda trainable, x: forward(trainable, fixed, x), trainable, x, has_aux=True)
        return y, pull_back(dy), fixed

    trainable = [weight.value for weight in layer.trainable_variables]
    fixed = [weight.value for weight in layer.non_trainable_variables]
    return lambda x, dy: jax.block_until_ready(step(trainable, fixed, x, dy))


def kept_bytes(layer, training):
    """Bytes of the tensors that the forward pass computes (or is given) and the backward pass reads."""
    layer.build(SHAPE)
    if BACKEND == "jax":
        return _kept_by_jax(layer, training)
    import tensorflow as tf

    forward, gradients = set(), []

    def trace(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
        forward.update(set(y.graph.get_operations()) - {dy.op})
        gradients.extend(tape.gradient(y, [x, *(weight.value for weight in layer.trainable_weights)], dy))

    graph = tf.function(trace, autograph=False).get_concrete_function(*[tf.TensorSpec(SHAPE)] * 2)  # noqa: F841 (alive)
    needed, stack = set(), [gradient.op for gradient in gradients]
    while stack:  # only what the gradients need: a graph drops the rest
        operation = stack.pop()
        if operation not in needed and operation not in forward:
            needed.add(operation)
            stack += [tensor.op for tensor in operation.inputs]
    read = {_source(tensor) for operation in needed for tensor in operation.inputs if tensor.op in forward}
    tensors = [handle.deref() for handle in read]
    # No known shape: handles of variables, and cuDNN's workspace, which is empty on a CPU.
    return sum((tensor.shape.num_elements() or 0) * tensor.dtype.size for tensor in tensors)


def _source(tensor):
    """Past the operations that only give memory another name."""
    while tensor.op.type in ("Reshape", "Identity", "IdentityN", "EnsureShape"):
        tensor = tensor.op.inputs[tensor.value_index if tensor.op.type == "IdentityN" else 0]
    return tensor.ref()


def _kept_by_jax(layer, training):
    import jax
    import jax.numpy as jnp

    mode = {"training": training} if layer._call_has_training_arg else {}
    fixed = [weight.value for weight in layer.non_trainable_variables]
    forward = jax.jit(lambda trainable, x: layer.stateless_call(trainable, fixed, x, **mode)[0])
    trainable = [weight.value for weight in layer.trainable_variables]
    _, pull_back = jax.vjp(forward, trainable, jnp.zeros(SHAPE))
    kept = {id(leaf): leaf.nbytes for leaf in jax.tree.leaves(pull_back) if hasattr(leaf, "nbytes")}
    return sum(kept.values())


def compare(case, seconds):
    """The times of both, a pair a round."""
    import gc

    generator = np.random.default_rng(0)
    x, dy = (keras.ops.convert_to_tensor(generator.normal(size=SHAPE).astype("float32")) for _ in range(2))
    steps = [compiled_step(make(), case.training) for make in (case.ours, case.stock)]
    for step in steps:
        for _ in range(3):
            step(x, dy)
    times = []
    gc.disable()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 30:
        pair = [0.0, 0.0]
        for i in (0, 1) if len(times) % 2 else (1, 0):
            start = time.perf_counter()
            step_outputs = steps[i](x, dy)
            pair[i] = time.perf_counter() - start
            del step_outputs
        times.append(pair)
    gc.enable()
    return np.array(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8.0, help="time for each layer")
    parser.add_argument("--write", action="store_true", help="keep the results: the CSV and the page's table")
    arguments = parser.parse_args()
    print(f"{', '.join(versions(PACKAGES))}, {machine()}, float32, {SHAPE}\n")
    rows = []
    for case in CASES:
        times = compare(case, arguments.seconds)
        ours, stock = np.median(times, axis=0) * 1e3
        kept = [kept_bytes(make(), case.training) / 1e6 for make in (case.ours, case.stock)]
        rows.append(
            {
                "layer": case.name,
                "ours_ms": f"{ours:.2f}",
                "stock_ms": f"{stock:.2f}",
                **summary(times[:, 0] / times[:, 1], 3),
                "claimed": f"{case.bounds[BACKEND]:.2f}" if case.bounds.get(BACKEND) else "",
                "kept_ours_mb": f"{kept[0]:.1f}",
                "kept_stock_mb": f"{kept[1]:.1f}",
            }
        )
        print(*rows[-1].values(), sep="\t", flush=True)
    if arguments.write:
        write_rows(results_file("layers", BACKEND), rows)
        header = ["layer", "ours, ms", "stock, ms", "ours / stock", "95 % interval", "rounds", "claimed"]
        write_table(
            PAGE, f"layers {BACKEND}", [*header, "kept by ours / stock, MB"], [line(row) for row in rows], PACKAGES
        )


def line(row):
    """A line of the table."""
    cells = [row[name] for name in ("layer", "ours_ms", "stock_ms", "ratio")]
    kept = f"{row['kept_ours_mb']} / {row['kept_stock_mb']}"
    return [*cells, f"{row['low']} .. {row['high']}", row["rounds"], row["claimed"] or "-", kept]


if __name__ == "__main__":
    main()
