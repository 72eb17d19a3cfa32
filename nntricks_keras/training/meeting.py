"""Before the framework starts: every worker waits until it has heard of all others, or says who is missing.

TensorFlow alone would wait for ever for a worker that does not come, and end the process when its port is in use.
"""

import hashlib
import select
import socket
import time

from nntricks_keras.errors import InputError

RETRY_SECONDS = 0.2


def meet(cluster, patience=600):
    """Returns when each worker has greeted every other one, over the addresses that the framework uses afterwards.

    Args:
        cluster: Cluster.
        patience: seconds to wait for the last one.

    Raises:
        InputError: this worker's port is in use, a worker has not come in time, one has another list of workers or
            an index that is taken.
    """
    name = hashlib.sha256(",".join(cluster.addresses).encode()).hexdigest()
    others = {index: address for index, address in enumerate(cluster.addresses) if index != cluster.index}
    heard, told = set(), set()
    with _listen(cluster) as listener:
        deadline = time.monotonic() + patience
        while len(heard) < len(others) or len(told) < len(others):
            for index in others.keys() - told:
                if _tell(others[index], f"{name} {cluster.index}"):
                    told.add(index)
            while select.select([listener], [], [], 0 if len(told) < len(others) else RETRY_SECONDS)[0]:
                greeting = _hear(listener)
                if greeting is None:
                    continue
                index, its_name = greeting
                if its_name != name:
                    for address in others.values():
                        _tell(address, f"{name} {cluster.index}")  # that they need not wait either
                    raise InputError(
                        f"the one that calls itself worker {index} has another list of workers than this one, worker "
                        f"{cluster.index}, whose list is {', '.join(cluster.addresses)}"
                    )
                if index not in others:
                    raise InputError(
                        f"another process calls itself worker {index} too, or there is no such one: each of the "
                        f"{len(cluster.addresses)} workers needs an index of its own, from 0"
                    )
                heard.add(index)
                if len(heard) == len(others):
                    break
            if time.monotonic() > deadline:
                missing = sorted(others.keys() - (heard & told))
                raise InputError(
                    f"waited {patience:g} s for "
                    + ", ".join(f"worker {index} ({others[index]})" for index in missing)
                    + "; start all workers at about the same time, with addresses that reach one another"
                )
            if len(told) < len(others):
                time.sleep(RETRY_SECONDS)


def _listen(cluster):
    port = int(cluster.address.rsplit(":", 1)[1])
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("", port))
        listener.listen(len(cluster.addresses))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"worker {cluster.index} cannot listen on {cluster.address}: {reason}") from None
    return listener


def _tell(address, message):
    """Whether the worker at `address` is there; it is told the message."""
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=2) as connection:
            connection.sendall(message.encode())
    except OSError:
        return False
    return True


def _hear(listener):
    """(index, name of its list of workers) of the one that has greeted us; None for a stranger, as a port scanner."""
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(2)
        try:
            words = connection.makefile().read(100).split()
        except (OSError, UnicodeDecodeError):
            return None
    return (int(words[1]), words[0]) if len(words) == 2 and words[1].isdigit() else None
