"""One augmentation for one kind of image and one seed."""

import tensorflow as tf

from nntricks_keras.data.colors import is_active
from nntricks_keras.data.compiled_steps import compiled_steps
from nntricks_keras.data.decoding import cut_window, decode_jpeg_window, is_plain_jpeg
from nntricks_keras.data.operations import apply_photometric, reach_of
from nntricks_keras.data.randomness import seed_tensor


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
        self.steps = compiled_steps(augmentation, preprocessing, num_raw)

    @property
    def has_operations(self):
        """Whether RandAugment or TrivialAugment is on, whose operations take one image at a time."""
        return self.steps.has_operations

    def plan(self, epoch, indices, picture_size):
        """All that is drawn of the geometry of these images, whose sizes are float32 (number, 2)."""
        return self.steps.plan((seed_tensor(self.seed), epoch, indices), picture_size)

    def batch(self, epoch, indices, images):
        """Whole raw batch (batch, h, w, raw) of equal size -> float32 (batch, height, width, channels)."""
        number, height, width = tf.shape(images)[0], *images.shape[1:3]
        picture_size = tf.tile(tf.constant([[height, width]], tf.float32), [number, 1])
        drawn = seed_tensor(self.seed), epoch, indices
        plan = self.steps.plan(drawn, picture_size)
        window = tf.tile(tf.constant([[0, 0, height, width]]), [number, 1])
        places = self.steps.places(window, picture_size, plan["linear"], plan["offset"])
        pixels = tf.reshape(images, [-1, self.num_raw])
        return self.steps.render(drawn, pixels, tf.range(number) * (height * width), window[:, 3], places)

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
        drawn = seed_tensor(self.seed), epoch, index[None]
        plan = self.steps.plan(drawn, tf.cast(picture_size, tf.float32)[None])
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
                levels = self.steps.recolor(drawn, levels)
            which, strength = plan["operations"]
            levels = apply_photometric(levels[0], which[0], strength[0], reach_of(self.augmentation))[None]
        return self.steps.finish(drawn, levels)[0]

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
        places = self.steps.places(**plan["reduced"])
        return self.steps.interpolate(pixels, tf.zeros([1], tf.int32), window[:, 3], *places)


def _mirror(image, axis, is_wanted):
    return tf.cond(is_wanted, lambda: tf.reverse(image, [axis]), lambda: image)


def _pad_to_power(pixels):
    """Rows added up to a power of two: each length is compiled once, and there are few."""
    number = tf.shape(pixels)[0]
    powers = tf.constant([2**n for n in range(10, 31)])
    length = tf.gather(powers, tf.searchsorted(powers, number[None])[0])
    return tf.pad(pixels, [[0, length - number], [0, 0]])
