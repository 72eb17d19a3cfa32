"""How much memory there is, and how much a process has."""

import os
import resource
import sys
from pathlib import Path


def resident_megabytes(pid="self"):
    """Memory a process has in use; where there is no /proc, the most that this one has ever had. None: not known."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        if pid != "self":
            return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def machine_megabytes():
    """Memory of the machine, or what a container may use of it."""
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    try:
        return min(megabytes, int(Path("/sys/fs/cgroup/memory.max").read_text()) / 2**20)
    except (OSError, ValueError):  # "max"
        return megabytes
