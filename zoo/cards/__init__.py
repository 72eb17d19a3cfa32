"""Model cards: one JSON file a model beside this one, and what the table of variants says by arithmetic.

`measured` holds our own results only, each with the run that produced it; `published` the papers' with their protocol.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from zoo.names import UsageError
from zoo.variants import find

TORCHVISION = {
    "resize": 256,
    "mean": (0.485 * 255, 0.456 * 255, 0.406 * 255),
    "std": (0.229 * 255, 0.224 * 255, 0.225 * 255),
    "channels": "rgb",
}
# Source of weights -> what its networks expect of an image, in grey levels 0 to 255 and in the order of the channels.
SOURCES = {
    "keras": {
        "image_size": (224, 224),
        "resize": 256,
        "mean": (103.939, 116.779, 123.68),
        "std": (1.0, 1.0, 1.0),
        "channels": "bgr",
    },
    "torchvision": {"image_size": (224, 224), **TORCHVISION},
    "timm": {"image_size": (224, 224), **TORCHVISION},
    "caffe": {
        "image_size": (227, 227),
        "resize": 256,
        "mean": (104.00698793, 116.66876762, 122.67891434),
        "std": (1.0, 1.0, 1.0),
        "channels": "bgr",
    },
    # Mean and deviation of the 60,000 training images.
    "fashion_mnist": {"image_size": (28, 28), "mean": (72.94035223,), "std": (90.02118235,), "channels": "grey"},
}


@dataclass(frozen=True)
class Published:
    """Errors in per cent as a paper prints them, of ImageNet 2012's validation images.

    Comparable with the same protocol only, which `protocol` tells in words. `evaluation` is its name in
    evaluation.evaluate, and `scales` the short sides of the images in pixels.
    """

    top1_error: float
    top5_error: float
    protocol: str
    source: str
    evaluation: str
    scales: tuple[int, ...]


@dataclass(frozen=True)
class Measured:
    """A result of ours: what was measured, how, and the run that produced it."""

    data: str
    metric: str
    value: float
    protocol: str
    run: str
    spread: float | None = None
    seeds: int = 1
    seconds: float | None = None
    hardware: str = ""


@dataclass(frozen=True)
class PublicWeights:
    """Weights that can be loaded by the name of their source. Accuracies in per cent as the source states them."""

    source: str
    licence: str
    url: str = ""
    hashes: dict = dataclasses.field(default_factory=dict)
    url_no_top: str = ""
    hashes_no_top: dict = dataclasses.field(default_factory=dict)
    repository: str = ""
    shipped: str = ""
    top1: float | None = None
    top5: float | None = None


@dataclass(frozen=True)
class Card:
    """What is known of a model. Multiply-adds are those of one image of `input_shape`."""

    name: str
    title: str
    paper: str
    parameters: int
    multiply_adds: int
    input_shape: tuple[int, int, int]
    smallest_input: int
    weights: tuple[PublicWeights, ...]
    published: tuple[Published, ...]
    measured: tuple[Measured, ...]

    def weights_from(self, source):
        """The weights of that source, or None; "imagenet" is the first source that is not Fashion-MNIST."""
        named = [found for found in self.weights if source in (found.source, "imagenet")]
        return next((found for found in named if source != "imagenet" or found.source != "fashion_mnist"), None)

    def __str__(self):
        lines = [
            f"{self.name}: {self.title}",
            f"  paper           {self.paper}",
            f"  parameters      {self.parameters:,}",
            f"  multiply-adds   {self.multiply_adds:,} for an image of {' x '.join(map(str, self.input_shape))}",
            f"  smallest image  {self.smallest_input} x {self.smallest_input}",
        ]
        for found in self.weights:
            accuracy = f", {found.top1} / {found.top5} % top-1 / top-5" if found.top1 else ""
            lines.append(f"  weights         {found.source}{accuracy} ({found.licence})")
        for result in self.published:
            errors = f"{result.top1_error} / {result.top5_error} % top-1 / top-5 error"
            lines.append(f"  published       {errors}: {result.protocol} ({result.source})")
        for result in self.measured:
            spread = f" +- {result.spread} ({result.seeds} seeds)" if result.spread is not None else ""
            lines.append(
                f"  measured        {result.metric} {result.value}{spread} on {result.data}, {result.protocol}"
            )
        return "\n".join(lines)


def card(name):
    """The Card of the model called `name`; UsageError, with the nearest names, when there is none."""
    variant = find(name)
    with open(Path(__file__).parent / f"{name}.json", encoding="utf-8") as file:
        written = json.load(file)
    weights = tuple(PublicWeights(**entry) for entry in written["weights"])
    return Card(
        name=name,
        title=variant.title,
        paper=written["paper"],
        parameters=variant.parameters,
        multiply_adds=variant.multiply_adds,
        input_shape=variant.input_shape,
        smallest_input=variant.smallest_size,
        weights=weights,
        published=tuple(Published(**{**entry, "scales": tuple(entry["scales"])}) for entry in written["published"]),
        measured=tuple(Measured(**entry) for entry in written["measured"]),
    )


def preprocessing(name, weights):
    """What the weights of a model expect of an image, as `nntricks_keras.data.Preprocessing`.

    Args:
        name: of the model.
        weights: a source that its card names, "imagenet", or a file: then what the public file of that kind expects,
            and for a saved `.keras`, of which there is no public one, what the inputs.json beside it says.

    Returns:
        data.Preprocessing, or None for a file of a kind of which the model has no public weights, and for a `.keras`
        outside a run folder.

    Raises:
        UsageError: an unknown model, or a source that its card does not name.
        InputError: a file whose ending is of no weights file.
    """
    from nntricks_keras.data.preprocessing import Preprocessing
    from nntricks_keras.training import Run

    if Path(weights).suffix == ".keras":
        run = Run(Path(weights).parent)
        return run.preprocessing if (run.folder / "inputs.json").exists() else None
    found = card(name).weights_from(str(weights))
    if found is None and (weights == "imagenet" or weights in SOURCES):
        sources = ", ".join(entry.source for entry in card(name).weights) or "none"
        raise UsageError(f"{name} has no {weights!r} weights; its sources: {sources}")
    if found is None:
        from zoo.weights.files import kind_of

        found = card(name).weights_from(kind_of(weights))
    return Preprocessing(**SOURCES[found.source]) if found else None
