"""One augmentation for one kind of image, compiled."""

import functools

import tensorflow as tf

from nntricks_keras.data.colors import is_active, sample_colors
from nntricks_keras.data.decoding import cut_window, decode_jpeg_window, is_plain_jpeg
from nntricks_keras.data.erasing import erase
from nntricks_keras.data.evaluation_view import standardize
from nntricks_keras.data.geometry import sample_affine, visible_window
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
        self.render = tf.function(self._render, jit_compile=True)
        self.finish = tf.function(self._finish, jit_compile=True)

    @property
    def has_operations(self):
        """Whether RandAugment or TrivialAugment is on, whose operations take one image at a time."""
        return bool(self.augmentation.rand_augment or self.augmentation.trivial_augment)

    def batch(self, epoch, indices, images):
        """Whole raw batch (batch, h, w, raw) of equal size -> float32 (batch, height, width, channels)."""
        number, height, width = tf.shape(images)[0], *images.shape[1:3]
        picture_size = tf.tile(tf.constant([[height, width]], tf.float32), [number, 1])
        linear, offset, _, _, _ = self.plan(epoch, indices, picture_size)
        window = tf.tile(tf.constant([[0, 0, height, width]]), [number, 1])
        places = self.places(window, picture_size, linear, offset)
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
        picture_size = tf.cast(picture_size, tf.float32)[None]
        linear, offset, ratio, window, drawn = self.plan(epoch, index[None], picture_size)

        def cut():
            return cut_window(whole, ratio[0], window[0])

        if contents is None:
            patch = cut()
        else:
            patch = tf.cond(plain, lambda: decode_jpeg_window(contents, ratio[0], window[0], self.num_raw), cut)
        per_pixel = tf.cast(ratio[0], tf.float32)
        places = self.places(window, picture_size / per_pixel, linear / per_pixel, offset / per_pixel)
        pixels = _pad_to_power(tf.reshape(patch, [-1, self.num_raw]))
        image = self.render(epoch, index[None], pixels, tf.zeros([1], tf.int32), window[:, 3], places)
        if self.has_operations:
            levels = apply_photometric(image[0], drawn[0][0], drawn[1][0], reach_of(self.augmentation))
            image = self.finish(epoch, index[None], levels[None])
        return image[0]

    def _plan(self, epoch, indices, picture_size):
        keys = image_keys(self.seed, epoch, indices)
        which, strength = sample_operations(keys, self.augmentation)
        size = self.preprocessing.image_size
        maps = [] if which is None else geometric_maps(which, strength, reach_of(self.augmentation), size)
        linear, offset = sample_affine(keys, picture_size, size, self.preprocessing.resize, self.augmentation, maps)
        ratio, window = visible_window(linear, offset, picture_size, size, self.augmentation.fill)
        return linear, offset, ratio, window, None if which is None else (which, strength)

    def _places(self, window, picture_size, linear, offset):
        turns = self.augmentation.rotation or self.augmentation.shear or self.has_operations
        size, fill = self.preprocessing.image_size, self.augmentation.fill
        return find_places(window, picture_size, linear, offset, size, fill, separable=not turns)

    def _render(self, epoch, indices, pixels, first, stride, places):
        """Grey levels where operations are to follow, else finished images."""
        images = interpolate(pixels, first, stride, *places)
        if is_active(self.augmentation):
            keys = image_keys(self.seed, epoch, indices)
            images = recolor(images, *sample_colors(keys, self.augmentation, self.num_raw))
        return images if self.has_operations else self._finish(epoch, indices, images)

    def _finish(self, epoch, indices, levels):
        images = standardize(levels, self.preprocessing)
        if self.augmentation.erasing:
            images = erase(images, image_keys(self.seed, epoch, indices), self.augmentation)
        return images


def _pad_to_power(pixels):
    """Rows added up to a power of two: each length is compiled once, and there are few."""
    number = tf.shape(pixels)[0]
    powers = tf.constant([2**n for n in range(10, 31)])
    length = tf.gather(powers, tf.searchsorted(powers, number[None])[0])
    return tf.pad(pixels, [[0, length - number], [0, 0]])
