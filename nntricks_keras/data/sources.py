"""`load`: one call for every source of labelled images."""

import os
from pathlib import Path

from nntricks_keras.data.array_source import read_arrays
from nntricks_keras.data.folder_source import read_folder
from nntricks_keras.data.image_data import ImageData
from nntricks_keras.data.splits import stratified_split
from nntricks_keras.data.tfds_source import read_tfds
from nntricks_keras.errors import InputError


def load(source, *, validation_fraction=0.1, data_dir=None, seed=0, skip_bad_images=False):
    """Opens a labelled image set.

    Args:
        source: "fashion_mnist_mini" (bundled, no network); any name of TensorFlow Datasets, with its configuration
            ("cifar10", "imagenette/160px-v2"); a folder of class folders, with or without train, validation and test
            above them; or arrays: (x, y), or ((x_train, y_train), (x_test, y_test)).
        validation_fraction: the share of each class that is set aside for validation where the source has no split for
            it; also for the test where the source has one split only (then from what validation leaves).
        data_dir: where TensorFlow Datasets keeps prepared sets; None is its own default, ~/tensorflow_datasets. What
            cannot be downloaded is prepared from files put into downloads/manual below it: for "imagenet2012",
            ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar as image-net.org gives them.
        seed: of the split; the same seed sets the same images aside.
        skip_bad_images: for folders: read every file first, and leave out those that cannot be used;
            `ImageData.left_out` lists them. Otherwise such a file ends the run that meets it, with an error that
            names it.

    Returns:
        ImageData. `test` is the last labelled split: "test" if it is labelled, else "validation" (as for ImageNet,
        whose test labels are not public), and then the validation images are set aside from the training split.

    Raises:
        InputError: naming what is missing, empty, or mislabelled.
    """
    left_out = ()
    if isinstance(source, (str, os.PathLike)):
        if isinstance(source, os.PathLike) or _means_folder(source):
            splits, class_names, left_out = read_folder(Path(source).expanduser(), skip_bad_images)
        else:
            splits, class_names = read_tfds(source, data_dir)
    elif isinstance(source, (tuple, list)) and len(source) == 2:
        splits, class_names = read_arrays(source)
    else:
        raise InputError(f"source has to be a TFDS name, a folder, or arrays (x, y); received {type(source).__name__}")
    stores = _three_splits(splits, validation_fraction, seed)
    return ImageData(
        **{name: store.dataset() for name, store in stores.items()},
        class_names=tuple(class_names),
        image_shape=stores["train"].image_shape,
        counts={name: len(store) for name, store in stores.items()},
        left_out=left_out,
    )


def _means_folder(source):
    """A name with a path's marks, or one that exists here as a folder, is a folder; "imagenette/160px-v2" is
    neither."""
    return source.startswith((".", "/", "~")) or "\\" in source or os.path.isdir(source)


def _three_splits(splits, fraction, seed):
    """{"train", and "validation" and "test" where labelled: store} -> all three, setting aside what the source
    lacks."""
    train, validation, test = (splits.get(name) for name in ("train", "validation", "test"))
    if test is None:
        test, validation = validation, None
    if validation is None:
        train, validation = _set_aside(train, fraction, seed)
    if test is None:
        train, test = _set_aside(train, fraction, seed + 1)
    return {"train": train, "validation": validation, "test": test}


def _set_aside(store, fraction, seed):
    kept, held = stratified_split(store.labels, fraction, seed)
    return store.subset(kept), store.subset(held)
