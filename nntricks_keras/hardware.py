"""What this machine is: its processor, and how many of its cores this process may use. Loads no TensorFlow."""

import os
import platform
from pathlib import Path


def processor_name():
    """The processor as the operating system names it."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def usable_cores():
    """How many cores this process may use: fewer than the machine has under `taskset` and in containers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
