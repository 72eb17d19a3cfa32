"""Public weights: where they are, fetched once into a cache, and refused if their hash is another."""

import hashlib
from pathlib import Path

import keras

from nntricks_keras.errors import InputError
from zoo.cards import SOURCES, card
from zoo.weights.files import SUFFIXES

SHIPPED = Path(__file__).parent / "shipped"


def locate(source, plan):
    """The local path of a source's weights for the model of `plan`, downloaded if need be; a file is its own path."""
    if not isinstance(source, (str, Path)):
        raise InputError(f"weights are a source ({', '.join(['imagenet', *SOURCES])}) or a file, received {source!r}")
    if source not in ("imagenet", *SOURCES):
        path = Path(source)
        if path.suffix not in SUFFIXES and not path.exists():
            raise InputError(
                f"unknown weights {str(source)!r}; valid: {', '.join(['imagenet', *SOURCES])}, or a file that ends in "
                f"{', '.join(SUFFIXES)}"
            )
        if not path.is_file():
            raise InputError(f"{path}: there is no such weights file")
        return path
    variant = plan.variant()
    if variant is None:
        raise InputError(
            f"{plan.model.name!r} has not the convolutions (width, groups, norm) of a published variant, so there are "
            f"no public weights for it; {who_has(source)}"
        )
    return fetch(variant.name, source, with_top=plan.has_hidden)


def who_has(source):
    """A sentence that names the models for which a source has weights."""
    from zoo.variants import VARIANTS

    names = [name for name in VARIANTS if card(name).weights_from(source)]
    return f"{source!r} has weights of {', '.join(names)}" if names else f"no model has {source!r} weights"


def fetch(name, source, with_top=True):
    """Downloads (once) the weights of a variant from a source, checks the hash, and returns the path."""
    found = card(name).weights_from(source)
    if found is None:
        others = ", ".join(entry.source for entry in card(name).weights)
        own = f"{name} has weights from {others}; " if others else f"there are no public weights of {name}; "
        raise InputError(f"{own}{who_has(source)}")
    if found.shipped:
        return SHIPPED / found.shipped
    if found.repository:
        return _from_hub(found)
    url, hashes = (
        (found.url, found.hashes) if with_top or not found.url_no_top else (found.url_no_top, found.hashes_no_top)
    )
    try:
        path = Path(keras.utils.get_file(url.rsplit("/", 1)[-1], url, cache_subdir="models"))
    except Exception as error:  # Keras raises a bare Exception for an address that cannot be reached
        raise InputError(f"{url}: cannot be downloaded ({error})") from error
    check_hashes(path, hashes)
    return path


def _from_hub(found):
    try:
        from huggingface_hub import hf_hub_download
    except ImportError as error:
        raise InputError(
            f"weights from {found.repository} need huggingface_hub: pip install nntricks-keras[weights]"
        ) from error
    try:
        path = Path(hf_hub_download(found.repository, "model.safetensors"))
    except (OSError, ValueError) as error:  # its errors of the network and of the cache are of these kinds
        raise InputError(f"{found.repository} on the Hugging Face hub: cannot be downloaded ({error})") from error
    check_hashes(path, found.hashes)
    return path


def check_hashes(path, hashes):
    """Refuses a file of which a hash is not the one published; `sha256_prefix` is the first digits of the sha256."""
    for kind, wanted in hashes.items():
        with open(path, "rb") as file:
            found = hashlib.file_digest(file, kind.removesuffix("_prefix")).hexdigest()
        if not found.startswith(wanted):
            raise InputError(
                f"{path}: its {kind} is {found[: len(wanted)]}, published is {wanted}: not the file it should be; "
                "delete it and try again"
            )
