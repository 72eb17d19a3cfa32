"""What a search tells while it runs: a line a finished trial, and a line that changes where a person watches."""

import sys
import textwrap
import time

from tuning.durations import in_words
from tuning.studies import COMPLETED, FAILED, PRUNED

LIVE_EVERY_SECONDS = 1
LONGEST_REASON = 100  # characters; the record has it whole


class Progress:
    """Prints how a search gets on.

    Args:
        study: Study.
        settings: its StudySettings.
        verbose: whether to print at all.
    """

    def __init__(self, study, settings, verbose=True):
        self.study = study
        self.settings = settings
        self.verbose = verbose
        self.best = None  # TrialRecord
        self._counts = dict.fromkeys((COMPLETED, PRUNED, FAILED), 0)
        self._seconds = []  # of the trials that have ended in this search
        self._most_running = 1
        self._live_until = 0.0
        self._live_width = 0

    def take_in(self, records):
        """What earlier searches have found."""
        for record in records:
            self._count(record)

    def ended(self, record):
        """A trial has ended: its line."""
        self._count(record)
        self._seconds.append(record.seconds)
        score = f"{self.settings.objective} {record.score:.4f}" if record.score is not None else "no score"
        words = [f"trial {record.trial_id}", score]
        if record.status != COMPLETED:
            words.append(f"{record.status}: {textwrap.shorten(record.reason, LONGEST_REASON)}")
        if self.best is not None:
            words.append(f"best {self.best.score:.4f} ({self.best.trial_id})")
        words.append(f"{self.num_ended} of {self.settings.num_trials}")
        left = (self.settings.num_trials - self.num_ended) * sum(self._seconds) / len(self._seconds)
        if left:
            words.append(f"about {in_words(left / self._most_running)} left")
        self.say("  ".join(words))

    def live(self, ongoing):
        """What is being trained, in a line that the next one takes the place of; on a terminal only."""
        self._most_running = max(self._most_running, len(ongoing))
        now = time.monotonic()
        if not self.verbose or not sys.stdout.isatty() or now < self._live_until:
            return
        self._live_until = now + LIVE_EVERY_SECONDS
        running = []
        for trial_id in ongoing:
            record = self.study.record(trial_id)
            if record is not None:
                epochs = sum(len(execution.history) for execution in record.executions)
                running.append(f"{trial_id} (epoch {epochs + 1})")
        line = f"{len(running)} running: {', '.join(running)}"[:100]
        print("\r" + line.ljust(self._live_width), end="", flush=True)
        self._live_width = len(line)

    def say(self, line):
        """A line of its own."""
        if self.verbose:
            wipe = f"\r{' ' * self._live_width}\r" if self._live_width else ""
            self._live_width = 0
            print(wipe + line, flush=True)

    @property
    def num_ended(self):
        return sum(self._counts.values())

    def _count(self, record):
        self._counts[record.status] += 1
        if record.status != COMPLETED:
            return
        sign = 1 if self.settings.direction == "max" else -1
        if self.best is None or sign * record.score > sign * self.best.score:
            self.best = record
