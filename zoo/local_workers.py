"""Several workers of one training on this machine: to try what several machines would do."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

from nntricks_keras.signals import handled_by
from nntricks_keras.training.cluster import Cluster
from zoo import tether
from zoo.gpus import shares

PATIENCE_SECONDS = 5  # for the other workers to end by themselves, once one has failed
PATIENCE_AFTER_STOP_SECONDS = 120  # likewise, once one has been asked to stop: they write a checkpoint first


def run_workers(command, count, advice):
    """Runs `command` in `count` processes, each with a TF_CONFIG and GPUs of its own, and watches over them.

    The chief's output is shown; that of another worker is kept, and shown if that worker fails. When one dies, the
    others, which would wait for it, are ended; all of them when this process dies, if they call tether.end_with_parent.

    Args:
        command: program and arguments.
        count: how many processes.
        advice: what to do when a worker has died; printed then.

    Returns:
        The exit code: 0 when all workers end well, else that of the first that failed, 1 when it was killed.
    """
    addresses = tuple(f"localhost:{port}" for port in _free_ports(count))
    with contextlib.ExitStack() as opened:
        logs = [None] + [opened.enter_context(tempfile.TemporaryFile("w+")) for _ in range(1, count)]
        stdin = opened.enter_context(tether.held_end())
        processes = []
        for index, (log, gpus) in enumerate(zip(logs, shares(count), strict=True)):
            place = {"TF_CONFIG": Cluster(addresses, index).tf_config(), "CUDA_VISIBLE_DEVICES": gpus}
            environment = {**os.environ, **place, tether.VARIABLE: "1"}
            streams = {"stdin": stdin, "stdout": log, "stderr": log}
            processes.append(subprocess.Popen(command, env=environment, start_new_session=True, **streams))
        with _passing_on_signals(processes):
            try:
                return _watch(processes, logs, advice)
            finally:
                for process in processes:
                    process.kill()
                    process.wait()


def _watch(processes, logs, advice):
    while not any(process.poll() for process in processes):
        if all(process.poll() == 0 for process in processes):
            return 0
        time.sleep(0.05)
    index, code = next((index, process.returncode) for index, process in enumerate(processes) if process.returncode)
    stopped = code in (128 + signal.SIGTERM, 128 + signal.SIGINT)
    deadline = time.monotonic() + (PATIENCE_AFTER_STOP_SECONDS if stopped else PATIENCE_SECONDS)
    while time.monotonic() < deadline and any(process.poll() is None for process in processes):
        time.sleep(0.05)
    if stopped or (code > 0 and processes[0].poll() == code):
        return code  # the chief has said why
    if index:
        logs[index].seek(0)
        sys.stderr.write(logs[index].read())
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    print(f"error: worker {index} {how}; the others have been stopped; {advice}", file=sys.stderr)
    return 1 if code < 0 else code


@contextlib.contextmanager
def _passing_on_signals(processes):
    """SIGTERM and Ctrl-C go on to the workers, which the terminal does not reach: each signal comes to them once."""

    def pass_on(number, _):
        for process in processes:
            if process.poll() is None:
                process.send_signal(number)

    with handled_by({signal.SIGTERM: pass_on, signal.SIGINT: pass_on}):
        yield


def _free_ports(count):
    """Ports that nothing listens on; all are held until each is found, so that no two are equal."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("localhost", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
