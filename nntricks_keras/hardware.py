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
    try:
        told = dict(
            [part.strip() for part in line.split(":", 1)]
            for line in reversed(Path("/proc/cpuinfo").read_text().splitlines())
            if ":" in line
        )
    except OSError:
        told = {}
    if "model name" not in told:
        return platform.processor() or platform.machine()
    flags = told.get("flags", "").split()
    wide = ", ".join(name for flag, name in WIDE.items() if flag in flags)
    return f"{told['model name']} ({wide})" if wide else told["model name"]


def usable_cores():
    """How many cores this process may use: fewer than the machine has under `taskset` and in containers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
