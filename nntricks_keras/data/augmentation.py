"""Which random changes training images go through. Settings only: loads no TensorFlow."""

import dataclasses
from typing import Literal

from nntricks_keras.errors import InputError, check_name

_Range = tuple[float, float]
_Color = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """The random changes of training images; with no argument, none.

    Geometry: the tricks of one image are composed into one warp, so that a picture is resampled once. Colour:
    brightness, contrast, saturation, hue and lighting are linear, and are composed into one matrix. Whether a change
    keeps the label true is for the user to say: an "s" that is mirrored, a 6 that is turned.

    Numbers drawn depend on the seed, the epoch and the image only. "U(a, b)" is uniform.
    """

    horizontal_flip: bool = False
    """Mirror left and right, with probability 1/2."""
    vertical_flip: bool = False
    """Mirror top and bottom, with probability 1/2."""
    padding_crop: int = 0
    """Shift by whole pixels of the network's input, U(-n, n) each way; nothing is interpolated."""
    rotation: float = 0.0
    """Turn by U(-r, r) degrees about the centre."""
    zoom: _Range = (1.0, 1.0)
    """Magnify by a factor between these (uniform in its logarithm)."""
    shift: float = 0.0
    """Shift by U(-s, s) of the side, each way."""
    shear: float = 0.0
    """Slant by U(-s, s) degrees, each way."""
    fill: Literal["reflect", "constant", "nearest"] = "reflect"
    """What a warp puts where the picture ends: its mirror image, black, or its edge."""
    crop_area: _Range | None = None
    """Random resized crop: the crop's share of the picture's area, U of these; None: no such crop."""
    crop_aspect: _Range = (3 / 4, 4 / 3)
    """Random resized crop: width / height, uniform in its logarithm."""
    short_side: tuple[int, int] | None = None
    """Resize the short side to a whole number between these, pixels, and crop at random; None: as Preprocessing
    says."""
    brightness: float = 0.0
    """Multiply all levels by U(1 - b, 1 + b)."""
    contrast: float = 0.0
    """Multiply the difference to the picture's mean grey by U(1 - c, 1 + c)."""
    saturation: float = 0.0
    """Multiply the difference to each pixel's own grey by U(1 - s, 1 + s)."""
    hue: float = 0.0
    """Turn hues by U(-h, h) degrees, keeping luma."""
    lighting: float = 0.0
    """AlexNet's PCA colour: standard deviation of the three factors of `principal_colors` (0.1 there)."""
    principal_colors: tuple[_Color, _Color, _Color] = (
        (-31.475, -32.212, -32.368),
        (3.448, -0.022, -3.331),
        (0.460, -0.934, 0.482),
    )
    """Eigenvectors (r, g, b) times eigenvalues of the colours' covariance, times 255; measure with
    `data.principal_colors`. The default is ImageNet's."""
    erasing: float = 0.0
    """Random erasing: the probability that a rectangle is filled with the mean colour."""
    erasing_area: _Range = (0.02, 0.33)
    """Random erasing: the rectangle's share of the area."""
    rand_augment: int = 0
    """RandAugment: how many operations each image goes through."""
    rand_augment_magnitude: float = 9.0
    """RandAugment: their strength, 0 to 10."""
    trivial_augment: bool = False
    """TrivialAugment: one operation of random strength each image."""
    mixup: float = 0.0
    """MixUp: alpha of the Beta distribution of the share; 0 is off."""
    cutmix: float = 0.0
    """CutMix: alpha of the Beta distribution of the area; 0 is off. With MixUp as well, each pair takes one of the
    two."""

    def __post_init__(self):
        check_name("fill", self.fill, ("reflect", "constant", "nearest"))
        for name in (
            "padding_crop",
            "rotation",
            "shift",
            "shear",
            "hue",
            "lighting",
            "rand_augment",
            "mixup",
            "cutmix",
        ):
            self._require(name, getattr(self, name) >= 0, "0 or more")
        for name in ("brightness", "contrast", "saturation", "erasing"):
            self._require(name, 0 <= getattr(self, name) <= 1, "from 0 to 1")
        self._require("rand_augment_magnitude", 0 <= self.rand_augment_magnitude <= 10, "from 0 to 10")
        for name in ("zoom", "crop_aspect", "crop_area", "short_side", "erasing_area"):
            pair = getattr(self, name)
            if pair is not None:
                is_pair = isinstance(pair, (tuple, list)) and len(pair) == 2
                self._require(name, is_pair and 0 < pair[0] <= pair[1], "two positive numbers, the smaller first")
                object.__setattr__(self, name, tuple(pair))  # a key of what has been compiled
        rows = tuple(map(tuple, self.principal_colors))
        self._require("principal_colors", [len(row) for row in rows] == [3, 3, 3], "three rows of three numbers")
        object.__setattr__(self, "principal_colors", rows)
        for name in ("crop_area", "erasing_area"):
            self._require(
                name, getattr(self, name) is None or getattr(self, name)[1] <= 1, "shares of the area, at most 1"
            )
        for one, other in (("crop_area", "short_side"), ("rand_augment", "trivial_augment")):
            if getattr(self, one) and getattr(self, other):
                raise InputError(
                    f"{one} {getattr(self, one)!r} and {other} {getattr(self, other)!r} exclude each other: give one "
                    "of them"
                )

    def _require(self, name, holds, rule):
        if not holds:
            raise InputError(f"{name} has to be {rule}, received {getattr(self, name)!r}")

    @classmethod
    def preset(cls, name):
        """The augmentation known as `name`; a wrong name lists the nearest ones."""
        return cls(**PRESETS[check_name("augmentation", name, PRESETS)])


PRESETS = {
    "none": {},
    "flip": {"horizontal_flip": True},
    # For 28 to 32 px.
    "quick": {"horizontal_flip": True, "padding_crop": 2},
    # Krizhevsky et al., 2012, section 4.1: 224 px crops of 256 px images, mirrored, PCA colour.
    "alexnet2012": {"horizontal_flip": True, "short_side": (256, 256), "lighting": 0.1},
    # Simonyan and Zisserman, 2014, section 3.1: scale jitter S in [256; 512], mirrored, the colour shift of AlexNet.
    "vgg2014": {"horizontal_flip": True, "short_side": (256, 512), "lighting": 0.1},
    # Szegedy et al., 2014: random resized crop and colour jitter.
    "inception": {
        "horizontal_flip": True,
        "crop_area": (0.08, 1.0),
        "brightness": 0.4,
        "contrast": 0.4,
        "saturation": 0.4,
    },
    # Cubuk et al., 2019, on top of the random resized crop.
    "randaugment": {"horizontal_flip": True, "crop_area": (0.08, 1.0), "rand_augment": 2},
    # Müller and Hutter, 2021.
    "trivialaugment": {"horizontal_flip": True, "crop_area": (0.08, 1.0), "trivial_augment": True},
}
