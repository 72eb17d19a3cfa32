"""Experiment: the one description of a run. A run folder, the command line's flags and a tuning trial are this."""

import dataclasses
from pathlib import Path

import tyro

import zoo
from nntricks_keras import data, serialization, training
from nntricks_keras.data.preprocessing import Preprocessing
from nntricks_keras.errors import InputError, check_name
from nntricks_keras.files import read_json, write_json
from nntricks_keras.training import run_folder
from nntricks_keras.training.settings import Recipe
from zoo import deepening, variants
from zoo.arguments import Arguments
from zoo.recipes import recipe as find_recipe

LARGEST_OF_MINIS = 64  # pixels: what vgg_mini and alexnet_mini see of photographs of any size


@dataclasses.dataclass(frozen=True)
class Experiment(serialization.Json):
    """What is trained on what, and how: frozen, JSON in and out.

    Raises InputError for an unknown model or argument, with the nearest valid names.
    """

    model: str = "vgg_mini"
    """a name from `python -m zoo list`"""
    arguments: Arguments = dataclasses.field(default_factory=dict)
    """given to the model's builder"""
    data: str = "fashion_mnist_mini"
    """fashion_mnist_mini (bundled), any name of TensorFlow Datasets, or a folder of class folders"""
    preprocessing: tyro.conf.Suppress[Preprocessing | None] = None
    """what the model is fed; by default that of the initial weights, otherwise measured on the training images"""
    recipe: Recipe = dataclasses.field(default_factory=lambda: find_recipe("standard"))
    """how it is trained"""
    initial_weights: str | None = None
    """what the training starts from, as zoo.load_weights takes it; for a VGG also the model.keras of a shallower one,
    whose first four convolutions and dense layers are taken, as in the paper"""
    data_dir: str | None = None
    """where TensorFlow Datasets keeps its files"""
    validation_fraction: float = 0.1
    """of the training images, carved out when the data has no validation split of its own"""
    skip_bad_images: bool = False
    """leave out the files of a folder that cannot be read, and list them; otherwise the first of them ends the run"""
    image_size: tuple[int, int] | None = None
    """height and width in pixels that the model sees; by default the images' own, or the model's usual one"""
    resize: int | None = None
    """short side in pixels of larger images before the centre is cut out of them; by default 8/7 of image_size's, and
    with the same as that nothing of a square image is lost"""

    def __post_init__(self):
        check_name("model", self.model, variants.VARIANTS)
        for name in self.arguments:
            check_name("model argument", name, Arguments.__annotations__)
        if not 0 < self.validation_fraction < 1:
            raise InputError(f"validation_fraction has to be above 0 and below 1, received {self.validation_fraction}")
        settled = self.preprocessing.image_size if self.preprocessing else None
        if settled and self.image_size and tuple(self.image_size) != settled:
            raise InputError(f"image_size {tuple(self.image_size)} contradicts the preprocessing, whose is {settled}")
        if self.preprocessing and self.resize not in (None, self.preprocessing.resize):
            raise InputError(
                f"resize {self.resize} contradicts the preprocessing, whose is {self.preprocessing.resize}"
            )
        if self.resize is not None and self.resize < 1:
            raise InputError(f"resize has to be a short side in pixels, from 1, received {self.resize!r}")

    @classmethod
    def load(cls, path):
        """The experiment in a JSON file or in a run folder."""
        path = Path(path)
        return cls.from_dict(read_json(path / "experiment.json" if path.is_dir() else path))

    def save(self, path):
        write_json(path, self.to_dict())

    def settled(self, preprocessing):
        """The same with its preprocessing, which holds the sizes from now on."""
        return dataclasses.replace(self, preprocessing=preprocessing, image_size=None, resize=None)

    def as_open_as(self, other):
        """The same, settled before, with as much of its preprocessing left open as `other` leaves; to compare them."""
        if other.preprocessing is not None:
            return self
        size = self.preprocessing.image_size if other.image_size else None
        resize = self.preprocessing.resize if other.resize else None
        return dataclasses.replace(self, preprocessing=None, image_size=size, resize=resize)


def resolve(experiment, image_data=None):
    """Loads the data, unless they are given, and settles what the experiment left open.

    Returns:
        (the experiment with its preprocessing filled in, data.ImageData).
    """
    image_data = image_data or load_data(experiment)
    if experiment.preprocessing is None:
        experiment = experiment.settled(_preprocessing(experiment, image_data))
    return experiment, image_data


def load_data(experiment):
    """The experiment's data.ImageData; prints which images were left out."""
    image_data = data.load(
        experiment.data,
        validation_fraction=experiment.validation_fraction,
        data_dir=experiment.data_dir,
        skip_bad_images=experiment.skip_bad_images,
    )
    if image_data.left_out:
        print(f"left out {len(image_data.left_out)} images:")
        for file, reason in image_data.left_out:
            print(f"  {file}: {reason}")
    return image_data


