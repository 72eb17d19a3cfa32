"""A process that ends when the one that started it does, even by `kill -9`: the parent's end of a pipe closes then."""

import contextlib
import os
import signal
import threading
import time

VARIABLE = "NNTRICKS_KERAS_ENDS_WITH_STDIN"  # set in a child whose stdin is such a pipe
SECONDS_TO_STOP = 120  # a training writes a checkpoint first


@contextlib.contextmanager
def held_end():
    """The stdin for children that call `end_with_parent`: it reads nothing, and ends with the body or this process."""
    there, here = os.pipe()
    try:
        yield there
    finally:
        os.close(there)
        os.close(here)


def end_with_parent():
    """From now on this process gets SIGTERM when its stdin ends, if its parent has said so by VARIABLE."""
    if VARIABLE in os.environ:
        threading.Thread(target=_watch, daemon=True).start()


def _watch():
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SECONDS_TO_STOP)
    os._exit(128 + signal.SIGTERM)
