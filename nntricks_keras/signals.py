"""Being asked to stop, by SIGTERM or Ctrl-C: handled for as long as it takes to stop well."""

import contextlib
import signal
import threading


@contextlib.contextmanager
def handled_by(handlers):
    """Inside, signals go to `handlers`, {number: function of (number, frame)}; afterwards to whom they went before.

    Only the main thread may handle signals: in another one nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def noted():
    """The list of the SIGTERM and Ctrl-C that have come inside, for one who looks at it at the next good moment.

    Whoever sends SIGTERM may repeat it, and still wants an orderly end; a second Ctrl-C does not: KeyboardInterrupt.
    """
    came = []

    def note(number, _):
        if number == signal.SIGINT and number in came:
            raise KeyboardInterrupt
        came.append(number)

    with handled_by(dict.fromkeys((signal.SIGTERM, signal.SIGINT), note)):
        yield came
