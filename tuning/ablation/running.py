"""Training the runs of an ablation, in worker processes that are replaced before their memory has grown."""

import collections
import shutil
import subprocess
import sys
import time

import keras

import zoo
from nntricks_keras.files import write_json
from nntricks_keras.training import Run, TrainingDivergedError
from nntricks_keras.training.progress import format_seconds
from tuning.ablation.settings import diverged_file, is_begun, is_finished, run_folder
from tuning.supervision import environments
from zoo.gpus import share_gpus

RUNS_A_WORKER = 8  # a process grows by some 45 MB a run; a new one takes 5 s to import TensorFlow
SECONDS_TO_STOP = 30  # after a polite signal
POLL_SECONDS = 0.2
DEATHS = 3  # of workers by a signal, as when memory runs out, after which something is wrong


class AblationError(RuntimeError):
    """A worker ended before its runs had: its log says why. What is finished is kept, the same command goes on."""


def train_run(settings, folder, recipe, seed):
    """Trains one run in this process, or goes on with it; a run that diverges is a result like any other."""
    run = run_folder(folder, settings.run_name(recipe, seed))
    keras.utils.clear_session()  # frees the run before this one
    if run.exists() and not is_begun(run):
        shutil.rmtree(run)  # killed before anything was written that a run could go on from
    try:
        zoo.train(settings.experiment_of(recipe, seed), run, resume=run.exists(), health=False)
    except TrainingDivergedError as error:
        write_json(diverged_file(run), {"reason": str(error)})
    shutil.rmtree(run / "checkpoints", ignore_errors=True)  # two thirds of the disk, and nothing goes on from here


def train_all(settings, folder, workers):
    """Trains what is not finished yet.

    Args:
        settings: AblationSettings.
        folder: of the ablation.
        workers: how many processes share the machine; 0: in this one, whose memory grows with every run.

    Raises:
        AblationError: a worker failed.
    """
    progress = _Progress(settings, folder)
    if workers == 0:
        for recipe, seed in list(progress.pending):
            train_run(settings, folder, recipe, seed)
            progress.look()
        return
    waiting = collections.deque(settings.run_name(*run) for run in progress.pending)
    busy, given, deaths = {}, {}, 0
    surroundings = environments(workers)
    try:
        while waiting or busy:
            for number in range(workers):
                if waiting and number not in busy:
                    share = -(-len(waiting) // (2 * workers))  # smaller at the end, so that all end together
                    given[number] = [waiting.popleft() for _ in range(min(share, RUNS_A_WORKER))]
                    busy[number] = _start(folder, number, given[number], surroundings[number])
            time.sleep(POLL_SECONDS)
            progress.look()
            for number, process in list(busy.items()):
                code = process.poll()
                if code is None:
                    continue
                process.stdin.close()
                del busy[number]
                deaths += code < 0
                if code > 0 or deaths > DEATHS:
                    raise AblationError(_last_words(folder, number, code))
                if code < 0:  # killed: another worker goes on from its checkpoint
                    unfinished = [name for name in given[number] if not is_finished(run_folder(folder, name))]
                    waiting.extendleft(reversed(unfinished))
    finally:
        _stop(busy.values())


class _Progress:
    """A line a finished run, with the time the others will take."""

    def __init__(self, settings, folder):
        self.settings, self.folder = settings, folder
        self.total = len(settings.runs())
        self.pending = [run for run in settings.runs() if not self._is_finished(run)]
        self.began, self.done_before = time.perf_counter(), self.total - len(self.pending)
        if self.done_before:
            print(f"{self.done_before} of {self.total} runs are finished already", flush=True)

    def look(self):
        """Prints what has been finished since the last look."""
        finished = [run for run in self.pending if self._is_finished(run)]
        for recipe, seed in finished:
            self.pending.remove((recipe, seed))
            done = self.total - len(self.pending)
            seconds_a_run = (time.perf_counter() - self.began) / (done - self.done_before)
            name = self.settings.run_name(recipe, seed)
            run = run_folder(self.folder, name)
            top1 = "diverged" if diverged_file(run).exists() else f"val top-1 {kept_top1(run):.4f}"
            left = f", {format_seconds(seconds_a_run * len(self.pending))} left" if self.pending else ""
            print(f"{done:>{len(str(self.total))}}/{self.total}  {name:<28} {top1}{left}", flush=True)

    def _is_finished(self, run):
        return is_finished(run_folder(self.folder, self.settings.run_name(*run)))


def kept_top1(run):
    return Run(run).metrics["validation"]["top1"]


def _start(folder, number, names, environment):
    """A worker process. Its standard input is a pipe that closes when this process dies, however that happens."""
    environment = {**environment, "PYTHONUNBUFFERED": "1"}
    share_gpus(environment)  # this process has built models, too
    with open(_log(folder, number), "ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "tuning.ablation.worker", str(folder), *names],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # Ctrl-C comes here alone, and is passed on
        )


def _stop(processes):
    """Asks workers to end, which leaves a checkpoint, and ends them where they do not."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdin.close()


def _log(folder, number):
    return folder / f"worker-{number}.log"


def _last_words(folder, number, code):
    lines = _log(folder, number).read_text(errors="replace").splitlines()[-12:]
    return "\n".join([f"a worker ended with code {code}; the end of {_log(folder, number)}:", *lines])
