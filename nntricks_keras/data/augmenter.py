"""One augmentation for one kind of image, compiled."""

import functools

import tensorflow as tf

from nntricks_keras.data.colors import is_active, sample_colors
from nntricks_keras.data.decoding import cut_window, decode_jpeg_window, is_plain_jpeg
from nntricks_keras.data.erasing import erase
from nntricks_keras.data.evaluation_view import standardize
from nntricks_keras.data.geometry import sample_affine, visible_window, whole_pixel_crop
from nntricks_keras.data.operations import apply_photometric, geometric_maps, reach_of, sample_operations
from nntricks_keras.data.randomness import image_keys
from nntricks_keras.data.rendering import find_places, interpolate, recolor


@functools.lru_cache(maxsize=32)
def augmenter(augmentation, preprocessing, num_raw, seed):
    """The Augmenter of these settings; kept, so that what is compiled serves every pipeline with the same settings."""
    return Augmenter(augmentation, preprocessing, num_raw, seed)


class Augmenter:
    """Makes augmented, standardized images from raw ones.

    Args:
        augmentation: `Augmentation`.
        preprocessing: `Preprocessing`.
        num_raw: channels of the raw images, 1 or 3.
        seed: of all draws.
    """

    def __init__(self, augmentation, preprocessing, num_raw, seed):
        self.augmentation = augmentation
        self.preprocessing = preprocessing
        self.num_raw = num_raw
        self.seed = seed
        self.plan = tf.function(self._plan, jit_compile=True)
        self.places = tf.function(self._places, jit_compile=True)
        self.interpolate = tf.function(interpolate, jit_compile=True)
        self.render = tf.function(self._render, jit_compile=True)
        self.recolor = tf.function(self._recolor, jit_compile=True)
        self.finish = tf.function(self._finish, jit_compile=True)

    @property
    def has_operations(self):
        """Whether RandAugment or TrivialAugment is on, whose operations take one image at a time."""
        return bool(self.augmentation.rand_augment or self.augmentation.trivial_augment)

    def batch(self, epoch, indices, images):
        """Whole raw batch (batch, h, w, raw) of equal size -> float32 (batch, height, width, channels)."""
        number, height, width = tf.shape(images)[0], *images.shape[1:3]
        picture_size = tf.tile(tf.constant([[height, width]], tf.float32), [number, 1])
        plan = self.plan(epoch, indices, picture_size)
        window = tf.tile(tf.constant([[0, 0, height, width]]), [number, 1])
        places = self.places(window, picture_size, plan["linear"], plan["offset"])
        pixels = tf.reshape(images, [-1, self.num_raw])
        return self.render(epoch, indices, pixels, tf.range(number) * (height * width), window[:, 3], places)

    def one(self, epoch, index, contents, decode):
        """One image -> float32 (height, width, channels).

        `contents` are its bytes, of which only the part in sight is decoded where they are a plain JPEG, else None;
        `decode()` gives the whole raw picture.
        """
        if contents is None:
            whole = decode()
            picture_size = tf.shape(whole)[:2]
        else:
            plain = is_plain_jpeg(contents)
            whole = tf.cond(plain, lambda: tf.zeros([0, 0, self.num_raw], tf.uint8), decode)
            picture_size = tf.cond(plain, lambda: tf.io.extract_jpeg_shape(contents)[:2], lambda: tf.shape(whole)[:2])
        plan = self.plan(epoch, index[None], tf.cast(picture_size, tf.float32)[None])
        ratio, window = plan["ratio"][0], plan["reduced"]["window"]

        def cut():
            return cut_window(whole, ratio, window[0])

        if contents is None:
            patch = cut()
        else:
            patch = tf.cond(plain, lambda: decode_jpeg_window(contents, ratio, window[0], self.num_raw), cut)
        levels = tf.cond(plan["is_crop"][0], lambda: self._resize(patch, plan), lambda: self._warp(patch, plan))
        if self.has_operations:
            if is_active(self.augmentation):
                levels = self.recolor(epoch, index[None], levels)
            which, strength = plan["operations"]
            levels = apply_photometric(levels[0], which[0], strength[0], reach_of(self.augmentation))[None]
        return self.finish(epoch, index[None], levels)[0]

    def _resize(self, patch, plan):
        """A crop resized and mirrored: grey levels, float32 (1, height, width, raw)."""
        if self.augmentation.vertical_flip:
            patch = _mirror(patch, 0, plan["mirrored"][0, 0])
        if self.augmentation.horizontal_flip:
            patch = _mirror(patch, 1, plan["mirrored"][0, 1])
        return tf.image.resize(patch[None], self.preprocessing.image_size)

    def _warp(self, patch, plan):
        """The one warp: grey levels, float32 (1, height, width, raw)."""
        window = plan["reduced"]["window"]
        pixels = _pad_to_power(tf.reshape(patch, [-1, self.num_raw]))
        return self.interpolate(pixels, tf.zeros([1], tf.int32), window[:, 3], *self.places(**plan["reduced"]))

    def _plan(self, epoch, indices, picture_size):
        """All that is drawn of the geometry: what to decode, and how to look at it."""
        keys = image_keys(self.seed, epoch, indices)
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

    def _render(self, epoch, indices, pixels, first, stride, places):
        return self._finish(epoch, indices, interpolate(pixels, first, stride, *places))

    def _recolor(self, epoch, indices, levels):
        keys = image_keys(self.seed, epoch, indices)
        return recolor(levels, *sample_colors(keys, self.augmentation, self.num_raw))

    def _finish(self, epoch, indices, levels):
        # Where there are operations, the colours came before them.
        if is_active(self.augmentation) and not self.has_operations:
            levels = self._recolor(epoch, indices, levels)
        images = standardize(levels, self.preprocessing)
        if self.augmentation.erasing:
            images = erase(images, image_keys(self.seed, epoch, indices), self.augmentation)
        return images


def _mirror(image, axis, is_wanted):
    return tf.cond(is_wanted, lambda: tf.reverse(image, [axis]), lambda: image)


def _pad_to_power(pixels):
    """Rows added up to a power of two: each length is compiled once, and there are few."""
    number = tf.shape(pixels)[0]
    powers = tf.constant([2**n for n in range(10, 31)])
    length = tf.gather(powers, tf.searchsorted(powers, number[None])[0])
    return tf.pad(pixels, [[0, length - number], [0, 0]])
