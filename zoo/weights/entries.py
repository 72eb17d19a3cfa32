"""What a weights file holds, in one form for all formats: Keras layouts, the convention of stock layers."""

from dataclasses import dataclass, field

import numpy as np

from nntricks_keras.errors import InputError


@dataclass
class Entry:
    """The tensors of one layer.

    A convolution's kernel is (height, width, channels / groups, filters). A dense kernel is (inputs, units), or
    (height, width, channels, units) where the file keeps the map that it flattens unfolded.
    """

    name: str
    kind: str  # "conv", "norm", "dense", or "slopes" (in files of ours only)
    tensors: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Contents:
    """All layers of one file, in the order of the network, and the conventions of what wrote it."""

    entries: list[Entry]
    flatten: str = "hwc"  # order in which a flattened map reaches the first dense layer: "hwc" or "chw"
    epsilon: float = 1e-5  # of batch normalization
    local_response: dict | None = None  # constants k, alpha_per_unit, beta, size if the file's differ from the layer's
    own: bool = False  # written by this package's models: layers by name, Dropout scales at inference

    def of_kind(self, kind):
        return [entry for entry in self.entries if entry.kind == kind]


def unreadable(path, what, error):
    """The one error for a file that is damaged, or not what its name says."""
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return InputError(f"{path}: not a readable {what}, cut off or damaged ({first_line})")
