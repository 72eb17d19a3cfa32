"""Setting a part of the labelled images aside, equally from every class, the same for the same seed."""

import numpy as np

from nntricks_keras.errors import InputError


def stratified_split(labels, fraction, seed):
    """(kept, held): sorted indices; `held` has `fraction` of each class, rounded, and both have one of each at least.

    Raises:
        InputError: the fraction is not in (0, 1), or a class has a single image and cannot be in both parts.
    """
    if not 0 < fraction < 1:
        raise InputError(f"the fraction to hold out has to lie between 0 and 1, received {fraction!r}")
    labels = np.asarray(labels)
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            raise InputError(f"class number {label} has a single image: it cannot be both kept and held out")
        num_held = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held[np.random.default_rng([seed, int(label)]).permutation(members)[:num_held]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)
