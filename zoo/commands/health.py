"""Show what happens inside a network: signal, dead units, gradients, layer by layer, and what is wrong.

Ends with 1 if there is an alarm, with 0 if not.
"""

import os
from pathlib import Path
from typing import Literal

from zoo import variants
from zoo.commands import load_keras_quietly
from zoo.names import UsageError, check_name


def main(argv):
    import tyro

    def health(
        network: tyro.conf.Positional[str],
        /,
        data: str | None = None,
        data_dir: str | None = None,
        split: Literal["train", "validation", "test"] = "train",
        examples: int = 256,
        batch_size: int = 64,
        png: str | None = None,
    ):
        """One forward and backward pass, a line a layer, and what is wrong in words with its remedy.

        Args:
            network: a run folder (its best model), a .keras file, or the name of a model, which is built afresh
            data: images to look at, as `train` takes them; by default the run's, for a name the bundled ones
            data_dir: where TensorFlow Datasets keeps its files
            split: which part of the data; drawn by chance, not augmented
            examples: number of images; a hundred or more tell a dead unit from a rare one
            batch_size: images at a time; gradients and batch statistics are those of a batch
            png: draw the table and the histograms into this file
        """
        return _show(network, data, data_dir, split, examples, batch_size, png)

    return tyro.cli(health, args=argv, prog="python -m zoo health")


def _show(network, data_name, data_dir, split, num_examples, batch_size, png):
    _check_network(network)
    if num_examples < 1 or batch_size < 1:
        raise UsageError(f"examples {num_examples} and batch_size {batch_size} have to be 1 or more")
    load_keras_quietly()
    from nntricks_keras import data, health

    model, source, images, preprocessing, history = _choose(network, data_name, data_dir)
    if model.output_shape[-1] != images.num_classes:
        raise UsageError(f"{source} has {images.num_classes} classes, the model {model.output_shape[-1]} outputs")
    batch_size = min(batch_size, num_examples)
    batches = data.pipeline(
        getattr(images, split), preprocessing, batch_size=batch_size, num_classes=images.num_classes, training=True
    ).take(-(-num_examples // batch_size))
    report = health.probe(model, batches, histograms=png is not None, history=history)
    print(f"{model.name}, {split} split of {source}\n{report.table()}")
    if png is not None:
        report.plot(png)
        print(f"picture: {png}")
    return 1 if report.alarms else 0


def _check_network(network):
    """Refuses at once, before anything heavy is loaded, what is neither a folder nor a file nor a name."""
    if Path(network).exists():
        return
    if os.sep in network or network.endswith(".keras"):
        raise UsageError(f"{network}: no such run folder or .keras file")
    check_name("model, run folder or .keras file", network, variants.VARIANTS)


def _choose(network, data_name, data_dir):
    """(model, where its images come from, data.ImageData, preprocessing, rows of history) of what was named."""
    from nntricks_keras import data, training
    from zoo import experiment as experiments

    path = Path(network)
    folder = path.parent if path.is_file() else path
    if path.is_dir() or (path.is_file() and (folder / "inputs.json").exists()):
        run = training.Run.open(folder)
        told = (folder / "experiment.json").exists()
        trained = experiments.Experiment.load(folder) if told else None
        source = data_name or _told(network, trained and trained.data)
        images = (
            experiments.load_data_of_run(run, trained, source, data_dir)
            if told
            else data.load(source, data_dir=data_dir)
        )
        model = run.load_model() if path.is_dir() else _load(path)
        return model, source, images, run.preprocessing, run.history
    if path.exists():
        model = _load(path)
        images = data.load(_told(network, data_name), data_dir=data_dir)
        return model, data_name, images, _standardizing(model, images), []
    wanted = experiments.Experiment(model=network, data=data_name or "fashion_mnist_mini", data_dir=data_dir)
    wanted, images = experiments.resolve(wanted)
    return experiments.build(wanted, images.num_classes), wanted.data, images, wanted.preprocessing, []


def _told(network, data_name):
    if data_name is None:
        raise UsageError(f"{network} does not say what it was trained on, so --data has to name the images to look at")
    return data_name


def _load(path):
    import keras

    import nntricks_keras  # noqa: F401  registers the layers

    return keras.models.load_model(path)


def _standardizing(model, images):
    """Images of the model's size, standardized by their own statistics: all a lone file does not say of itself."""
    from nntricks_keras import data

    height, width, num_channels = model.input_shape[1:]
    mean, std = data.channel_statistics(images.train)
    size = (height or images.image_shape[0], width or images.image_shape[1])
    return data.Preprocessing(size, mean=mean, std=std, channels="grey" if num_channels == 1 else "rgb")
