"""Labelled images from TensorFlow Datasets, and the bundled set, which is read the same way."""

from pathlib import Path

import numpy as np

from nntricks_keras.data.as_written import untuned
from nntricks_keras.data.record_store import RecordStore
from nntricks_keras.data.stores import EncodedStore, PixelStore
from nntricks_keras.errors import InputError, check_name

BUNDLED = Path(__file__).parent / "bundled"
BUNDLED_NAMES = ("fashion_mnist_mini",)
# Images of one size are held decoded, others encoded, up to so many bytes; what is larger is read from the disk by
# place.
_DECODED_LIMIT = 2**30
_ENCODED_LIMIT = 2**31


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
    # A builder that tells no splits (as TFDS mocks one in tests) is taken to have the usual two.
    names = list(builder.info.splits) or ["train", "test"]
    return {split: next((name for name in known if name in names), None) for split, known in aliases.items()}


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
        _prepare(builder, name)
    return builder


def _prepare(builder, name):
    """Downloads, or reads from the manual folder, and writes the records."""
    try:
        builder.download_and_prepare()
    except AssertionError as error:
        # TFDS's way to say which files the manual folder lacks (imagenet2012's archives).
        raise InputError(f"{name}: {error}") from None
    except Exception as error:
        raise InputError(
            f"{name} is not prepared in {builder.data_dir} and could not be downloaded: {type(error).__name__}: {error}"
        ) from error


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

    told = split in list(builder.info.splits)
    info = builder.info.splits[split] if told else None
    shape = builder.info.features[image_key].shape
    decoded_bytes = info.num_examples * np.prod([side or 0 for side in shape]) if told else 0
    if None not in shape and decoded_bytes <= _DECODED_LIMIT:
        fields = tfds.decode.PartialDecoding({image_key: True, label_key: True})
        batches = _examples(builder, split, fields, batch_size=1024)
        images, labels = zip(*((batch[image_key], batch[label_key]) for batch in batches), strict=True)
        return PixelStore(np.concatenate(images), np.concatenate(labels))
    if told and info.num_bytes > _ENCODED_LIMIT:
        return RecordStore.scan([str(path) for path in info.filepaths], image_key, label_key, shape[-1])
    fields = tfds.decode.PartialDecoding(
        {image_key: True, label_key: True}, decoders={image_key: tfds.decode.SkipDecoding()}
    )
    examples = ((example[image_key], example[label_key]) for example in _examples(builder, split, fields))
    contents, labels = zip(*examples, strict=True)
    names = [f"{builder.info.full_name} {split}[{index}]" for index in range(len(labels))]
    return EncodedStore(names, labels, contents, shape[-1])


def _examples(builder, split, decoders, batch_size=None):
    import tensorflow_datasets as tfds

    # Caching would keep a second copy of what the store holds.
    config = tfds.ReadConfig(try_autocache=False)
    dataset = builder.as_dataset(
        split=split, decoders=decoders, batch_size=batch_size, shuffle_files=False, read_config=config
    )
    return untuned(dataset).as_numpy_iterator()
