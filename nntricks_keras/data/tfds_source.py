"""Labelled images from TensorFlow Datasets, and the bundled set, which is read the same way."""

from pathlib import Path

import numpy as np

from nntricks_keras.data.stores import EncodedStore, PixelStore
from nntricks_keras.errors import InputError, check_name

BUNDLED = Path(__file__).parent / "bundled"
BUNDLED_NAMES = ("fashion_mnist_mini",)
# Images of one size are held decoded up to this many bytes.
DECODED_LIMIT = 2**30


def read_tfds(name, data_dir=None):
    """TFDS name -> ({split: store}, class names). Downloads and prepares what is not there yet."""
    builder = _prepared_builder(name, data_dir)
    image_key, label_key = _keys(builder)
    available = {split: alias for split, alias in _known_splits(builder).items() if alias}
    if "train" not in available:
        raise InputError(f"{name} has no train split; it has: {', '.join(builder.info.splits) or 'none'}")
    splits = {}
    for split, alias in available.items():
        store = _read_split(builder, alias, image_key, label_key)
        # Unlabelled test splits carry -1.
        if (store.labels >= 0).all():
            splits[split] = store
    return splits, builder.info.features[label_key].names


def _known_splits(builder):
    aliases = {"train": ["train"], "validation": ["validation", "val", "valid", "dev"], "test": ["test"]}
    return {split: next((n for n in names if n in builder.info.splits), None) for split, names in aliases.items()}


def _prepared_builder(name, data_dir):
    import tensorflow_datasets as tfds

    if name in BUNDLED_NAMES:
        data_dir = BUNDLED
    elif not Path(data_dir or "", name).is_dir() or data_dir is None:
        known = [*tfds.list_builders(with_community_datasets=False), *BUNDLED_NAMES]
        if name.split("/")[0].split(":")[0] not in known:
            check_name("data set or folder", name, known)
    try:
        builder = tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except ValueError as error:
        raise InputError(f"{name}: {str(error).splitlines()[0]}") from None
    if not builder.info.splits:
        builder.download_and_prepare()
    return builder


def _keys(builder):
    """Names of the image and the label among the features."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    if builder.info.supervised_keys:
        image_key, label_key = builder.info.supervised_keys[:2]
    else:
        image_key, label_key = "image", "label"
    found = [
        key in features and isinstance(features[key], kind)
        for key, kind in ((image_key, tfds.features.Image), (label_key, tfds.features.ClassLabel))
    ]
    if not all(found):
        raise InputError(f"{builder.info.full_name} is no labelled image set; its features: {', '.join(features)}")
    return image_key, label_key


def _read_split(builder, split, image_key, label_key):
    import tensorflow_datasets as tfds

    shape = builder.info.features[image_key].shape
    num_bytes = builder.info.splits[split].num_examples * np.prod([n or 0 for n in shape])
    read = {"split": split, "shuffle_files": False, "read_config": tfds.ReadConfig(try_autocache=False)}
    fields = tfds.decode.PartialDecoding({image_key: True, label_key: True})
    if None not in shape and num_bytes <= DECODED_LIMIT:
        dataset = builder.as_dataset(**read, decoders=fields, batch_size=1024)
        batches = [(batch[image_key], batch[label_key]) for batch in dataset.as_numpy_iterator()]
        images, labels = (np.concatenate(part) for part in zip(*batches, strict=True))
        return PixelStore(images, labels)
    decoders = tfds.decode.PartialDecoding(
        {image_key: True, label_key: True}, decoders={image_key: tfds.decode.SkipDecoding()}
    )
    examples = [(e[image_key], e[label_key]) for e in builder.as_dataset(**read, decoders=decoders).as_numpy_iterator()]
    contents, labels = zip(*examples, strict=True)
    names = [f"{builder.info.full_name} {split}[{index}]" for index in range(len(labels))]
    return EncodedStore(names, labels, contents, num_channels=shape[-1])
