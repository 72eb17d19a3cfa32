"""Images, and twenty-five networks of the zoo that are well."""

import functools

import keras
import numpy as np

import zoo
from nntricks_keras import data

# name -> arguments of zoo.create, and the rate it learns at; on images of 32 px (AlexNet: 64).
HEALTHY = {
    "vgg_mini": {"name": "vgg_mini"},
    "vgg_mini elu": {"name": "vgg_mini", "activation": "elu"},
    "vgg_mini leaky": {"name": "vgg_mini", "activation": "leaky_relu", "norm": None},
    "vgg_mini tanh xavier": {"name": "vgg_mini", "activation": "tanh", "initializer": "xavier"},
    "vgg_mini sigmoid": {"name": "vgg_mini", "activation": "sigmoid", "rate": 0.1},
    "vgg_mini scaled tanh": {"name": "vgg_mini", "activation": "scaled_tanh", "norm": None},
    "vgg_mini after": {"name": "vgg_mini", "norm_position": "after"},
    "vgg_mini pooled": {"name": "vgg_mini", "norm_position": "pooled"},
    "vgg_mini lrn": {"name": "vgg_mini", "norm": "lrn", "rate": 0.1},
    "vgg_mini dense": {"name": "vgg_mini", "head": "dense"},
    "alexnet_mini": {"name": "alexnet_mini"},
    "alexnet_mini prelu": {"name": "alexnet_mini", "activation": "prelu"},
    "alexnet_mini rrelu": {"name": "alexnet_mini", "activation": "rrelu", "norm": "batch"},
    "alexnet_mini glorot": {"name": "alexnet_mini", "initializer": "glorot"},
    "alexnet_mini parametric elu": {"name": "alexnet_mini", "activation": "parametric_elu"},
    "alexnet": {"name": "alexnet"},
    "alexnet_owt": {"name": "alexnet_owt", "initializer": "he"},
    "vgg11": {"name": "vgg11"},
    "vgg11_lrn": {"name": "vgg11_lrn"},
    "vgg11_bn": {"name": "vgg11_bn"},
    "vgg13 selu": {"name": "vgg13", "activation": "selu", "rate": 0.005},
    "vgg13_bn gelu": {"name": "vgg13_bn", "activation": "gelu"},
    "vgg16": {"name": "vgg16", "initializer": "he"},
    "vgg16c_bn celu": {"name": "vgg16c_bn", "activation": "celu"},
    "vgg19_bn": {"name": "vgg19_bn"},
}


@functools.cache
def images(size=32, split="train", count=1024):
    """(standardized images, one-hot labels) of Fashion-MNIST."""
    source = data.load("fashion_mnist_mini")
    preprocessing = data.Preprocessing((size, size), mean=(73.0,), std=(90.0,), channels="grey")
    batches = data.pipeline(getattr(source, split), preprocessing, batch_size=count, num_classes=10)
    x, y = next(iter(batches))
    return np.asarray(x), np.asarray(y)


def create(arguments):
    size = 64 if arguments["name"] in ("alexnet", "alexnet_owt") else 32
    return zoo.create(**{"input_shape": (size, size, 1), "num_classes": 10, "width": 0.125} | arguments)


def train(model, learning_rate, epochs=4):
    """128 steps; the history. What has variables is made before: made in `fit`, its step is traced twice."""
    model.compile(
        keras.optimizers.SGD(learning_rate, momentum=0.9),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy")],
    )
    model.optimizer.build(model.trainable_variables)
    size = model.input_shape[1]
    unseen = images(size, "validation", 256)
    return model.fit(*images(size), batch_size=32, epochs=epochs, validation_data=unseen, verbose=0).history
