"""The name of the image that ended a run: TensorFlow's decoders tell what is wrong, but not with which image."""

import contextlib

import tensorflow as tf

from nntricks_keras.data.decoding import decode_with_pillow
from nntricks_keras.data.stores import EncodedStore, store_of
from nntricks_keras.errors import InputError

# What reading and decoding raise. After anything else, as from another worker or from the memory, it would only take
# time to read all images again.
MAYBE_OF_AN_IMAGE = (
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.UnknownError,
    tf.errors.DataLossError,
)


@contextlib.contextmanager
def naming_bad_images(*datasets):
    """When TensorFlow fails within, and it may be over an image, looks for the first that cannot be decoded.

    Args:
        *datasets: splits of `data.load`, which are searched.

    Raises:
        InputError: naming that image and the reason. When every image can be decoded, the error was another one and
            passes.
    """
    try:
        yield
    except MAYBE_OF_AN_IMAGE as error:
        for dataset in datasets:
            store = store_of(dataset)
            reason = _first_bad_image(store) if isinstance(store, EncodedStore) else None
            if reason:
                raise InputError(reason) from error
        raise


def _first_bad_image(store):
    """`name: reason` of the first image that cannot be decoded, or None."""
    for index in tf.range(len(store), dtype=tf.int64):
        try:
            store.image(index)
        except tf.errors.OpError as error:
            return _reason(store, index, error)
    return None


def _reason(store, index, error):
    name = tf.gather(store.names, index).numpy().decode()
    try:
        decode_with_pillow(store.encoded(index).numpy(), name)
    except InputError as told:
        return str(told)
    except tf.errors.OpError as unread:
        error = unread
    return f"{name}: cannot be decoded ({error.message.splitlines()[0]})"
