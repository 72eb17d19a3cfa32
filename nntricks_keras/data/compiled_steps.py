"""The compiled steps of an augmentation. No seed is in them: it comes with the images, as `drawn`: seed, epoch, index.

Their keys are made inside, though twice for an image: outside they would be thirty small operations, each at its cost.
"""

import functools

import tensorflow as tf

from nntricks_keras.data.as_written import compiled
from nntricks_keras.data.colors import is_active, sample_colors
from nntricks_keras.data.erasing import erase
from nntricks_keras.data.evaluation_view import standardize
from nntricks_keras.data.geometry import sample_affine, visible_window, whole_pixel_crop
from nntricks_keras.data.operations import geometric_maps, reach_of, sample_operations
from nntricks_keras.data.randomness import image_keys
from nntricks_keras.data.rendering import find_places, interpolate, recolor


@functools.lru_cache(maxsize=32)
def compiled_steps(augmentation, preprocessing, num_raw):
    """The CompiledSteps of these settings; kept, so that what is compiled serves every pipeline and every seed."""
    return CompiledSteps(augmentation, preprocessing, num_raw)


class CompiledSteps:
    """What the pixels go through, each step compiled when it is first called.

    Args:
        augmentation: `Augmentation`.
        preprocessing: `Preprocessing`.
        num_raw: channels of the raw images, 1 or 3.
    """

    def __init__(self, augmentation, preprocessing, num_raw):
        self.augmentation = augmentation
        self.preprocessing = preprocessing
        self.num_raw = num_raw
        self.plan = compiled(self._plan)
        self.places = compiled(self._places)
        self.interpolate = compiled(interpolate)
        self.render = compiled(self._render)
        self.recolor = compiled(self._recolor)
        self.finish = compiled(self._finish)

    @property
    def has_operations(self):
        """Whether RandAugment or TrivialAugment is on, whose operations take one image at a time."""
        return bool(self.augmentation.rand_augment or self.augmentation.trivial_augment)

    def _plan(self, drawn, picture_size):
        """All that is drawn of the geometry: what to decode, and how to look at it."""
        keys = image_keys(*drawn)
        which, strength = sample_operations(keys, self.augmentation)
        size = self.preprocessing.image_size
        maps = [] if which is None else geometric_maps(which, strength, reach_of(self.augmentation), size)
        linear, offset = sample_affine(keys, picture_size, size, self.preprocessing.resize, self.augmentation, maps)
        ratio, window = visible_window(linear, offset, picture_size, size, self.augmentation.fill)
        per_pixel = tf.cast(ratio, tf.float32)[:, None]
        reduced = {
            "picture_size": picture_size / per_pixel,
            "linear": linear / per_pixel[:, None],
            "offset": offset / per_pixel,
        }
        is_crop, crop, mirrored = whole_pixel_crop(**reduced, image_size=size)
        reduced["window"] = tf.where(is_crop[:, None], crop, window)
        plan = {"linear": linear, "offset": offset, "ratio": ratio, "reduced": reduced}
        plan |= {"is_crop": is_crop, "mirrored": mirrored}
        return plan if which is None else plan | {"operations": (which, strength)}

    def _places(self, window, picture_size, linear, offset):
        turns = self.augmentation.rotation or self.augmentation.shear or self.has_operations
        size, fill = self.preprocessing.image_size, self.augmentation.fill
        return find_places(window, picture_size, linear, offset, size, fill, separable=not turns)

    def _render(self, drawn, pixels, first, stride, places):
        return self._finish(drawn, interpolate(pixels, first, stride, *places))

    def _recolor(self, drawn, levels):
        return recolor(levels, *sample_colors(image_keys(*drawn), self.augmentation, self.num_raw))

    def _finish(self, drawn, levels):
        # Where there are operations, the colours came before them.
        if is_active(self.augmentation) and not self.has_operations:
            levels = self._recolor(drawn, levels)
        images = standardize(levels, self.preprocessing)
        if self.augmentation.erasing:
            images = erase(images, image_keys(*drawn), self.augmentation)
        return images
