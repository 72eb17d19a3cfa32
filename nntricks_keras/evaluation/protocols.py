"""evaluate: loss and top-k accuracy of a model on raw images, by a protocol that is named."""

import contextlib
import math

import keras
import numpy as np

from nntricks_keras.data import naming_bad_images, views
from nntricks_keras.data.as_written import mapped
from nntricks_keras.errors import InputError, check_name

PROTOCOLS = ("center", "ten_crop", "multi_crop", "dense")
Z_95 = 1.959964


def evaluate(model, dataset, preprocessing, protocol="center", *, scales=None, top_k=(1, 5), batch_size=64):
    """Cross-entropy and top-k accuracy on a data set. Each image's class probabilities are averaged over its views.

    Args:
        model: keras.Model from images (batch, height, width, channels) to logits (batch, num_classes). For "dense" it
            takes images of any size and returns a map of scores (batch, rows, columns, num_classes), which is averaged
            over the image before the softmax: a model of the zoo with head="conv", or zoo.to_conv_head(model).
        dataset: tf.data.Dataset of (raw image, int label), as in data.ImageData.
        preprocessing: data.Preprocessing, what the model expects.
        protocol: "center": one view, resized as `preprocessing` says and its centre cut out.
            "ten_crop": corners and centre of the central square, and mirrored (AlexNet, section 4.1).
            "multi_crop": a grid of 5 x 5 crops at each scale, and mirrored (VGG, section 3.2).
            "dense": the network over the whole image at each scale, and mirrored (VGG, section 3.2).
        scales: for "multi_crop" and "dense": short sides of the image in pixels; by default `preprocessing.resize`.
        top_k: an image counts for top-k when its class is among the k most probable.
        batch_size: views at a time, about.

    Returns:
        {"loss": float, "top1": float, "top1_interval": [low, high], ..., "count": int}: accuracies in [0, 1], with
        their 95 % Wilson intervals.

    Raises:
        InputError: an unknown protocol, no margin to crop from, a model that does not fit the protocol, no images.
    """
    return summarize(*predictions(model, dataset, preprocessing, protocol, scales=scales, batch_size=batch_size), top_k)


def predictions(model, dataset, preprocessing, protocol="center", *, scales=None, batch_size=64):
    """The class probabilities of every image, averaged over its views, and its label; see `evaluate`.

    Returns:
        (probabilities (images, num_classes) float64, labels (images,)), in the order of the data set.
    """
    check_name("protocol", protocol, PROTOCOLS)
    make_views = _view_makers(model, preprocessing, protocol, scales)
    with naming_bad_images(dataset):
        found = list(_probabilities(model, dataset, make_views, protocol, batch_size))
    if not found:
        raise InputError("the data set to evaluate on has no images")
    return tuple(np.concatenate(parts) for parts in zip(*found, strict=True))


def summarize(probabilities, labels, top_k=(1, 5)):
    """What `evaluate` returns, from probabilities (images, num_classes) and labels (images,)."""
    losses, ranks = score(probabilities, labels)
    result = {"loss": float(np.mean(losses))}
    for k in top_k:
        hits = int(np.sum(ranks < k))
        result[f"top{k}"] = hits / len(ranks)
        result[f"top{k}_interval"] = wilson_interval(hits, len(ranks))
    return {**result, "count": len(ranks)}


def score(probabilities, labels):
    """(cross-entropy, rank of the true class from 0) of each example; equal probabilities and NaN count as wrong.

    Args:
        probabilities: (batch, num_classes).
        labels: (batch,) integers.
    """
    probabilities = np.asarray(probabilities, dtype="float64")
    of_class = probabilities[np.arange(len(labels)), labels][:, None]
    losses = -np.log(np.maximum(of_class[:, 0], np.finfo("float64").tiny))
    return losses, (~(probabilities < of_class)).sum(axis=-1) - 1


def softmax(logits):
    """Along the last axis, in float64."""
    logits = np.asarray(logits, dtype="float64")
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def wilson_interval(hits, count):
    """The 95 % interval of a share, after Wilson (1927): it stays within [0, 1] also near the ends."""
    share = hits / count
    middle = (share + Z_95**2 / (2 * count)) / (1 + Z_95**2 / count)
    half = Z_95 * math.sqrt(share * (1 - share) / count + Z_95**2 / (4 * count**2)) / (1 + Z_95**2 / count)
    return [max(0.0, middle - half), min(1.0, middle + half)]


def _view_makers(model, preprocessing, protocol, scales):
    """Functions of an image, each returning a stack of views of one size; together they are all its views."""
    _check_model(model, protocol)
    size = preprocessing.image_size
    if scales is not None and protocol in ("center", "ten_crop"):
        raise InputError(
            f"scales {tuple(scales)} mean nothing to the protocol {protocol!r}; multi_crop and dense take them"
        )
    if protocol == "center":
        return [lambda image: views.center_view(image, preprocessing)]
    if protocol == "ten_crop":
        if (preprocessing.resize or 0) < max(size):
            raise InputError(
                f"ten_crop needs a margin: resize has to be at least the image size {size}, is {preprocessing.resize}"
            )
        return [lambda image: views.ten_crop_views(image, preprocessing)]
    scales = tuple(scales) if scales is not None else (preprocessing.resize or min(size),)
    if min(scales) < max(size):
        raise InputError(f"scales have to be at least the image size {size}, received {scales}")
    if protocol == "multi_crop":
        return [lambda image: views.multi_crop_views(image, preprocessing, scales)]
    return [lambda image, scale=scale: views.whole_views(image, preprocessing, scale) for scale in scales]


def _check_model(model, protocol):
    if protocol != "dense":
        if len(model.output_shape) != 2:
            raise InputError(f"the protocol {protocol!r} needs logits (batch, classes), received {model.output_shape}")
    elif model.input_shape[1:3] != (None, None) or len(model.output_shape) != 4:
        raise InputError(
            f"protocol 'dense' needs a network over images of any size that returns a map of scores; {model.name!r} "
            f"goes from {model.input_shape} to {model.output_shape}: build it with head='conv', or convert it with "
            "zoo.to_conv_head"
        )


@contextlib.contextmanager
def _without_xla(model):
    """On a GPU Keras has XLA compile the network, and anew for every size of image."""
    if keras.backend.backend() != "tensorflow" or not model.jit_compile:
        yield
        return
    model.jit_compile = False
    model.make_predict_function(force=True)
    try:
        yield
    finally:
        model.jit_compile = True
        model.make_predict_function(force=True)


def _probabilities(model, dataset, make_views, protocol, batch_size):
    """Yields ((images, num_classes) mean probabilities, (images,) labels), a group of images at a time."""
    if protocol == "dense":  # the images differ in size, so each goes alone
        viewed = mapped(dataset, lambda image, label: (*(make(image) for make in make_views), label)).prefetch(2)
        with _without_xla(model):
            for *stacks, label in viewed:
                scores = [model.predict_on_batch(stack).mean(axis=(1, 2)) for stack in stacks]
                yield softmax(np.stack(scores)).mean(axis=(0, 1))[None], np.array([label])
        return
    (make,) = make_views
    viewed = mapped(dataset, lambda image, label: (make(image), label))
    num_views = viewed.element_spec[0].shape[0]
    for images, labels in viewed.batch(max(1, batch_size // num_views)).prefetch(2):
        logits = model.predict_on_batch(np.reshape(images, (-1, *images.shape[2:])))
        yield softmax(logits).reshape(len(labels), num_views, -1).mean(axis=1), np.asarray(labels)
