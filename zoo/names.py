"""Wrong names answered with the nearest right ones, for the paths that load no Keras (standard library only)."""

import difflib


class UsageError(ValueError):
    """What the user asked for does not exist. The command line prints it and exits with 2."""


def check_name(kind, name, valid):
    """Returns `name` if it is one of `valid`; otherwise raises UsageError with the nearest valid names."""
    valid = list(valid)
    if name in valid:
        return name
    near = difflib.get_close_matches(str(name), valid, n=5, cutoff=0.5)
    hint = f"nearest: {', '.join(near)}" if near else f"valid: {', '.join(valid)}"
    raise UsageError(f"unknown {kind} {name!r}; {hint}")
