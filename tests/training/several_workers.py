"""Starts the workers of one training as processes of their own, as machines would be."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def start_workers(count, *arguments):
    """`python ARGUMENTS` in `count` processes with a TF_CONFIG each; a list for each worker instead of an argument
    gives each its own."""
    probes = [socket.create_server(("localhost", 0)) for _ in range(count)]
    addresses = [f"localhost:{probe.getsockname()[1]}" for probe in probes]
    for probe in probes:
        probe.close()
    processes = []
    for index in range(count):
        config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "TF_CONFIG": json.dumps(config)}
        command = [sys.executable, *(str(a[index] if isinstance(a, list) else a) for a in arguments)]
        processes.append(
            subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
    return processes


def wait_for(processes, seconds=900):
    """[(exit code, what it printed)] of each; none is left running."""
    try:
        printed = [process.communicate(timeout=seconds)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [(process.returncode, text) for process, text in zip(processes, printed, strict=True)]
