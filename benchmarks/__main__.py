"""All benchmarks, one after another: each writes its table and its results. Nothing else should run.

`benchmarks.accuracy photographs` is not among them: it needs the folder of the photographs.

python -m benchmarks [--only pipeline] [--data-dir DIR]
"""

import argparse
import os
import subprocess
import sys
import time

# (module and arguments, environment, minutes on 2 cores)
BENCHMARKS = [
    ("benchmarks.layers --write", {}, 2),
    ("benchmarks.layers --write", {"KERAS_BACKEND": "jax"}, 2),
    ("benchmarks.models --write", {}, 12),
    ("benchmarks.frameworks --write", {}, 15),
    ("benchmarks.frameworks --batch 32 --only product --write", {}, 4),
    ("benchmarks.frameworks --inference --only torch --write", {}, 3),
    ("benchmarks.pipeline --write", {}, 8),
    ("benchmarks.pipeline --steps --write", {}, 4),
    ("benchmarks.training --epochs 10 --write", {}, 15),
    ("benchmarks.health --rounds 4 --write", {}, 12),
    ("benchmarks.time_to_accuracy --write", {}, 70),
    ("benchmarks.accuracy quick --write", {}, 17),
    ("benchmarks.accuracy standard --write", {}, 36),
    ("benchmarks.accuracy alexnet --write", {}, 60),
    ("benchmarks.accuracy vgg --write", {}, 180),
    ("benchmarks.accuracy shipped --seeds 0 --write", {}, 27),
    ("benchmarks.accuracy one_device two_devices --write", {}, 9),
    ("benchmarks.tuning_curves", {}, 8),
    ("benchmarks.tuning", {}, 4),
    ("benchmarks.search_overhead --epochs 4 --write", {}, 18),
    ("benchmarks.study --write", {}, 75),
    ("benchmarks.accuracy standard_6 study --write", {}, 36),
    ("benchmarks.ablation --write", {}, 40),  # python -m tuning ablate
    ("benchmarks.plots", {}, 1),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="those in which this occurs")
    parser.add_argument("--data-dir", help="where TensorFlow Datasets keeps Fashion-MNIST")
    options = parser.parse_args()
    chosen = [entry for entry in BENCHMARKS if options.only in entry[0]]
    failed = []
    for number, (command, environment, minutes) in enumerate(chosen, 1):
        needs_data = any(name in command for name in ("accuracy", "study")) and options.data_dir
        command = f"{command} --data-dir {options.data_dir}" if needs_data else command
        prefix = "".join(f"{name}={value} " for name, value in environment.items())
        print(f"\n[{number}/{len(chosen)}] {prefix}python -m {command}   (about {minutes} min)", flush=True)
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-m", *command.split()], env={**os.environ, **environment})
        print(f"took {(time.perf_counter() - began) / 60:.1f} min", flush=True)
        failed += [command] if done.returncode else []
    if failed:
        sys.exit("failed: " + "; ".join(failed))


if __name__ == "__main__":
    main()
