"""What a person got wrong, said in one sentence: the value received, and what would be right."""

import difflib

LISTED = 40  # more names than that drown the message


class InputError(ValueError):
    """A setting, name, folder or file that came from the user is wrong. The command line prints it and exits with 2."""


def check_name(kind, name, valid):
    """Returns `name` if it is one of `valid`; otherwise raises InputError with the nearest valid names."""
    valid = sorted(valid)
    if name in valid:
        return name
    near = difflib.get_close_matches(str(name), valid, n=5, cutoff=0.5)
    if near:
        hint = f"nearest: {', '.join(near)}"
    else:
        hint = (
            f"valid: {', '.join(valid)}" if len(valid) <= LISTED else f"none of the {len(valid)} valid names is near it"
        )
    raise InputError(f"unknown {kind} {name!r}; {hint}")
