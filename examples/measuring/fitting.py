"""The training that the examples share: small networks, plain SGD, everything that could differ held equal."""

import dataclasses
import functools
import itertools

import keras
import numpy as np
import tensorflow as tf

from nntricks_keras import data


@dataclasses.dataclass(frozen=True)
class Images:
    """Standardized images and their labels.

    Args:
        x_train, x_test: float32, (count, height, width, channels), mean 0 and deviation 1 over the training pixels.
        y_train, y_test: int32 labels, (count,).
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def first(self, num_train, num_test=None):
        """The same with fewer images."""
        return Images(
            self.x_train[:num_train], self.y_train[:num_train], self.x_test[:num_test], self.y_test[:num_test]
        )


@functools.cache
def fashion():
    """9,990 of the bundled training images, in an order of their own, and the 2,000 test images; 28 x 28 x 1."""
    images = data.load("fashion_mnist_mini", validation_fraction=0.001)
    (x_train, y_train), (x_test, y_test) = (_arrays(split) for split in (images.train, images.test))
    order = np.random.default_rng(0).permutation(len(x_train))
    x_train, y_train = x_train[order], y_train[order]
    mean, deviation = x_train.mean(), x_train.std()
    return Images((x_train - mean) / deviation, y_train, (x_test - mean) / deviation, y_test)


def halve(x):
    """(count, height, width, channels) -> (count, height / 2, width / 2, channels), by means of 2 x 2 pixels."""
    count, height, width, channels = x.shape
    return x.reshape(count, height // 2, 2, width // 2, 2, channels).mean(axis=(2, 4))


def halved(images):
    """Images of half the rows and columns, each pixel the mean of four, again with deviation 1."""
    x_train, x_test = halve(images.x_train), halve(images.x_test)
    deviation = x_train.std()
    return dataclasses.replace(images, x_train=x_train / deviation, x_test=x_test / deviation)


@dataclasses.dataclass(frozen=True)
class Curve:
    """What a training did.

    Args:
        loss: cross-entropy of each step's batch, (steps,).
        steps: steps done at each evaluation, (evaluations,).
        accuracy, test_loss: on the test images, (evaluations,). A network that diverged has the loss infinity.
    """

    loss: np.ndarray
    steps: np.ndarray
    accuracy: np.ndarray
    test_loss: np.ndarray

    def steps_to(self, accuracy):
        """Steps until the test accuracy was first reached, interpolated between evaluations; all steps if never."""
        reached = np.flatnonzero(self.accuracy >= accuracy)
        if not len(reached):
            return float(self.steps[-1])
        last = reached[0]
        if last == 0:
            return float(self.steps[0])
        return float(np.interp(accuracy, self.accuracy[last - 1 : last + 1], self.steps[last - 1 : last + 1]))


def fit(model, images, *, num_steps, rate, seed, momentum=0.9, batch_size=64, every=50, optimizer=None, change=None):
    """Trains a classifier of logits by SGD with a constant rate and evaluates it on the way.

    Args:
        model: built keras.Model, images to logits; trained in place.
        images: Images.
        num_steps: steps of `batch_size` images each.
        rate, momentum: of SGD; `optimizer`, a keras optimizer, takes its place.
        seed: of the order of the images, which depends on nothing else.
        every: steps between evaluations on the test images. There is one before the first step, too.
        change: a function of a batch of images, in TensorFlow, that returns the images the model sees in training.

    Returns:
        Curve.
    """
    optimizer = optimizer or keras.optimizers.SGD(rate, momentum=momentum)
    optimizer.build(model.trainable_variables)
    advance = _stepper(model, optimizer, tf.constant(images.x_train), tf.constant(images.y_train), change)
    order = batches(len(images.x_train), batch_size, num_steps, seed)
    losses, evaluated = [], [evaluate(model, images.x_test, images.y_test)]
    marks = [0, *range(every, num_steps, every), num_steps]
    for start, end in itertools.pairwise(marks):
        losses.append(advance(tf.constant(order[start:end])).numpy())
        evaluated.append(evaluate(model, images.x_test, images.y_test))
    accuracy, test_loss = (np.array(column) for column in zip(*evaluated, strict=True))
    return Curve(np.concatenate(losses), np.array(marks), accuracy, test_loss)


def batches(num_images, batch_size, num_steps, seed):
    """Indices of the images of each step, int32 (steps, batch): passes in random order, without the ragged ends."""
    rng = np.random.default_rng(seed)
    passes = -(-num_steps // (num_images // batch_size))
    whole = num_images // batch_size * batch_size
    order = np.concatenate([rng.permutation(num_images)[:whole] for _ in range(passes)])
    return order.reshape(-1, batch_size)[:num_steps].astype("int32")


def evaluate(model, x, y, batch_size=1000):
    """(accuracy, cross-entropy) of a model of logits at inference; the loss is infinity when it is not finite."""
    logits = np.concatenate(
        [np.asarray(model(x[start : start + batch_size], training=False)) for start in range(0, len(x), batch_size)]
    ).astype("float64")
    if not np.isfinite(logits).all():
        return 0.0, float("inf")
    logits -= logits.max(axis=1, keepdims=True)
    log_probability = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float((logits.argmax(axis=1) == y).mean()), float(-log_probability[np.arange(len(y)), y].mean())


def _stepper(model, optimizer, x, y, change):
    """A function of batches of indices (steps, batch) that takes these steps in one call and returns their losses."""

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.int32)])
    def advance(order):
        num_steps = tf.shape(order)[0]
        losses = tf.TensorArray(tf.float32, num_steps)
        for step in tf.range(num_steps):
            images, labels = tf.gather(x, order[step]), tf.gather(y, order[step])
            if change is not None:
                images = change(images)
            with tf.GradientTape() as tape:
                logits = model(images, training=True)
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
            optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
            losses = losses.write(step, loss)
        return losses.stack()

    return advance


def _arrays(split):
    images, labels = zip(*split.batch(1000).as_numpy_iterator(), strict=True)
    return np.concatenate(images).astype("float32"), np.concatenate(labels).astype("int32")
