"""Join a search on another machine: trains its trials until none is left."""

import contextlib
import dataclasses
import os
import signal
import socket
import sys
import time
from pathlib import Path

from tuning.addresses import parse_address
from zoo.names import UsageError

SECONDS_TO_FIND_THE_CHIEF = 20
LOOK_EVERY_SECONDS = 0.2


def main(argv):
    import tyro

    from tuning.supervision import Workers, WorkersFailedError
    from tuning.worker import CHIEF_LOST

    @dataclasses.dataclass(frozen=True)
    class Options:
        chief: str
        """HOST:PORT of the search, as it prints it when it is given an --address"""
        study_dir: str
        """the study's folder, which this machine has to see, too"""
        workers: int = 1
        """processes on this machine, each with a share of the cores or a GPU"""
        patience: float = 600
        """seconds to go on without an answer from the chief, which may be restarted meanwhile"""
        memory_limit: float | None = None
        """megabytes of a process, above which another takes its place after a trial"""

    options = tyro.cli(Options, args=argv, prog="python -m tuning worker", description=__doc__)
    if options.workers < 1:
        raise UsageError(f"--workers has to be at least 1, received {options.workers}")
    if options.memory_limit is not None and not options.memory_limit > 0:
        raise UsageError(f"--memory-limit has to be above 0 megabytes, received {options.memory_limit:g}")
    if not (Path(options.study_dir) / "study.json").exists():
        raise UsageError(f"{options.study_dir} is not a study: it has no study.json; the search makes it")
    _find(options.chief)
    crew = Workers(
        options.study_dir,
        options.workers,
        f"{socket.gethostname()}-{os.getpid()}-",
        memory_limit=options.memory_limit,
        patience=options.patience,
    )
    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda came, _: stopped.append(came))
    try:
        crew.begin(options.chief)
        while not crew.all_ended:
            crew.tend()
            if stopped:
                print("stopping: the trials write a checkpoint, and another worker goes on with them", file=sys.stderr)
                crew.stop()
                return 128 + stopped[0]
            time.sleep(LOOK_EVERY_SECONDS)
    except WorkersFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        crew.close()
    if CHIEF_LOST in crew.exit_codes:
        print(f"error: {crew.last_words(crew.exit_codes.index(CHIEF_LOST), lines=1)}", file=sys.stderr)
        return 1
    return 0


def _find(address):
    """Waits for someone to listen at the chief's address; UsageError when nobody does in time."""
    parsed = parse_address(address)
    if parsed is None:
        raise UsageError(f"--chief is HOST:PORT, received {address!r}")
    host, port = parsed
    deadline = time.monotonic() + SECONDS_TO_FIND_THE_CHIEF
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise UsageError(
                f"there is no chief at {address}: nothing answered for {SECONDS_TO_FIND_THE_CHIEF} s; start "
                "`python -m tuning search --address HOST:PORT` first, or look at its first lines for the address"
            )
        with contextlib.suppress(OSError), socket.create_connection((host.strip("[]"), port), timeout=left):
            return
        time.sleep(min(LOOK_EVERY_SECONDS, max(left, 0)))
