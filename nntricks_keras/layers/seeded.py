"""The base of the layers that draw random numbers: the state of their generator is saved with the weights."""

import keras

from nntricks_keras.layers.same_shape import SameShape


class Seeded(SameShape):
    """A layer with a seed generator. Keras leaves a generator's state out of saved files, so that a resumed run repeats
    its first draws; here `.keras` and `.weights.h5` files hold it."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def save_own_variables(self, store):
        store["seed_state"] = keras.ops.convert_to_numpy(self.seed_generator.state)

    def load_own_variables(self, store):
        if "seed_state" in store:  # absent in files of a stock layer
            self.seed_generator.state.assign(store["seed_state"])

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}
