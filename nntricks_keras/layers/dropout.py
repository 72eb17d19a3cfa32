"""Dropout: every step trains another network, drawn from the one that has all units."""

import keras

from nntricks_keras import backend
from nntricks_keras.errors import InputError
from nntricks_keras.layers.seeded import Seeded


@keras.saving.register_keras_serializable(package="nntricks_keras")
class Dropout(Seeded):
    """Training: x * mask, each unit kept with probability `keep_prob`. Inference: x * keep_prob.

    Differs from `keras.layers.Dropout`: the probability is that of *keeping* a unit; the scaling is done at inference,
    as published (stock divides in training); the replicas of a distribution strategy draw different masks; the state
    of the generator is saved with the weights.

    Args:
        keep_prob: probability of keeping a unit, in (0, 1]. At 1 the layer is the identity.
        seed: integer, or None for a random one. The masks of one seed repeat exactly on one backend.

    Call arguments:
        inputs: floating-point tensor of any shape.
        training: whether to drop.

    Output: the same shape, in the layer's compute dtype.

    Raises:
        ValueError: `keep_prob` outside (0, 1].
        TypeError: integer inputs.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (JMLR 2014), section 4.
    """

    def __init__(self, keep_prob=0.5, seed=None, **kwargs):
        super().__init__(seed=seed, **kwargs)
        if not 0 < keep_prob <= 1:
            raise InputError(f"Dropout: keep_prob has to be in (0, 1], received {keep_prob!r}")
        self.keep_prob = keep_prob

    def call(self, inputs, training=False):
        self.require_float(inputs)
        if self.keep_prob == 1:
            return inputs
        if not training:
            return inputs * self.keep_prob
        return backend.drop(inputs, self.keep_prob, self.seed_generator)

    def get_config(self):
        return {**super().get_config(), "keep_prob": self.keep_prob}
