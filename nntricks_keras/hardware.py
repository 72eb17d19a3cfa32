"""What this machine is: its processor, and how many of its cores this process may use. Loads no TensorFlow."""

import os
import platform
from pathlib import Path

# What sets processors of one name apart: flags in /proc/cpuinfo, and what they are called.
WIDE = {"avx512f": "AVX-512", "avx512_bf16": "bfloat16", "amx_bf16": "AMX"}


def processor_name():
    """The processor as the operating system names it, with what it multiplies wider than 256 bits with.

    "AMD EPYC (AVX-512, bfloat16)": clouds hide the model, and one that has these trains several times as fast as
    another of its name that has not.
    """
    name = _told("model name")
    if name is None:
        return platform.processor() or platform.machine()
    flags = cpu_flags()
    wide = ", ".join(words for flag, words in WIDE.items() if flag in flags)
    return f"{name} ({wide})" if wide else name


def cpu_flags():
    """The processor's instruction sets as Linux names them ("flags" of x86, "Features" of ARM); elsewhere none."""
    return set((_told("flags", "Features") or "").split())


def _told(*names):
    """What /proc/cpuinfo says of its first processor under the first of these names that it has; None: nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(names)), None)


def usable_cores():
    """How many cores this process may use: fewer than the machine has under `taskset` and in containers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
