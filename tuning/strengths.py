"""Presets of augmentation as a search offers them: which fit the images, and how strong."""

import dataclasses

from nntricks_keras.data.augmentation import PRESETS

SMALLEST_FOR_PAPERS = 192  # pixels; the papers' presets crop from images whose short side is 256 at least
# The presets of which something can be more or less; a mirror image cannot.
PRESETS_WITH_STRENGTH = ("quick", "inception", "randaugment")
_ANY_SIZE = ("none", "flip", "quick", "inception", "randaugment", "trivialaugment")


def presets_for(experiment):
    """The names of the presets that make sense for the images of an experiment."""
    size = experiment.preprocessing.image_size if experiment.preprocessing else experiment.image_size
    return list(PRESETS) if size and min(size) >= SMALLEST_FOR_PAPERS else list(_ANY_SIZE)


def strengthen(augmentation, strength):
    """The same augmentation, each of its changes `strength` times as large as far as its range goes.

    Args:
        augmentation: data.Augmentation.
        strength: at least 0; 1 returns an equal one. What is lost of the area in a crop is scaled, and so is a zoom in
            its logarithm. Mirroring and TrivialAugment, which have no size, stay as they are.
    """
    changes = {
        "padding_crop": round(augmentation.padding_crop * strength),
        "zoom": tuple(factor**strength for factor in augmentation.zoom),
        "rand_augment_magnitude": min(augmentation.rand_augment_magnitude * strength, 10.0),
    }
    for name in ("rotation", "shift", "shear", "hue", "lighting"):
        changes[name] = getattr(augmentation, name) * strength
    for name in ("brightness", "contrast", "saturation", "erasing"):
        changes[name] = min(getattr(augmentation, name) * strength, 1.0)
    if augmentation.crop_area:
        smallest, largest = (max(round(1 - (1 - share) * strength, 6), 0.02) for share in augmentation.crop_area)
        changes["crop_area"] = (smallest, largest)
    return dataclasses.replace(augmentation, **changes)
