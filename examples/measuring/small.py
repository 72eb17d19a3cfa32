"""Small images and small networks, for what has to be trained many times."""

import functools

import keras
import numpy as np

from examples.measuring import fitting
from nntricks_keras import initializers, layers


@functools.cache
def small_fashion():
    """fitting.fashion() at 14 x 14: each pixel the mean of four."""
    images = fitting.fashion()
    return fitting.Images(fitting.halve(images.x_train), images.y_train, fitting.halve(images.x_test), images.y_test)


@functools.cache
def padded_fashion(size):
    """fitting.fashion() with as much background around each image as makes it `size` wide."""
    images = fitting.fashion()
    edge = (size - images.x_train.shape[1]) // 2
    edges = ((0, 0), (edge, edge), (edge, edge), (0, 0))
    x_train, x_test = (np.pad(x, edges, constant_values=x.min()) for x in (images.x_train, images.x_test))
    return fitting.Images(x_train, images.y_train, x_test, images.y_test)


def perceptron(input_shape, widths, seed, *, activation="relu", initializer=None, norm=None, keep_prob=1.0):
    """A classifier into 10 classes: images to logits.

    Args:
        widths: units of each hidden layer.
        seed: of the weights and of the dropped units.
        activation: "relu", "tanh", or a function that makes a layer.
        initializer: of the hidden kernels; He without one. The last layer's are Xavier's.
        norm: "before" or "after" the activation there is a BatchNorm, or None.
        keep_prob: of the Dropout after each hidden layer.
    """
    keras.utils.set_random_seed(seed)
    image = keras.Input(input_shape)
    x = keras.layers.Flatten()(image)
    for place, width in enumerate(widths):
        x = keras.layers.Dense(width, kernel_initializer=initializer or initializers.He())(x)
        if norm == "before":
            x = layers.BatchNorm()(x)
        x = activation()(x) if callable(activation) else keras.layers.Activation(activation)(x)
        if norm == "after":
            x = layers.BatchNorm()(x)
        if keep_prob < 1:
            x = layers.Dropout(keep_prob, seed=seed * 100 + place)(x)
    return keras.Model(image, keras.layers.Dense(10, kernel_initializer=initializers.Xavier())(x))


def conv_net(input_shape, seed, *, filters=(8, 16), downsampling="pooling"):
    """Convolutions 3 x 3 with ReLU, each followed by a halving of the map, then 64 hidden units: images to logits.

    Args:
        filters: of each convolution.
        seed: of the weights.
        downsampling: "pooling": the maximum of 2 x 2; "strides": every second place of the convolution only.
    """
    keras.utils.set_random_seed(seed)
    image = x = keras.Input(input_shape)
    he = {"kernel_initializer": initializers.He(), "activation": "relu"}
    for number in filters:
        strides = 2 if downsampling == "strides" else 1
        x = keras.layers.Conv2D(number, 3, strides=strides, padding="same", **he)(x)
        if downsampling == "pooling":
            x = keras.layers.MaxPooling2D(2, padding="same")(x)
    x = keras.layers.Dense(64, **he)(keras.layers.Flatten()(x))
    return keras.Model(image, keras.layers.Dense(10, kernel_initializer=initializers.Xavier())(x))


def cooling(rate, num_steps):
    """SGD whose rate falls from `rate` to 0 by a half cosine: the end of a training is then not noisy."""
    return keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(rate, num_steps), momentum=0.9)


class LocalRates(keras.optimizers.SGD):
    """SGD with a rate for each variable: `rate` times its factor.

    Args:
        rate: the rate they share.
        factors: one a trainable variable of the model, in its order.
        momentum: of SGD.
    """

    def __init__(self, rate, factors, momentum=0.9):
        super().__init__(rate, momentum=momentum)
        self.factors = factors

    def apply(self, grads, trainable_variables=None):
        # SGD with momentum is linear in the gradient: a factor of the gradient is a factor of the rate.
        scaled = [factor * gradient for factor, gradient in zip(self.factors, grads, strict=True)]
        # Not super(): autograph, which compiles this, cannot follow it.
        return keras.optimizers.SGD.apply(self, scaled, trainable_variables)
