"""Setting a part of the labelled images aside, equally from every class, the same for the same seed."""

import numpy as np

from nntricks_keras.errors import InputError


def stratified_split(labels, fraction, seed):
    """(kept, held): sorted indices; `held` has `fraction` of each class, rounded, and one at least; a single image
    is kept.

    Raises:
        InputError: the fraction is not in (0, 1), or no class has two images.
    """
    if not 0 < fraction < 1:
        raise InputError(f"the fraction to hold out has to lie between 0 and 1, received {fraction!r}")
    labels = np.asarray(labels)
    held = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        num_held = min(max(round(fraction * len(members)), 1), len(members) - 1)
        held[np.random.default_rng([seed, int(label)]).permutation(members)[:num_held]] = True
    if not held.any():
        raise InputError(f"{len(labels)} images, one a class: none can be held out")
    return np.flatnonzero(~held), np.flatnonzero(held)
