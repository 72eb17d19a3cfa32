"""A search under way: the chief serves, the workers of this machine are watched, and people are told."""

import time

from nntricks_keras import signals
from nntricks_keras.files import write_json
from tuning.chief import Chief
from tuning.dependable import LOCAL
from tuning.durations import in_words
from tuning.studies import RUNNING
from tuning.supervision import Workers

LOOK_EVERY_SECONDS = 0.05
SECONDS_TO_END = 30  # for workers that have heard that nothing is left


class SearchInterruptedError(KeyboardInterrupt):
    """Ctrl-C or SIGTERM came; the study on disk can go on.

    Args:
        message: how far the search has come.
        signal_number: of the signal that came.
    """

    def __init__(self, message, signal_number):
        super().__init__(message)
        self.signal_number = signal_number


def run(study, oracle, progress, budget, num_workers, address, memory_limit, run_trial):
    """Serves and supervises until the study is finished, the budget is spent, or a signal comes."""
    deadline = None if budget is None else time.monotonic() + budget
    crew = (
        Workers(study.folder, num_workers, LOCAL, memory_limit=memory_limit, run_trial=run_trial, is_chief=True)
        if num_workers
        else None
    )
    try:
        with signals.noted() as came, Chief(oracle, address) as chief:
            if chief.is_open:
                progress.say(
                    f"warning: whoever can reach {chief.address} can give this search results: "
                    "keras-tuner's service knows no passwords"
                )
            if address:
                progress.say(
                    f"more workers: python -m tuning worker --chief {chief.address_elsewhere} "
                    f"--study-dir {study.folder}"
                )
            if crew:
                crew.begin(chief.local_address)
            while not oracle.is_finished():
                _tend(study, oracle, progress, crew, chief)
                if came or (deadline and time.monotonic() > deadline):
                    oracle.stopping = True
                    if crew:
                        crew.stop()
                    break
                time.sleep(LOOK_EVERY_SECONDS)
            oracle.stopping = True
            _tell(study, oracle, progress)
            chief.say_goodbye()
            patient_until = time.monotonic() + SECONDS_TO_END
            while crew and not crew.all_ended and time.monotonic() < patient_until:
                crew.tend()
                time.sleep(LOOK_EVERY_SECONDS)
    finally:
        if crew:
            crew.close()
    left = [record.trial_id for record in study.records() if record.status == RUNNING]
    if came:
        raise SearchInterruptedError(
            f"stopped after {progress.num_ended} of {oracle.settings.num_trials} trials, with {len(left)} half done",
            came[0],
        )
    if not oracle.is_finished():
        progress.say(
            f"the budget of {in_words(budget)} is spent after {progress.num_ended} of {oracle.settings.num_trials} "
            f"trials, with {len(left)} half done: the same search goes on"
        )


def _tend(study, oracle, progress, crew, chief):
    """One look at everything."""
    if chief.error:
        raise chief.error
    ended = _tell(study, oracle, progress)
    if crew:
        crew.tend(ended)
    for name in oracle.give_up_lost():
        progress.say(f"worker {name} is lost; its trial goes to another")
        if crew:
            crew.kill(name)
    progress.live([trial.trial_id for trial in list(oracle.ongoing_trials.values())])


def _tell(study, oracle, progress):
    """Tells of the trials that have ended, and writes the best one's experiment; returns how many they are."""
    ended = oracle.newly_ended()
    for record in ended:
        best = progress.best
        progress.ended(record)
        if progress.best is not best:
            write_json(study.folder / "best.json", progress.best.experiment)
    return len(ended)
