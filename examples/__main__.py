"""Measures every claim of the lecture, then rebuilds the gallery: python -m examples [NAME ...] [--full] [--jobs N]."""

import argparse
import concurrent.futures
import importlib
import os
import subprocess
import sys
import time

from examples.measuring import gallery
from examples.measuring.running import THREADS
from nntricks_keras.hardware import usable_cores


def main():
    parser = argparse.ArgumentParser(prog="python -m examples", description=__doc__)
    parser.add_argument("names", nargs="*", help="which examples; all by default")
    parser.add_argument("--full", action="store_true", help="the long version of each")
    parser.add_argument("--seeds", type=int, help="how many seeds (5, or 10 with --full)")
    parser.add_argument("--jobs", type=int, default=usable_cores(), help="how many run at a time")
    options = parser.parse_args()
    unknown = set(options.names) - set(gallery.names())
    if unknown:
        parser.error(f"no such example: {', '.join(sorted(unknown))}; there are {', '.join(gallery.names())}")
    chosen = options.names or gallery.names()
    # What times its work runs by itself, at the end; the others share the cores, one each.
    timed = [name for name in chosen if getattr(importlib.import_module(f"examples.{name}"), "TIMES_ITS_WORK", False)]
    flags = ["--full"] * options.full + (["--seeds", str(options.seeds)] if options.seeds else [])
    began, failed = time.perf_counter(), []

    def report(name, code, output):
        print(f"[{time.perf_counter() - began:5.0f} s] {output.strip()}", flush=True)
        if code:
            failed.append(name)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        side_by_side = [pool.submit(_run, name, flags, num_threads=1) for name in chosen if name not in timed]
        for future in concurrent.futures.as_completed(side_by_side):
            report(*future.result())
    for name in timed:
        report(*_run(name, flags))
    gallery.rebuild()
    minutes = (time.perf_counter() - began) / 60
    print(f"{len(chosen)} examples in {minutes:.1f} minutes; the gallery is examples/README.md")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _run(name, flags, num_threads=None):
    """Runs one example in a process of its own; returns (name, exit status, what it printed)."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    if num_threads:
        environment |= dict.fromkeys(THREADS, str(num_threads))
    command = [sys.executable, "-m", f"examples.{name}", *flags]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    return name, done.returncode, done.stdout if not done.returncode else f"{name} failed\n{done.stderr[-3000:]}"


if __name__ == "__main__":
    main()
