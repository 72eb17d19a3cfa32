"""The zoo's models beside keras.applications' and beside the same networks from stock Keras layers: images a second.

Claim: `zoo.vgg16` trains and infers at not less than 0.97 of the speed of `keras.applications.VGG16` with the same
layers and parameters, at 224 and at 32 px; `zoo.vgg16_bn` trains at 1.05 or more of the same network from stock layers;
a folded `vgg16_bn` infers at 0.97 or more of plain `vgg16`; any model without weights is built in under 3 s.

    python -m benchmarks.models                          # all of it, about 12 minutes on 2 cores
    python -m benchmarks.models --only bn --seconds 60

Each round times one step of ours and one of the peer's, in an order that alternates. The ratio is the median over the
rounds of the peer's time / ours, so above 1 is faster than the peer; its 95 % interval is that of a median, from order
statistics. A training step is forward, backward and SGD with momentum, by the peer's `train_on_batch` and ours alike.
"""

import argparse
import dataclasses
import gc
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

import zoo
from benchmarks.intervals import summary
from benchmarks.pages import machine, results_file, versions, write_rows, write_table
from nntricks_keras import folding

NUM_CLASSES = 1000
PAGE = Path(__file__).with_name("models.md")
PACKAGES = [keras.backend.backend(), "keras"]


@dataclasses.dataclass(frozen=True)
class Case:
    """Two models that compute the same, and what we claim of their speeds."""

    name: str
    ours: Callable
    peer: Callable
    size: int
    batch: int
    training: bool
    claimed: float


def peer_vgg16(size):
    return keras.applications.VGG16(weights=None, input_shape=(size, size, 3), classifier_activation=None)


def plain_vgg16(size):
    # keras.applications' has no Dropout.
    return zoo.vgg16((size, size, 3), keep_prob=1)


def stock_vgg16_bn(size):
    """`zoo.vgg16_bn` layer by layer, from Keras's own."""
    layers = keras.layers
    inputs = x = keras.Input((size, size, 3))
    for filters, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
            x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.9, epsilon=1e-5)(x))
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.Dense(4096, kernel_initializer="he_normal")(x)
        x = layers.Dropout(0.5)(layers.Activation("relu")(x))
    return keras.Model(inputs, layers.Dense(NUM_CLASSES)(x))


def folded_vgg16_bn(size):
    return folding.fold(zoo.vgg16_bn((size, size, 3)))


CASES = [
    Case("vgg16 training", plain_vgg16, peer_vgg16, 224, 4, True, 0.97),
    Case("vgg16 inference", plain_vgg16, peer_vgg16, 224, 8, False, 0.97),
    Case("vgg16 training", plain_vgg16, peer_vgg16, 32, 128, True, 0.97),
    Case("vgg16 inference", plain_vgg16, peer_vgg16, 32, 128, False, 0.97),
    Case("vgg16_bn training", lambda size: zoo.vgg16_bn((size, size, 3)), stock_vgg16_bn, 224, 4, True, 1.05),
    Case("vgg16_bn training", lambda size: zoo.vgg16_bn((size, size, 3)), stock_vgg16_bn, 32, 128, True, 1.05),
    Case("folded vgg16_bn inference", folded_vgg16_bn, plain_vgg16, 224, 8, False, 0.97),
]


def step_of(model, case, generator):
    """A function without arguments that does one step to its end."""
    shape = (case.batch, case.size, case.size, 3)
    x = keras.ops.convert_to_tensor(generator.normal(size=shape).astype("float32"))
    if not case.training:
        model.compile()
        return lambda: model.predict_on_batch(x)
    labels = keras.ops.convert_to_tensor(np.eye(NUM_CLASSES, dtype="float32")[generator.integers(0, 1000, case.batch)])
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-4, momentum=0.9), loss)
    return lambda: model.train_on_batch(x, labels)


def compare(case, seconds):
    """Seconds of a step of both, a pair (ours, peer's) a round."""
    generator = np.random.default_rng(0)
    steps = [step_of(make(case.size), case, generator) for make in (case.ours, case.peer)]
    for step in steps:
        for _ in range(3):
            step()
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 12:
        pair = [0.0, 0.0]
        for i in (0, 1) if len(times) % 2 else (1, 0):
            start = time.perf_counter()
            steps[i]()
            pair[i] = time.perf_counter() - start
        times.append(pair)
    return np.array(times)


def build_times():
    """Name -> seconds to build each model without weights, with its initial kernels drawn."""
    zoo.vgg_mini()  # what Keras does once is not the model's
    found = {}
    for name in zoo.list_models():
        start = time.perf_counter()
        model = zoo.create(name)
        found[name] = time.perf_counter() - start
        del model
        gc.collect()
    return found


def line(row):
    """A line of the table."""
    cells = [
        row[name] for name in ("model", "px", "batch", "ours_images_per_second", "peer_images_per_second", "ratio")
    ]
    return [*cells, f"{row['low']} .. {row['high']}", row["rounds"], f">= {row['claimed']}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=90.0, help="time for each comparison")
    parser.add_argument("--only", default="", help="comparisons whose name and size contain this")
    parser.add_argument("--write", action="store_true", help="keep the results: the CSV and the page's table")
    arguments = parser.parse_args()
    cases = [case for case in CASES if arguments.only in f"{case.name} {case.size}"]
    if not cases:
        parser.error(f"no comparison has {arguments.only!r} in its name and size")
    print(f"{', '.join(versions(PACKAGES))}, {machine()}, float32\n")
    rows = []
    for case in cases:
        times = compare(case, arguments.seconds)
        ours, peer = case.batch / np.median(times, axis=0)
        rows.append(
            {
                "model": case.name,
                "px": case.size,
                "batch": case.batch,
                "ours_images_per_second": f"{ours:.2f}",
                "peer_images_per_second": f"{peer:.2f}",
                **summary(times[:, 1] / times[:, 0], 3),
                "claimed": f"{case.claimed:.2f}",
            }
        )
        print(*rows[-1].values(), sep="\t", flush=True)
        keras.backend.clear_session()
        gc.collect()
    if arguments.write:
        rows = write_rows(results_file("models", keras.backend.backend()), rows, keys=("model", "px"))
        header = ["model", "px", "batch", "ours, images/s", "peer, images/s", "ours / peer", "95 % interval", "rounds"]
        write_table(PAGE, "models", [*header, "claimed"], [line(row) for row in rows], PACKAGES)
    if not arguments.only:
        slowest = max(build_times().items(), key=lambda item: item[1])
        print(f"\nslowest of all models to build without weights: {slowest[0]}, {slowest[1]:.2f} s")


if __name__ == "__main__":
    main()
