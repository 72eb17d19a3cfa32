"""held: one process at a time. is_fresh: whether a folder has nothing in it yet but what `held` leaves there."""

import contextlib
import errno
import os

from nntricks_keras.files import partial_of

try:
    import fcntl
except ImportError:  # Windows: nothing is locked there
    fcntl = None

NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # some file systems have none: likewise


class BusyError(RuntimeError):
    """Another process is at it."""


@contextlib.contextmanager
def held(path, what):
    """Holds the lock file `path` in the body; the system lets go of it when the process ends, however it ends.

    Raises:
        BusyError: another process holds it; it says that `what` is being worked on.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BusyError(f"{what} is being worked on by another process (it holds {path})") from None
            except OSError as error:
                if error.errno not in NO_LOCKS:
                    raise
        yield
    finally:
        os.close(file)


def is_fresh(folder, lock, file):
    """Whether nothing has begun in a folder that is to hold `file`.

    It is not there, or has in it at most what a kill in the first moments leaves: `lock`, and `file` half written.
    """
    if not folder.exists():
        return True
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= {lock, partial_of(file).name}
