"""What a network expects of an image: size, colours and standardization. Loads no TensorFlow."""

import dataclasses
from typing import Literal

from nntricks_keras.data.channels import CHANNELS
from nntricks_keras.errors import InputError, check_name


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """The one description of how a raw image becomes the input of a network, kept beside the weights.

    Training, evaluation, prediction and export all use it. A raw image is uint8, (height, width, 1 or 3). For
    evaluation it is resized (bilinear, antialiased), cut at the centre, brought to `channels`, and standardized:
    x = (value - mean) / std, with value, mean and std in grey levels from 0 to 255.

    `mean` and `std` hold one number for each output channel, in the order of `channels`; a single number serves all.

    Raises:
        InputError: a size, mean or std that cannot be meant.
    """

    image_size: tuple[int, int]
    """Height and width of the network's input, pixels; one number makes a square."""
    resize: int | None = None
    """Short side after resizing, before the centre crop, pixels; None: the smallest that covers the crop."""
    mean: tuple[float, ...] = (0.0,)
    """Subtracted from each channel, grey levels 0 to 255."""
    std: tuple[float, ...] = (255.0,)
    """Divides each channel, grey levels."""
    channels: Literal["rgb", "bgr", "grey"] = "rgb"
    """Order of the channels the network sees."""

    def __post_init__(self):
        check_name("channels", self.channels, CHANNELS)
        size = (self.image_size,) * 2 if isinstance(self.image_size, int) else tuple(int(n) for n in self.image_size)
        if len(size) != 2 or min(size) < 1:
            raise InputError(f"image_size has to be (height, width) in pixels, received {self.image_size!r}")
        if self.resize is not None and self.resize < 1:
            raise InputError(f"resize has to be a positive short side in pixels, received {self.resize!r}")
        object.__setattr__(self, "image_size", size)
        for name in ("mean", "std"):
            object.__setattr__(self, name, self._per_channel(name))
        if min(self.std) <= 0:
            raise InputError(f"std has to be positive in every channel, received {self.std!r}")

    def _per_channel(self, name):
        given = getattr(self, name)
        values = tuple(float(v) for v in (given if isinstance(given, (tuple, list)) else (given,)))
        if len(values) == 1:
            values *= self.num_channels
        if len(values) != self.num_channels:
            raise InputError(
                f"{name} has to hold {self.num_channels} numbers for {self.channels!r}, received {given!r}"
            )
        return values

    @property
    def num_channels(self):
        """Channels of the network's input: 1 for grey, else 3."""
        return len(CHANNELS[self.channels])

    @property
    def input_shape(self):
        """(height, width, channels), as the builders of the zoo take it."""
        return (*self.image_size, self.num_channels)

    def apply(self, image):
        """One raw uint8 image (height, width, 1 or 3), or a batch of them, as evaluation sees it: float32 NumPy
        array."""
        from nntricks_keras.data.evaluation_view import evaluation_view

        return evaluation_view(image, self).numpy()
