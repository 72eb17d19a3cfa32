"""Every format comes in upright and as asked; what is broken is named."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from nntricks_keras.data.decoding import MAX_PIXELS, cut_window, decode, decode_jpeg_window, is_plain_jpeg
from nntricks_keras.errors import InputError


@pytest.fixture
def picture(rng):
    """A smooth colour image, 40 x 60, so that JPEG changes little."""
    y, x = np.mgrid[0:40, 0:60]
    phases = rng.uniform(0, 6, 3)
    return np.stack([127 + 100 * np.sin(x / 20 + y / 15 + p) for p in phases], -1).astype(np.uint8)


def encoded(image, **settings):
    """The bytes of a Pillow image."""
    stream = io.BytesIO()
    image.save(stream, **settings)
    return stream.getvalue()


def decoded(contents, num_channels=3):
    return tf.function(decode)(tf.constant(contents), tf.constant("here.jpg"), num_channels).numpy()


@pytest.mark.parametrize(
    ("settings", "tolerance"),
    [
        ({"format": "PNG"}, 0),
        ({"format": "BMP"}, 0),
        ({"format": "TIFF"}, 0),
        ({"format": "WEBP", "lossless": True}, 0),
        ({"format": "JPEG", "quality": 95, "subsampling": 0}, 12),
        ({"format": "JPEG", "quality": 95, "subsampling": 0, "progressive": True}, 12),
        ({"format": "GIF"}, 60),
    ],
)
def test_formats(picture, settings, tolerance):
    found = decoded(encoded(Image.fromarray(picture), **settings))
    assert found.shape == picture.shape
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - picture).max() <= tolerance


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "BMP", "TIFF"])
def test_grey_becomes_rgb_and_rgb_grey(picture, file_format):
    grey = Image.fromarray(picture).convert("L")
    found = decoded(encoded(grey, format=file_format))
    assert (found == found[..., :1]).all()
    assert np.abs(found[..., 0].astype(int) - np.asarray(grey)).max() <= 12
    back = decoded(encoded(Image.fromarray(picture), format=file_format), 1)
    assert back.shape == (40, 60, 1)
    assert np.abs(back[..., 0].astype(int) - np.asarray(grey)).max() <= 12


def test_cmyk(picture):
    cmyk = Image.fromarray(picture).convert("CMYK")
    assert np.abs(decoded(encoded(cmyk, format="JPEG", quality=98, subsampling=0)).astype(int) - picture).max() <= 14


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_16_bits(picture, file_format):
    levels = picture[..., 0].astype(np.uint16) * 257
    found = decoded(encoded(Image.fromarray(levels), format=file_format))
    np.testing.assert_array_equal(found[..., 0], picture[..., 0])


def test_palette(picture):
    palette = Image.fromarray(picture).quantize(64)
    np.testing.assert_array_equal(decoded(encoded(palette, format="PNG")), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize(
    ("mode", "settings"),
    [
        ("RGBA", {"format": "PNG"}),
        ("LA", {"format": "PNG"}),
        ("RGBA", {"format": "WEBP", "lossless": True, "exact": True}),
        ("RGBA", {"format": "TIFF"}),
    ],
)
@pytest.mark.parametrize("num_channels", [1, 3])
def test_what_is_transparent_is_laid_on_white(rng, picture, mode, settings, num_channels):
    image = Image.fromarray(picture).convert(mode)
    alpha = rng.integers(0, 256, picture.shape[:2], np.uint8)
    image.putalpha(Image.fromarray(alpha))
    opaque = np.asarray(image.convert("RGBA").convert("RGB"), np.float64)
    share = alpha[..., None] / 255
    expected = share * opaque + (1 - share) * 255
    if num_channels == 1:
        expected = expected @ [[0.299], [0.587], [0.114]]
    assert np.abs(decoded(encoded(image, **settings), num_channels) - expected).max() <= 1.01


def test_a_colour_declared_clear_is_white():
    image = Image.new("RGB", (8, 6), (10, 20, 30))
    image.paste((200, 100, 50), (0, 0, 4, 6))
    for palette_or_not in (image, image.quantize(4)):
        clear = (10, 20, 30) if palette_or_not is image else palette_or_not.getpixel((7, 0))
        found = decoded(encoded(palette_or_not, format="PNG", transparency=clear))
        assert (found[:, 4:] == 255).all()
        np.testing.assert_array_equal(found[:, :4], np.asarray(image)[:, :4])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_are_undone(picture, orientation):
    exif = Image.Exif()
    exif[0x010F] = "maker"
    exif[0x0112] = orientation
    contents = encoded(Image.fromarray(picture), format="JPEG", quality=95, subsampling=0, exif=exif)
    turned = {1: picture, 2: picture[:, ::-1], 3: picture[::-1, ::-1], 4: picture[::-1], 5: picture.transpose(1, 0, 2),
              6: np.rot90(picture, -1), 7: np.rot90(picture, 2).transpose(1, 0, 2),
              8: np.rot90(picture)}[orientation]  # fmt: skip
    found = decoded(contents)
    assert found.shape == turned.shape
    assert np.abs(found.astype(int) - turned).max() <= 12
    assert bool(is_plain_jpeg(tf.constant(contents))) == (orientation == 1)


@pytest.mark.parametrize("place", ["first", "after JFIF", "after a comment and a profile"])
def test_exif_is_found_wherever_it_lies(picture, place):
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = encoded(Image.fromarray(picture), format="JPEG", quality=95, subsampling=0)
    segment = exif.tobytes()
    segment = b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment
    comment = b"\xff\xfe\x27\x12" + b"c" * 0x2710
    profile = b"\xff\xe2\x4e\x22" + b"p" * 0x4E20
    before, after = plain[:20], plain[20:]  # the start marker and JFIF's segment
    contents = {
        "first": before[:2] + segment + before[2:] + after,
        "after JFIF": before + segment + after,
        "after a comment and a profile": before + comment + profile + segment + after,
    }[place]
    assert not is_plain_jpeg(tf.constant(contents))
    assert np.abs(decoded(contents).astype(int) - np.rot90(picture, -1)).max() <= 12
    upright = contents.replace(segment, b"")
    assert is_plain_jpeg(tf.constant(upright))


def test_broken_files_are_named(picture):
    jpeg, png = (encoded(Image.fromarray(picture), format=f) for f in ("JPEG", "PNG"))
    for contents in (
        b"",
        b"GIF",
        b"no image at all",
        jpeg[: len(jpeg) // 2],
        jpeg[:3],
        png[: len(png) // 2],
        b"\xff\xd8\xff\xd9",
    ):
        with pytest.raises(tf.errors.OpError, match=r"here\.jpg"):
            decoded(contents)


def test_trailing_bytes_do_no_harm(picture):
    jpeg = encoded(Image.fromarray(picture), format="JPEG", quality=95, subsampling=0)
    assert np.abs(decoded(jpeg + b"\0\0\0").astype(int) - picture).max() <= 12


def test_a_claim_of_billions_of_pixels_is_refused_before_decoding(picture):
    png = bytearray(encoded(Image.fromarray(picture), format="PNG"))
    png[16:24] = (60_000).to_bytes(4, "big") * 2
    jpeg = bytearray(encoded(Image.fromarray(picture), format="JPEG"))
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = (60_000).to_bytes(2, "big") * 2
    assert MAX_PIXELS < 60_000**2
    for contents in (bytes(png), bytes(jpeg)):
        with pytest.raises(tf.errors.OpError, match=r"here\.jpg"):
            decoded(contents)


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
def test_any_window_decoded_alone_equals_the_whole_picture_there(subsampling, rng):
    pixels = rng.integers(0, 256, (61, 75, 3), dtype=np.uint8)  # noise: each colour differs from its neighbours
    jpeg = tf.constant(encoded(Image.fromarray(pixels), format="JPEG", quality=95, subsampling=subsampling))
    for ratio in (1, 2, 4, 8):
        whole = tf.io.decode_jpeg(jpeg, channels=3, ratio=ratio).numpy()
        sides = [(left, right) for left in range(whole.shape[1]) for right in (left + 1, left + 2, left + 7, 75)]
        for left, right in sides:
            top, bottom = sorted(rng.choice(whole.shape[0] + 1, 2, replace=False))
            right = min(right, whole.shape[1])
            window = tf.constant([top, left, bottom - top, right - left], tf.int32)
            found = decode_jpeg_window(jpeg, tf.constant(ratio), window, 3).numpy()
            np.testing.assert_array_equal(found, whole[top:bottom, left:right], err_msg=f"{ratio}: {window.numpy()}")


def test_a_window_of_means_over_blocks(picture):
    for ratio in (1, 2, 4):
        means = cut_window(tf.constant(picture), tf.constant(ratio), tf.constant([2, 3, 6, 8])).numpy()
        blocks = picture.reshape(40 // ratio, ratio, 60 // ratio, ratio, 3).mean((1, 3))
        np.testing.assert_allclose(means, blocks[2:8, 3:11], atol=0.5)


def test_pillow_names_the_reason():
    from nntricks_keras.data.decoding import decode_with_pillow

    with pytest.raises(InputError, match=r"x\.png: the file is empty"):
        decode_with_pillow(b"", "x.png")
