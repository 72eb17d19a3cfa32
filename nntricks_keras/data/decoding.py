"""Encoded bytes to upright uint8 pixels. TensorFlow decodes the usual JPEG and PNG; Pillow takes whatever it cannot.

What looks broken goes to Pillow too, whose error then names the image.
"""

import io

import numpy as np
import tensorflow as tf

from nntricks_keras.errors import InputError

# Larger pictures are refused before they are decoded: a file of kilobytes can claim billions of pixels.
MAX_PIXELS = 200_000_000
# The marker of a JPEG's quantization tables.
_TABLES = b"\xff\xdb"
_PNG_END = b"IEND\xaeB`\x82"
# EXIF's orientation entry up to its value, in both byte orders.
_ORIENTATION = (b"\x12\x01\x03\x00\x01\x00\x00\x00", b"\x01\x12\x00\x03\x00\x00\x00\x01\x00")


def decode(contents, name, num_channels=3):
    """Scalar string -> uint8 (height, width, num_channels). `name` is what an error calls the image."""
    image = tf.cond(
        is_plain_jpeg(contents),
        lambda: tf.io.decode_jpeg(contents, channels=num_channels, dct_method="INTEGER_ACCURATE"),
        lambda: _decode_others(contents, name, num_channels),
    )
    image.set_shape([None, None, num_channels])
    return image


def is_plain_jpeg(contents):
    """Whether the bytes are a JPEG that TensorFlow decodes as it should be: whole, upright, of a sane size, not
    CMYK."""

    def is_plain():
        size = tf.cast(tf.io.extract_jpeg_shape(contents), tf.int64)
        return (size[0] * size[1] <= MAX_PIXELS) & (size[2] <= 3) & tf.logical_not(_is_turned(contents))

    # Bytes that are not there cannot be asked for; no JPEG is so short.
    long_enough = tf.strings.length(contents) > 32
    return tf.cond(long_enough, lambda: tf.cond(_has_jpeg_ends(contents), is_plain, lambda: False), lambda: False)


def decode_jpeg_window(contents, ratio, window, num_channels):
    """The window (top, left, height, width) of a JPEG reduced by `ratio` (1, 2, 4 or 8) while it is decoded."""
    # Most JPEGs keep colours at half the width. Where it interpolates them, libjpeg takes the sides of the window for
    # those of the picture, and does not interpolate two columns: one more is decoded on the left, two on the right.
    top, left, height, width = tf.unstack(window)
    start = tf.maximum(left - 1, 0)
    end = tf.minimum(left + width + 2, -(-tf.io.extract_jpeg_shape(contents)[1] // ratio))
    wider = tf.stack([top, start, height, end - start])
    branches = [
        lambda ratio=ratio: tf.io.decode_and_crop_jpeg(contents, wider, channels=num_channels, ratio=ratio)
        for ratio in (1, 2, 4, 8)
    ]
    return tf.switch_case(_power(ratio), branches)[:, left - start : left - start + width]


def cut_window(image, ratio, window):
    """The same of decoded pixels: means over blocks of `ratio` x `ratio`."""

    def reduced(ratio):
        if ratio == 1:
            return image
        means = tf.nn.avg_pool2d(tf.cast(image, tf.float32)[None], ratio, ratio, "SAME")[0]
        return tf.cast(tf.round(means), tf.uint8)

    small = tf.switch_case(_power(ratio), [lambda ratio=ratio: reduced(ratio) for ratio in (1, 2, 4, 8)])
    return small[window[0] : window[0] + window[2], window[1] : window[1] + window[3]]


def decode_with_pillow(contents, name, num_channels=3):
    """Bytes -> uint8 array (height, width, num_channels), upright. 16 bits are scaled to 8.

    What is transparent is laid on white, as browsers show it: the colours that lie hidden there are often black or
    noise.

    Raises:
        InputError: naming the image and what is wrong with it.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    if not contents:
        raise InputError(f"{name}: the file is empty")
    try:
        with Image.open(io.BytesIO(contents)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(f"{name}: {image.width} x {image.height} pixels, more than {MAX_PIXELS} in all")
            image = ImageOps.exif_transpose(image)
            if image.mode[0] in "IF":
                image = Image.fromarray(_to_8_bits(np.asarray(image)))
            if image.has_transparency_data:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
            pixels = np.asarray(image.convert("RGB" if num_channels == 3 else "L"))
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{name}: not a readable image (of no known format)") from error
    # Pillow raises almost anything on broken files: OSError, SyntaxError, ValueError, DecompressionBombError,
    # struct.error, ...
    except Exception as error:
        raise InputError(f"{name}: not a readable image ({error})") from error
    return pixels.reshape(*pixels.shape[:2], num_channels)


def _to_8_bits(levels):
    levels = levels.astype(np.float64)
    return np.round(levels / 257 if levels.max(initial=0) > 255 else levels).clip(0, 255).astype(np.uint8)


def _decode_others(contents, name, num_channels):
    def run(contents, name):
        return decode_with_pillow(contents, name.decode(), num_channels)

    return tf.cond(
        _is_plain_png(contents),
        lambda: tf.io.decode_png(contents, channels=num_channels),
        lambda: tf.numpy_function(run, [contents, name], tf.uint8, stateful=False),
    )


def _has_jpeg_ends(contents):
    return (tf.strings.substr(contents, 0, 3) == b"\xff\xd8\xff") & (tf.strings.substr(contents, -2, 2) == b"\xff\xd9")


def _is_plain_png(contents):
    def whole_and_sane():
        ends = tf.strings.substr(contents, -len(_PNG_END), len(_PNG_END)) == _PNG_END
        size = tf.io.decode_raw(tf.strings.substr(contents, 16, 8), tf.int32, little_endian=False)
        pixels = tf.reduce_prod(tf.cast(size, tf.int64))
        # Colour types 4 and 6 have an alpha channel; a tRNS chunk, which comes before the pixels, makes colours clear.
        kind = tf.strings.substr(contents, 25, 1)
        opaque = (kind != b"\x04") & (kind != b"\x06")
        opaque &= tf.size(tf.strings.split(tf.strings.substr(contents, 0, 65536), "tRNS")) == 1
        return ends & (pixels > 0) & (pixels <= MAX_PIXELS) & opaque

    begins = (tf.strings.length(contents) > 32) & (tf.strings.substr(contents, 0, 8) == b"\x89PNG\r\n\x1a\n")
    return tf.cond(begins, whole_and_sane, lambda: False)


def _is_turned(contents):
    """Whether a JPEG's EXIF data ask for a turn or a mirroring."""
    # Most files have no EXIF: the quantization tables follow at once, or behind a JFIF segment of 18 bytes.
    first, second = tf.strings.substr(contents, 2, 2), tf.strings.substr(contents, 20, 2)
    no_exif = (first == _TABLES) | ((first == b"\xff\xe0") & (second == _TABLES))

    def asks():
        # Otherwise it may lie behind segments of other kinds, in the first 64 KB. Pillow then has the last word.
        head = tf.strings.substr(contents, 0, 65536)
        found = tf.constant(False)
        for marker in _ORIENTATION:
            values = tf.strings.substr(tf.strings.split(head, marker)[1:], 0, 1)
            found = found | tf.reduce_any((values != b"\x01") & (values != b""))
        return found

    return tf.cond(no_exif, lambda: False, asks)


def _power(ratio):
    """1, 2, 4, 8 -> 0, 1, 2, 3."""
    return tf.reduce_sum(tf.cast(ratio >= tf.constant([2, 4, 8]), tf.int32))
