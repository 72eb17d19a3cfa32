"""The GPUs of this machine, and how several processes share them out. No framework is loaded or asked."""

import os
import shutil
import subprocess


def visible_gpus():
    """What CUDA_VISIBLE_DEVICES may name, from the environment or from nvidia-smi."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name.strip() for name in given.split(",") if name.strip() not in ("", "-1")]
    if not shutil.which("nvidia-smi"):
        return []
    try:
        asked = subprocess.run(
            ["nvidia-smi", "--query-gpu=index", "--format=csv,noheader"], capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return asked.stdout.split() if asked.returncode == 0 else []


def shares(count):
    """CUDA_VISIBLE_DEVICES for each of `count` processes that train together: equally many GPUs, no GPU twice.

    All get "", and compute on the CPU, where there are fewer GPUs than processes.
    """
    gpus = visible_gpus()
    each = len(gpus) // count
    return [",".join(gpus[index * each : (index + 1) * each]) for index in range(count)]


def share_gpus(environment):
    """Sets in an environment that a process takes of a GPU's memory what it needs: others compute on the same GPU."""
    environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    environment.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX
