"""Spans of time as people write and read them."""

import math
import re

from nntricks_keras.errors import InputError

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")


def parse_seconds(span):
    """Seconds of 90, "90", "90s", "30m", "2h" or "1h30m".

    Raises InputError for anything else and for what is not above 0.
    """
    text = str(span).strip().lower()
    parts = PART.findall(text)
    seconds = sum(float(count) * SECONDS[unit] for count, unit in parts)
    if PART.sub("", text).strip() or not parts or not 0 < seconds < math.inf:
        raise InputError(f"a time has to be above 0 and written as 90, 90s, 30m, 2h or 1h30m, received {span!r}")
    return seconds


def in_words(seconds):
    """A span for a person: 40 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
