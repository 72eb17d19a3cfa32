"""Images in TFRecord files that are too large for memory, read by their place in the file."""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from nntricks_keras.data.stores import EncodedStore
from nntricks_keras.errors import InputError

# A record: length (8 bytes), its checksum (4), the data, their checksum (4).
_HEADER, _FOOTER = 12, 4


class RecordStore(EncodedStore):
    """Encoded images in TFRecords: where each lies is found in one pass, so that any order can be read, and joined
    anywhere.

    Args:
        paths: of the TFRecord files.
        places: (number, 3) int64: which file, first byte, bytes of each record.
        labels: of the records.
        image_key: the feature that holds the encoded image.
        num_channels: of the images.
    """

    def __init__(self, paths, places, labels, image_key, num_channels):
        names = [f"{paths[file]} at byte {first}" for file, first, _ in places]
        super().__init__(names, labels, None, num_channels)
        self.paths = paths
        self.places = places
        self.image_key = image_key

    @classmethod
    def scan(cls, paths, image_key, label_key, num_channels):
        """Reads all records once for their places and labels; while the files do not change, only the first time.

        Raises:
            InputError: the files are no TFRecords.
        """
        index = _index_file(paths, label_key)
        if index.exists():
            with np.load(index) as kept:
                places, labels = kept["places"], kept["labels"]
        else:
            places, labels = _find_records(paths, label_key)
            _keep(index, places=places, labels=labels)
        return cls(paths, places, labels, image_key, num_channels)

    def subset(self, indices):
        """The store of these images, in this order."""
        return RecordStore(self.paths, self.places[indices], self.labels[indices], self.image_key, self.num_channels)

    def cached(self, cache):
        """Itself: it is larger than memory; the system keeps what it can of the files."""
        return self

    def encoded(self, index):
        """Bytes of one image."""
        record = tf.numpy_function(self._read, [index], tf.string, stateful=False)
        features = {self.image_key: tf.io.FixedLenFeature([], tf.string)}
        return tf.io.parse_single_example(tf.ensure_shape(record, []), features)[self.image_key]

    def _read(self, index):
        number, first, length = self.places[index]
        with open(self.paths[number], "rb") as file:
            return os.pread(file.fileno(), length, first)


def _find_records(paths, label_key):
    places, labels = [], []
    for number, path in enumerate(paths):
        for first, record in _records(path):
            places.append((number, first, len(record)))
            labels.append(tf.train.Example.FromString(record).features.feature[label_key].int64_list.value[0])
    return np.array(places, np.int64).reshape(-1, 3), np.array(labels, np.int64)


def _index_file(paths, label_key):
    """Where the places and labels of these files are kept: in the user's cache, since data are often read-only.

    Named by the files' names, sizes and times, so that other files have another index.
    """
    stats = [(os.path.abspath(path), os.path.getsize(path), os.stat(path).st_mtime_ns) for path in paths]
    name = hashlib.sha256(repr((stats, label_key)).encode()).hexdigest()[:32]
    cache = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(cache, "nntricks_keras", "records", f"{name}.npz")


def _keep(path, **arrays):
    """Writes all of it or nothing. A cache that cannot be written is done without."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
            aside = Path(file.name)
            try:
                np.savez(file, **arrays)
                file.close()
                os.replace(aside, path)
            finally:
                aside.unlink(missing_ok=True)


def _records(path):
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        while header := file.read(_HEADER):
            length = int.from_bytes(header[:8], "little")
            first = file.tell()
            if len(header) != _HEADER or first + length + _FOOTER > size:
                raise InputError(f"{path} ends within a record")
            yield first, file.read(length)
            file.seek(first + length + _FOOTER)
