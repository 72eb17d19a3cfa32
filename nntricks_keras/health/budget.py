"""A share of the time of a training, and what may be done within it."""

import contextlib
import time


class Budget:
    """Keeps the time of side work below a share of all time, by what each kind of work took the last time.

    Args:
        share: of the time since `begin`, in (0, 1]; 1 allows everything.
        expected: {kind of work: seconds} before it has been done once.
        clock: seconds that only grow.
    """

    def __init__(self, share, expected, clock=time.perf_counter):
        self.share = share
        self.expected = dict(expected)
        self.clock = clock
        self.begin()

    def begin(self):
        """Counts from now on."""
        self.began, self.spent = self.clock(), 0.0

    def allows(self, kind):
        """Whether the share would still hold after doing this kind of work once more, now."""
        return self.share == 1 or self.spent + self.expected[kind] <= self.share * (self.clock() - self.began)

    @contextlib.contextmanager
    def spending(self, kind):
        """Around the work: counts its time, and expects as much the next time."""
        began = self.clock()
        yield
        self.expected[kind] = self.clock() - began
        self.spent += self.expected[kind]