def load_data_of_run(run, experiment, source=None, data_dir=None):
    """The images of training.Run `run`, whose Experiment is given, split as then; or those of another source.

    Raises InputError when the run's own images are no longer as many: then its test images may be others, and among
    them some that it was trained on.
    """
    source = source or experiment.data
    found = load_data(dataclasses.replace(experiment, data=source, data_dir=data_dir or experiment.data_dir))
    counted = run.inputs["counts"]
    if source == experiment.data and found.counts != counted:
        raise InputError(
            f"{source} has changed since the run {run.folder}: {_listed(found.counts)} images now, "
            f"{_listed(counted)} then, so that its splits hold other images"
        )
    return found


def _listed(counts):
    return ", ".join(f"{split} {count:,}" for split, count in counts.items())


def _preprocessing(experiment, image_data):
    """That of the initial weights, or else as large as the model likes and standardized by the training images."""
    if experiment.initial_weights:
        known = zoo.preprocessing(experiment.model, experiment.initial_weights)
        if known is not None:
            known = _resized(known, experiment.image_size) if experiment.image_size else known
            return dataclasses.replace(known, resize=experiment.resize or known.resize)
    variant = variants.find(experiment.model)
    usual = max(variant.input_shape[0], LARGEST_OF_MINIS)
    height, width, num_channels = image_data.image_shape
    image_size, resize = experiment.image_size, experiment.resize
    if image_size is None and height and width and max(height, width) <= usual:
        image_size = (max(height, variant.smallest_size), max(width, variant.smallest_size))
    elif image_size is None:
        image_size = (usual, usual)
    if resize is None and (not height or not width or min(height, width) > min(image_size)):
        resize = round(min(image_size) * 8 / 7)  # 256 for 224: the margin that random crops are cut from
    mean, std = data.channel_statistics(image_data.train)
    return Preprocessing(image_size, resize=resize, mean=mean, std=std, channels="grey" if num_channels == 1 else "rgb")


def _resized(preprocessing, image_size):
    """For images of another size, of which as much is cut away as before."""
    resize = preprocessing.resize and round(preprocessing.resize * min(image_size) / min(preprocessing.image_size))
    return dataclasses.replace(preprocessing, image_size=image_size, resize=resize)


def build(experiment, num_classes):
    """The experiment's model, new, for its preprocessing and that many classes."""
    model = zoo.create(
        experiment.model,
        input_shape=experiment.preprocessing.input_shape,
        num_classes=num_classes,
        **experiment.arguments,
    )
    if experiment.initial_weights:
        trained = deepening.shallower(model, experiment.initial_weights)
        if trained is not None:
            deepening.start_from(model, trained)
        else:
            zoo.load_weights(model, experiment.initial_weights)
    return model


def train(
    experiment,
    run_dir,
    *,
    devices="auto",
    resume=False,
    overwrite=False,
    health=True,
    callbacks=(),
    lean=False,
    image_data=None,
):
    """Trains an Experiment and leaves a run folder; see training.train for the arguments and errors.

    image_data is what load_data returns, for many trainings on the same data; by default it is loaded.

    experiment.json in it holds the experiment with its preprocessing filled in: trained again, it is the same run.
    """
    run_folder.check(run_dir, resume=resume, overwrite=overwrite)  # before the data is read, which may take long
    saved = Path(run_dir) / "experiment.json"
    if resume and saved.exists():
        _check_unchanged(experiment, Experiment.load(saved), run_dir)
        experiment = Experiment.load(saved)
    if experiment.recipe.unfreeze and not experiment.initial_weights:
        raise InputError(
            f"the recipe keeps {', '.join(experiment.recipe.unfreeze)} frozen at first, which needs trained weights: "
            "give initial_weights, or a recipe without unfreeze"
        )
    strategy = training.strategy(devices)  # before the data starts TensorFlow: afterwards no device can be divided
    experiment, image_data = resolve(experiment, image_data)

    def build_model():
        try:
            return build(experiment, image_data.num_classes)
        except (ValueError, TypeError) as error:
            raise InputError(f"{experiment.model} cannot be built: {error}") from error

    return training.train(
        build_model,
        image_data,
        experiment.preprocessing,
        experiment.recipe,
        run_dir,
        title=f"{experiment.model} on {experiment.data}",
        experiment=experiment.to_dict(),
        devices=strategy,
        resume=resume,
        overwrite=overwrite,
        health=health,
        callbacks=callbacks,
        lean=lean,
    )


def _check_unchanged(experiment, saved, run_dir):
    """Refuses to go on with a run under other settings, naming each."""
    changed = serialization.differences(saved.as_open_as(experiment).to_dict(), experiment.to_dict())
    if changed:
        raise InputError(
            f"{run_dir} was started with another experiment: " + "; ".join(serialization.in_words(changed))
        )
