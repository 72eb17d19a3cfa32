"""Reading image files one by one to see which can be used."""

import concurrent.futures
import hashlib
from pathlib import Path

import numpy as np

from nntricks_keras.data.decoding import decode_with_pillow
from nntricks_keras.errors import InputError


def check_file(path):
    """(reason why the file cannot be used or None, its size, a fingerprint of its pixels and their shape)."""
    try:
        if not Path(path).is_file():
            # A link to nowhere, or a pipe, which would be waited for without end.
            return "is no file", None, None
        contents = Path(path).read_bytes()
        pixels = decode_with_pillow(contents, path)
    except InputError as error:
        return str(error).removeprefix(f"{path}: "), None, None
    except OSError as error:
        return f"cannot be read ({error.strerror})", None, None
    fingerprint = hashlib.blake2b(repr(pixels.shape).encode() + pixels.tobytes(), digest_size=16).digest()
    return None, pixels.shape[:2], fingerprint


def check_files(paths):
    """`check_file` of each file, in order, several at a time (Pillow releases Python's lock while it decodes)."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(check_file, paths))


def usable(paths, labels):
    """(paths, labels, [(path, reason)]): what can be used of the files, and what was left out."""
    reasons = [reason for reason, _, _ in check_files(paths)]
    left_out = [(path, reason) for path, reason in zip(paths, reasons, strict=True) if reason]
    good = [n for n, reason in enumerate(reasons) if not reason]
    return [paths[n] for n in good], np.asarray(labels)[good], left_out
