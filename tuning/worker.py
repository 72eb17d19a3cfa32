"""A worker process: `python -m tuning.worker`, started by tuning.supervision, never by hand.

It loads what a trial needs, then waits for one line on its standard input, "NAME ADDRESS", and takes trials from the
chief there until none is left. When its standard input ends, whoever started it is gone, and it ends at once.
"""

import argparse
import importlib
import os
import signal
import sys
import threading
import time

from zoo.commands import load_keras_quietly

FINISHED, REPLACE_ME, LEFT_OUT, CHIEF_LOST, WRONG_STUDY, INTERRUPTED = 0, 75, 76, 77, 78, 143  # exit codes
RUN_TRIAL = "tuning.trials:run_trial"
HEARTBEAT_SECONDS = 5


def main(argv):
    parser = argparse.ArgumentParser(prog="python -m tuning.worker")
    parser.add_argument("--study-dir", required=True)
    parser.add_argument("--memory-limit", type=float, required=True, help="megabytes")
    parser.add_argument("--patience", type=float, default=600.0, help="seconds a chief may be away")
    parser.add_argument(
        "--run-trial", default=RUN_TRIAL, help="MODULE:FUNCTION; MODULE.prepare(settings), if any, goes first"
    )
    options = parser.parse_args(argv)

    load_keras_quietly()
    module, function = options.run_trial.split(":")
    module = importlib.import_module(module)
    run_trial = getattr(module, function)
    from nntricks_keras.errors import InputError
    from tuning.clients import ChiefLostError, TurnedAwayError
    from tuning.working import TrialTuner

    line = _read_line()
    if not line:
        return FINISHED  # a spare that nobody needed
    exit_with_parent()
    name, address = line.split()
    tuner = TrialTuner(options, run_trial, name, address)
    try:
        if hasattr(module, "prepare"):
            module.prepare(tuner.settings)
    except InputError as error:  # every trial would fail of it, and count as tried
        print(str(error).replace("\n", " "), file=sys.stderr)
        return WRONG_STUDY
    threading.Thread(target=_beat, args=[tuner], daemon=True).start()
    try:
        tuner.search()
    except KeyboardInterrupt:  # asked to stop; the trial has written a checkpoint
        return FINISHED if tuner.asked_to_stop.is_set() else INTERRUPTED
    except ChiefLostError as error:
        print(f"{error}; this worker ends. What its trial has written stays.", file=sys.stderr)
        return CHIEF_LOST
    except TurnedAwayError as error:
        print(error, file=sys.stderr)
        return WRONG_STUDY
    return FINISHED


def _beat(tuner):
    """Tells the chief that this worker lives, and hears whether it is still wanted."""
    import grpc

    from tuning.clients import ChiefLostError, TurnedAwayError

    current, client = tuner.current, tuner.make_client()
    while True:
        time.sleep(HEARTBEAT_SECONDS)
        trial_id = current.get("trial_id")
        if trial_id is None:
            continue
        try:
            trial = client.get_trial(trial_id)
        except (ChiefLostError, TurnedAwayError) as error:
            if current.get("trial_id") != trial_id:
                continue  # it has just ended
            print(error, file=sys.stderr, flush=True)
            # At once, and without a word more in the run folder, which may be another's by now.
            os._exit(CHIEF_LOST if isinstance(error, ChiefLostError) else LEFT_OUT)
        except grpc.RpcError as error:  # without a next beat the trial would go to another worker, too
            print(f"the chief answered a sign of life with {error}", file=sys.stderr, flush=True)
            continue
        if trial.status == "STOPPED" and current.get("trial_id") == trial_id and not tuner.asked_to_stop.is_set():
            tuner.asked_to_stop.set()
            os.kill(os.getpid(), signal.SIGTERM)  # the search has been stopped: a checkpoint, and the end


def _read_line():
    """Up to the newline; not by sys.stdin, whose lock a thread that waits for its end would hold for ever."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            return ""
        line += byte
    return line.decode()


def exit_with_parent():
    """Ends this process when its standard input ends: whoever started it, and holds the other end, is gone."""

    def wait():
        while os.read(0, 1024):  # not by sys.stdin, which would hold a lock at the exit
            pass
        os._exit(1)  # nobody is left to read it

    threading.Thread(target=wait, daemon=True).start()


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # TensorFlow takes its time to be taken apart, and all is on disk
