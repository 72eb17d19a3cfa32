"""A VGG's training step here, in PyTorch, on each of Keras's backends, and beside what the processor can do at all.

Claim: at 224 px `zoo.vgg16` trains at 1.0 or more of the speed of the same network in PyTorch, in its better layout,
and at 85 % or more of the rate of a float32 matrix product; in `mixed_bfloat16` at 1.4 or more of float32 where the
processor has it.

    python -m benchmarks.frameworks [--model vgg16] [--size 224] [--batch 16] [--rounds 8] [--only torch] [--write]
    python -m benchmarks.frameworks --inference [...]

Two processes stand ready, ours and the other, and take a step in turn, while the one that is not asked waits at its
input; so neither's threads disturb the other, and whatever else the machine does meets both. The ratio is the
median over the rounds of the other's time / ours, so above 1 is faster than the other; its 95 % interval is that of a
median, from order statistics. A step is forward, backward and SGD with momentum on a batch in memory, Dropout included;
with --inference forward alone, without Dropout.
On a machine with a GPU both use it.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.intervals import summary
from zoo.gpus import share_gpus
from zoo.variants import find

PAGE = Path(__file__).with_name("models.md")
PACKAGES = ["tensorflow", "keras", "torch", "jax"]
PRODUCT = 4096  # rows and columns of the matrices whose product gives the rate
CLASSES = 1000
# (ours, the other): each a contender below.
PAIRS = [
    ("keras-tensorflow", "torch-nchw"),
    ("keras-tensorflow", "torch-nhwc"),
    ("keras-tensorflow", "product-float32"),
    ("keras-tensorflow-bfloat16", "keras-tensorflow"),
    ("keras-tensorflow-bfloat16", "product-bfloat16"),
    ("keras-tensorflow", "keras-jax"),
    ("keras-tensorflow", "keras-torch"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="vgg16", help="a VGG of the zoo")
    parser.add_argument("--size", type=int, default=224, help="rows and columns of the images")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--only", default="", help="pairs in which this occurs")
    parser.add_argument("--inference", action="store_true", help="logits instead of training steps")
    parser.add_argument("--write", action="store_true", help="write the table into models.md and results/")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contender:
        stand_ready(options)
        return
    passes = 1 if options.inference else 3  # forward; and backward to the inputs and to the weights
    operations = 2 * passes * find(options.model).multiply_adds
    operations *= (options.size / find(options.model).input_shape[0]) ** 2
    rows = []
    for ours, other in pairs_of_this_machine():
        if options.only in f"{ours} {other}":
            rows.append(compare(ours, other, options, operations))
            print("  ".join(f"{name} {value}" for name, value in rows[-1].items()), flush=True)
    if options.write and rows:
        keep(rows, options)


def pairs_of_this_machine():
    """PAIRS, less those in bfloat16 where the processor would emulate it, an order of magnitude slower than float32."""
    from nntricks_keras.training.precision import resolve  # TensorFlow: not in a contender of PyTorch

    if resolve("auto") == "mixed_bfloat16":
        return PAIRS
    print("no pairs in bfloat16: this machine does not multiply it natively", flush=True)
    return [pair for pair in PAIRS if "bfloat16" not in " ".join(pair)]


def compare(ours, other, options, operations):
    """Times of a step of both, in turn; a row of the table."""
    times, memory = {ours: [], other: []}, {}
    with contextlib.ExitStack() as stack:
        processes = {name: stack.enter_context(contender(name, options)) for name in (ours, other)}
        for number in range(options.rounds + 1):  # the first is not counted
            for name in (ours, other) if number % 2 else (other, ours):
                seconds, memory[name] = ask(processes[name], name)
                times[name] += [seconds] if number else []
    mine, theirs = (np.array(times[name]) for name in (ours, other))
    ratios = theirs / mine
    if other.startswith("product"):  # its "step" is one product: rates instead
        ratios = (options.batch * operations / mine) / (2 * PRODUCT**3 / theirs)
    is_product = other.startswith("product")
    return {
        "ours": ours,
        "other": other,
        "images_per_second": round(options.batch / np.median(mine), 2),
        "other_images_per_second": "" if is_product else round(options.batch / np.median(theirs), 2),
        "other_gflops": round(2 * PRODUCT**3 / np.median(theirs) / 1e9) if is_product else "",
        **summary(ratios, 3),
        "peak_megabytes": memory[ours],
        "other_peak_megabytes": memory[other],
    }


@contextlib.contextmanager
def contender(name, options):
    """A process that takes a step whenever it is given a line."""
    command = [sys.executable, "-m", "benchmarks.frameworks", "--contender", name, "--model", options.model]
    command += ["--size", str(options.size), "--batch", str(options.batch), *["--inference"] * options.inference]
    backend = name.split("-")[1] if name.startswith("keras") else "tensorflow"
    environment = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"}
    share_gpus(environment)  # two stand ready at a time
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ask(process, name):
    """(seconds of one step, MB that the process has held at most)."""
    process.stdin.write("step\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.startswith("took "):
            seconds, megabytes = line.split()[1:]
            return float(seconds), int(megabytes)
    raise RuntimeError(f"{name} ended with code {process.wait()}; what it said is above")


def stand_ready(options):
    """What a contender does: a step for each line, and how long it took."""
    import resource

    step = make_step(options)
    step()
    for _ in sys.stdin:
        began = time.perf_counter()
        step()
        seconds = time.perf_counter() - began
        print("took", seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, flush=True)


def make_step(options):
    kind, *rest = options.contender.split("-")
    shape = (options.batch, options.size, options.size, 3)
    generator = np.random.default_rng(0)
    x, labels = generator.normal(size=shape).astype("float32"), generator.integers(0, CLASSES, options.batch)
    if kind == "product":
        return product_step(rest[0])
    if kind == "torch":
        return torch_step(options, x, labels, channels_last=rest[0] == "nhwc")
    return keras_step(options, x, labels, "mixed_bfloat16" if rest[-1] == "bfloat16" else "float32")


def keras_step(options, x, labels, policy):
    import keras

    import zoo

    keras.config.set_dtype_policy(policy)
    model = zoo.create(options.model, input_shape=x.shape[1:], num_classes=CLASSES)
    model.compile(keras.optimizers.SGD(1e-4, momentum=0.9), keras.losses.CategoricalCrossentropy(from_logits=True))
    x, y = keras.ops.convert_to_tensor(x), keras.ops.convert_to_tensor(np.eye(CLASSES, dtype="float32")[labels])
    if options.inference:
        return lambda: model.predict_on_batch(x)
    return lambda: float(model.train_on_batch(x, y))


def torch_step(options, x, labels, channels_last):
    import torch
    from torch import nn

    variant, parts, channels = find(options.model), [], 3
    for stage in variant.stages:
        for conv in stage.convs:
            parts += [nn.Conv2d(channels, conv.filters, conv.kernel, padding=conv.kernel // 2)]
            parts += [nn.BatchNorm2d(conv.filters)] if variant.norm == "batch" else []
            parts += [nn.ReLU(inplace=True)]
            channels = conv.filters
        parts.append(nn.MaxPool2d(2))
    units = channels * variant.map_sizes(x.shape[1])[variant.stages[-1].pool] ** 2
    parts.append(nn.Flatten())
    for wanted in variant.hidden:
        parts += [nn.Linear(units, wanted), nn.ReLU(inplace=True), nn.Dropout(0.5)]
        units = wanted
    device = "cuda" if torch.cuda.is_available() else "cpu"
    layout = torch.channels_last if channels_last else torch.contiguous_format
    model = nn.Sequential(*parts, nn.Linear(units, CLASSES)).to(device, memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), 1e-4, momentum=0.9)
    x = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).to(device, memory_format=layout)
    labels = torch.from_numpy(labels).to(device)

    @torch.inference_mode()
    def infer():
        return model(x).cpu().numpy()

    def step():
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    model.train(not options.inference)
    return infer if options.inference else step


def product_step(dtype):
    import tensorflow as tf

    matrix = tf.cast(tf.random.normal((PRODUCT, PRODUCT)), dtype)
    product = tf.function(tf.linalg.matmul)
    return lambda: product(matrix, matrix)[0, 0].numpy()


def keep(rows, options):
    """The rows in place of older ones of the same pairs, model, size and machine; then the page's table."""
    from benchmarks.pages import results_file, write_rows, write_table  # Keras: not in a contender of PyTorch

    network = f"{options.model} inference" if options.inference else options.model
    rows = [{"model": network, "px": options.size, "batch": options.batch, **row} for row in rows]
    rows = write_rows(results_file("frameworks", "tensorflow"), rows, keys=("model", "px", "batch", "ours", "other"))
    header = ["network", "px", "batch", "ours", "images/s", "other", "images/s or GFLOP/s", "ratio", "95 % interval"]
    header += ["peak MB"]
    body = [
        [
            row["model"],
            int(row["px"]),
            int(row["batch"]),
            row["ours"],
            float(row["images_per_second"]),
            row["other"],
            f"{row['other_images_per_second'] or row['other_gflops']}",
            float(row["ratio"]),
            f"{row['low']} .. {row['high']}",
            f"{row['peak_megabytes']} / {row['other_peak_megabytes']}",
        ]
        for row in rows
    ]
    write_table(PAGE, "frameworks", header, body, PACKAGES)


if __name__ == "__main__":
    main()
