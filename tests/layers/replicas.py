"""Runs the layers on two logical CPU devices and writes what it saw to a file; test_replicas.py starts it and judges.

A process of its own, since devices are divided before TensorFlow starts. `python -m tests.layers.replicas results.npz`
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from nntricks_keras import layers

DEVICES = ["CPU:0", "CPU:1"]


def run_on_replicas(strategy, function, *parts):
    """`function` on each replica, with its own part of every argument; a list of the results."""
    values = []
    for part in parts:
        give = lambda context, part=part: part[context.replica_id_in_sync_group]  # noqa: E731
        values.append(strategy.experimental_distribute_values_from_function(give))
    return strategy.experimental_local_results(strategy.run(tf.function(function), args=tuple(values)))


def statistics(strategy, x, counts, synchronized, results, name):
    """One training step of BatchNorm on replicas that get `counts` examples each."""
    parts = np.split(x[: sum(counts)], [counts[0]])
    dy = np.sin(np.arange(x[: sum(counts)].size, dtype="float32")).reshape(x[: sum(counts)].shape)
    with strategy.scope():
        layer = layers.BatchNorm(alpha=0.5, synchronized=synchronized)
        layer.build(x.shape)

    def step(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True)
        dx, dgamma = tape.gradient(y, [x, layer.gamma.value], dy)
        return y, dx, dgamma, tf.convert_to_tensor(layer.moving_mean), tf.convert_to_tensor(layer.moving_variance)

    dys = np.split(dy, [counts[0]])
    seen = run_on_replicas(strategy, step, list(map(tf.constant, parts)), list(map(tf.constant, dys)))
    for what, values in zip(("y", "dx", "dgamma", "mean", "variance"), zip(*seen, strict=True), strict=True):
        for replica, value in enumerate(values):
            results[f"{name}/{what}/{replica}"] = value.numpy()
    results[f"{name}/saved_mean"] = keras.ops.convert_to_numpy(layer.moving_mean)


def evaluation(strategy, rng, synchronized, results, folder):
    """The loss in the strategy after fit, and of the saved model outside of it."""
    keras.utils.set_random_seed(1)
    x = (rng.normal(size=(42, 6, 6, 3)) * [1, 4, 0.3] + [3, -2, 0]).astype("float32")
    y = rng.normal(size=(42, 2)).astype("float32")
    with strategy.scope():
        model = keras.Sequential(
            [
                keras.Input((6, 6, 3)),
                layers.BatchNorm(alpha=0.3, synchronized=synchronized),
                keras.layers.Conv2D(4, 3),
                layers.BatchNorm(alpha=0.3, synchronized=synchronized),
                layers.LeakyReLU(),
                layers.Dropout(0.8),
                keras.layers.Flatten(),
                keras.layers.Dense(2),
            ]
        )
        model.compile(keras.optimizers.SGD(0.01), "mse")
    # 42 = 2 * 16 + 10: the last batch is smaller, but parts stay equal, which Keras's own fit needs.
    model.fit(x, y, batch_size=16, epochs=3, verbose=0)
    inside = model.evaluate(x, y, batch_size=14, verbose=0)
    path = f"{folder}/synchronized_{synchronized}.keras"
    model.save(path)
    results[f"evaluate/{synchronized}"] = np.array(
        [inside, keras.models.load_model(path).evaluate(x, y, batch_size=14, verbose=0)]
    )


def draws(strategy, results):
    ones = tf.ones([100, 100])
    for name, layer in {
        "fair": lambda: layers.Dropout(0.5, seed=1),
        "dropout": lambda: layers.Dropout(0.8, seed=1),
        "rrelu": lambda: layers.RReLU(seed=1),
    }.items():
        with strategy.scope():
            made = layer()
        for step in range(2):
            sign = -1.0 if name == "rrelu" else 1.0
            seen = run_on_replicas(strategy, lambda x, made=made: made(x, training=True), [sign * ones, sign * ones])
            for replica, value in enumerate(seen):
                results[f"draws/{name}/{step}/{replica}"] = value.numpy()


def main(path):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * len(DEVICES))
    strategy = tf.distribute.MirroredStrategy(DEVICES)
    rng = np.random.default_rng()
    x = (rng.normal(size=(8, 3, 3, 4)) * [1, 3, 0.2, 1] + [0, 10, -4, 1]).astype("float32")
    results = {"x": x}
    for counts in ((4, 4), (5, 3), (6, 0), (0, 7)):
        for synchronized in (False, True):
            name = f"{counts[0]}+{counts[1]}/{synchronized}"
            statistics(strategy, x, counts, synchronized, results, name)
    for synchronized in (False, True):
        evaluation(strategy, rng, synchronized, results, str(path).rsplit("/", 1)[0])
    draws(strategy, results)
    np.savez(path, **results)


if __name__ == "__main__":
    main(sys.argv[1])
