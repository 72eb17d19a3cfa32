"""The worker processes of one machine: started, watched, and replaced when they die or have grown too large.

Loads nothing heavy, so that `python -m tuning worker` itself is small.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tuning.memory import machine_megabytes, resident_megabytes
from tuning.worker import CHIEF_LOST, FINISHED, REPLACE_ME, RUN_TRIAL, WRONG_STUDY
from zoo.gpus import share_gpus, visible_gpus

LARGEST_MEGABYTES = 4096  # of a worker that may be kept, unless the user says otherwise
SHARE_OF_MEMORY = 0.6  # of the machine's, for all workers together
SPARE_FROM = 0.85  # of its limit: a spare is started, so that nobody waits while it loads TensorFlow
LASTING_SECONDS = 60  # a process that lived so long did start
SECONDS_TO_STOP = 120  # to write a checkpoint, before a worker is killed
DEATHS_IN_A_ROW = 3  # a worker, without a trial ended in between
LOOK_EVERY_SECONDS = 1  # at the memory of the workers


class WorkersFailedError(RuntimeError):
    """Worker processes die again and again, or cannot load the study's data; the message ends with what one said."""


class Workers:
    """`count` worker processes with names that their successors inherit.

    Args:
        study_dir: the study's folder.
        count: how many.
        prefix: of their names, which have to be unique among all workers of the chief.
        memory_limit: megabytes above which a worker is replaced after a trial; None: a share of the machine's.
        patience: seconds for which a worker waits for a chief that is away.
        run_trial: "MODULE:FUNCTION", what trains a trial.
        is_chief: this very process is the chief: then a worker that has lost it, as after a long sleep, is replaced.
    """

    def __init__(
        self, study_dir, count, prefix, *, memory_limit=None, patience=600, run_trial=RUN_TRIAL, is_chief=False
    ):
        self.is_chief = is_chief
        self.study_dir = Path(study_dir)
        self.count = count
        if memory_limit is None:
            memory_limit = min(LARGEST_MEGABYTES, SHARE_OF_MEMORY * machine_megabytes() / count)
        self.memory_limit = memory_limit
        self._command = [sys.executable, "-m", "tuning.worker", "--study-dir", str(self.study_dir.absolute())]
        self._command += ["--memory-limit", f"{self.memory_limit:g}", "--patience", f"{patience:g}"]
        self._command += ["--run-trial", run_trial]
        self._environments = environments(count)
        self._names = [f"{prefix}{index}" for index in range(count)]
        self._processes = [self._start(index) for index in range(count)]
        self._spares = [None] * count
        self._address = None
        self._deaths = 0
        self._looked = 0.0
        self.exit_codes = [None] * count  # of the workers that have ended for good

    def begin(self, address):
        """Tells the workers where the chief is; until then they load what they need, and wait."""
        self._address = address
        for index in range(self.count):
            self._send_off(index)

    def tend(self, ended=0):
        """Replaces the workers that have died. To be called often.

        Args:
            ended: trials that have ended since the last call: then all is well.

        Raises WorkersFailedError when they only die.
        """
        if ended:
            self._deaths = 0
        for index, process in enumerate(self._processes):
            if process is not None and process.poll() is not None:
                self._replace(index, process)
        now = time.monotonic()
        if now - self._looked > LOOK_EVERY_SECONDS:
            self._looked = now
            for index, process in enumerate(self._processes):
                if process is None or self._spares[index] is not None:
                    continue
                if (resident_megabytes(process.pid) or 0) > SPARE_FROM * self.memory_limit:
                    self._spares[index] = self._start(index)

    def kill(self, name):
        """Ends a worker that does not answer; the next `tend` replaces it."""
        if name in self._names and self._processes[self._names.index(name)] is not None:
            self._processes[self._names.index(name)].kill()

    @property
    def all_ended(self):
        return all(process is None for process in self._processes)

    def stop(self):
        """Asks all workers to stop, which lets the trials write a checkpoint; kills those that take too long."""
        running = [process for process in self._processes if process is not None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + SECONDS_TO_STOP
        while time.monotonic() < deadline and any(process.poll() is None for process in running):
            time.sleep(0.05)
        self.close()

    def close(self):
        """Kills what is left."""
        for process in [*self._processes, *self._spares]:
            if process is not None:
                process.kill()
                process.wait()
                process.stdin.close()
        self._processes = [None] * self.count
        self._spares = [None] * self.count

    def _start(self, index):
        logs = self.study_dir / "workers"
        logs.mkdir(parents=True, exist_ok=True)
        with open(logs / f"{self._names[index]}.log", "ab") as log:
            process = subprocess.Popen(
                self._command,
                env=self._environments[index],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C comes to this process alone, which stops them in order
            )
        process.began = time.monotonic()
        return process

    def _send_off(self, index):
        try:
            self._processes[index].stdin.write(f"{self._names[index]} {self._address}\n".encode())
            self._processes[index].stdin.flush()
        except OSError:
            pass  # it has died; `tend` will see

    def _replace(self, index, process):
        process.stdin.close()
        code = process.returncode
        if code == FINISHED or (code == CHIEF_LOST and not self.is_chief):
            self._processes[index], self.exit_codes[index] = None, code
            return
        if code != REPLACE_ME:
            lasted = time.monotonic() - process.began > LASTING_SECONDS
            self._deaths = 1 if lasted else self._deaths + 1
            if code == WRONG_STUDY:
                raise WorkersFailedError(f"no trial of this study can be trained here:\n{self.last_words(index, 1)}")
            if self._deaths > DEATHS_IN_A_ROW * self.count:
                raise WorkersFailedError(
                    f"worker processes die: {self._deaths} in a row, the last {how_it_ended(code)}. It said:\n"
                    + self.last_words(index)
                )
        spare, self._spares[index] = self._spares[index], None
        self._processes[index] = spare or self._start(index)
        self._send_off(index)

    def last_words(self, index, lines=20):
        """The end of a worker's log."""
        log = self.study_dir / "workers" / f"{self._names[index]}.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def how_it_ended(code):
    """An exit code in words."""
    return f"killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"with exit code {code}"


def environments(count):
    """What `count` workers on this machine find in their environment: a share of the cores, and one GPU, each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = str(max(cores // count, 1))
    gpus = visible_gpus()
    shared = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    shared.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if count > 1:
        for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
            shared.setdefault(name, threads)
    if count > len(gpus) > 0:
        share_gpus(shared)  # several workers on one GPU
    return [{**shared, "CUDA_VISIBLE_DEVICES": gpus[index % len(gpus)]} if gpus else shared for index in range(count)]
