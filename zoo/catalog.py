"""A model of the zoo by its name."""

import importlib

from zoo.variants import find


def create(name, **arguments):
    """Builds the model called `name`; `zoo.vgg16(...)` is `zoo.create("vgg16", ...)`.

    Every model takes the same arguments, in every combination:

    Args:
        input_shape: (height, width, channels) of the images. Height and width may be None with head "conv" or "pool".
        num_classes: number of logits.
        activation: name ("relu", "leaky_relu", "prelu", "elu", "tanh", ...; ours where Keras has the same name),
            settings such as {"name": "elu", "alpha": 0.5}, or a function without arguments that returns a new layer.
        initializer: of the kernels: "auto" (keeps the signal's size through that activation), "paper" (the published
            noise, and its biases), "he", "glorot", "xavier", "gaussian", "zeros", settings such as
            {"name": "he", "distribution": "orthogonal"}, or a Keras initializer.
        norm: on the convolutions: "auto" (the variant's own, where it has it), None, "batch" or "lrn" (after every
            convolution), or settings such as {"name": "batch", "alpha": 0.05}.
        norm_position: "before" or "after" the activation, or "pooled": before it, and both after the pooling that ends
            a stage, which leaves them a quarter of the elements. With BatchNorm whose gamma is above 0 and activations
            that grow everywhere (ReLU, not GELU) it changes the statistics in training and nothing else. A variant's
            own LRN is always after the activation, as published.
        keep_prob: probability of keeping a unit in Dropout, in (0, 1]; 1 leaves Dropout out.
        head: "dense" (published: a map larger than the published one is pooled to it, a smaller one flattened as it
            is), "conv" (the same weights as convolutions: equal logits on the training size, a map of scores on larger
            images) or "pool" (global average pooling).
        width: multiplies the channels of convolutions and hidden dense layers, rounded to multiples of 8.
        depth: of a VGG: convolutions in each stage, the added ones as the stage's last; None: its own numbers.
        weights: None, "imagenet", a source of `zoo.load_weights`, or a file.
        name: of the Keras model.

    Returns:
        A functional `keras.Model`: float images (batch, height, width, channels), standardized as the model's
        `Preprocessing` says, to logits (batch, num_classes), without softmax.

    Raises:
        ValueError: an unknown name or value, or too small an image; the message names what is right.
    """
    variant = find(name)
    return getattr(importlib.import_module(f"zoo.{variant.family}s"), name)(**arguments)
