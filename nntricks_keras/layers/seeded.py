"""The base of the layers that draw random numbers."""

import keras

from nntricks_keras import backend
from nntricks_keras.layers.same_shape import SameShape


class Seeded(SameShape):
    """A layer with a seed generator, whose state is saved with the weights.

    Keras leaves it out of `.keras` and `.weights.h5` files, so that a resumed run repeats its first draws.
    """

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        # A name of its own: that of the class would begin with an underscore, which a SavedModel refuses.
        self.seed_generator = _ReplicaSeedGenerator(seed, name="seed_generator")

    def save_own_variables(self, store):
        store["seed_state"] = keras.ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store):
        if "seed_state" in store.keys():  # noqa: SIM118 (a store is no mapping); absent in the files of a stock layer
            self.seed_generator.state.assign(store["seed_state"])

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


class _ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator whose seeds differ between the replicas of a distribution strategy. Keras's are the same on all,
    and then every replica drops the same units of its part of the batch."""

    def next(self, ordered=True):
        return backend.differ_by_replica(super().next(ordered))
