"""evaluate: loss and top-k accuracy of a model on raw images."""

import numpy as np

from nntricks_keras.data import pipeline
from nntricks_keras.errors import InputError, check_name

PROTOCOLS = ("center",)


def evaluate(model, dataset, preprocessing, protocol="center", *, top_k=(1, 5), batch_size=64):
    """Cross-entropy and top-k accuracy on a data set.

    Args:
        model: keras.Model, images -> logits (batch, num_classes).
        dataset: tf.data.Dataset of (raw image, int label), as in data.ImageData.
        preprocessing: data.Preprocessing, what the model expects.
        protocol: "center", one view an image: resized as `preprocessing` says, its centre cut out.
        top_k: an image counts for top-k when its class is among the k highest logits.
        batch_size: images at a time.

    Returns:
        {"loss": float, "top1": float, "top5": float, "count": int}, one "topk" for each k; accuracies in [0, 1].
    """
    check_name("protocol", protocol, PROTOCOLS)
    num_classes = model.output_shape[-1]
    losses, ranks = [], []
    for images, labels in pipeline(dataset, preprocessing, batch_size=batch_size, num_classes=num_classes):
        batch_losses, batch_ranks = score(model.predict_on_batch(images), np.argmax(labels, axis=-1))
        losses.append(batch_losses)
        ranks.append(batch_ranks)
    if not ranks:
        raise InputError("the data set to evaluate on has no images")
    ranks = np.concatenate(ranks)
    return {
        "loss": float(np.mean(np.concatenate(losses))),
        **{f"top{k}": float(np.mean(ranks < k)) for k in top_k},
        "count": len(ranks),
    }


def score(logits, labels):
    """(cross-entropy, rank of the true class from 0) of each example; equal logits and NaN count as wrong.

    Args:
        logits: (batch, num_classes).
        labels: (batch,) integers.
    """
    logits = np.asarray(logits, dtype="float64")
    of_class = logits[np.arange(len(labels)), labels][:, None]
    highest = logits.max(axis=-1, keepdims=True)
    log_sum = highest[:, 0] + np.log(np.exp(logits - highest).sum(axis=-1))
    return log_sum - of_class[:, 0], (~(logits < of_class)).sum(axis=-1) - 1
