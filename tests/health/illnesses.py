"""Illnesses planted in networks and in what goes into them, each with the kind of finding that has to name it."""

import keras
import numpy as np

from nntricks_keras import health, initializers
from tests.health import small_networks as small

SICK = {}  # name -> (kind, function -> (report, history))


def sick(kind):
    def register(function):
        SICK[function.__name__] = (kind, function)
        return function

    return register


@sick("equal_units")
def zeros():
    return small.probed(small.dense(initializer="zeros"))


@sick("equal_units")
def every_weight_the_same():
    return small.probed(small.dense(initializer=keras.initializers.Constant(0.1)))


@sick("equal_units")
def three_quarters_of_the_units_the_same():
    return small.probed(small.set_share(small.dense(), "fc2", 0.75, kernel=0.1))


@sick("vanishing_signal")
def noise_of_003_in_a_deep_network():
    return small.probed(small.dense(depth=8, width=64, initializer=initializers.Gaussian(0.03, seed=1)))


@sick("vanishing_signal")
def signal_down_to_one_in_two_hundred():
    return small.probed(small.even(small.dense(depth=8), 200 ** (-1 / 8)))


@sick("exploding_signal")
def noise_of_1_in_a_deep_network():
    return small.probed(small.dense(depth=8, width=64, initializer=initializers.Gaussian(1.0, seed=1)))


@sick("exploding_signal")
def signal_up_to_two_hundred():
    return small.probed(small.even(small.dense(depth=8), 200 ** (1 / 8)))


@sick("dead_units")
def killed_by_a_huge_rate():
    model = small.dense()
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.optimizer.learning_rate = 1.0
    for _ in range(10):
        model.train_on_batch(*small.examples())
    return small.probed(model)


@sick("dead_units")
def three_quarters_dead():
    return small.probed(small.set_share(small.dense(), "fc2", 0.75, bias=-100))


@sick("dead_units")
def dead_first_convolution():
    return small.probed(small.set_share(small.conv(), "conv1", 1.0, bias=-100), small.pictures())


@sick("dead_units")
def most_of_an_elu_always_at_its_floor():
    return small.probed(small.set_share(small.dense(activation="elu"), "fc1", 0.7, bias=-30))


@sick("dead_units")
def two_fifths_dead_since_epoch_2():
    model = small.dense()
    earlier = [health.Prober(model, compiled=False)(*small.examples(), epoch=1)]
    small.set_share(model, "fc1", 0.38, bias=-100)
    earlier.append(health.Prober(model, compiled=False)(*small.examples(), epoch=2))
    return small.probed(model, history=earlier)


@sick("dead_units")
def dead_for_thirty_examples():
    return small.probed(small.set_share(small.dense(), "fc2", 1.0, bias=-100), small.examples(30))


@sick("saturated")
def saturated_sigmoid():
    return small.probed(small.dense(activation="sigmoid", initializer=initializers.Gaussian(6.0, seed=1)))


@sick("saturated")
def saturated_tanh():
    return small.probed(small.dense(activation="tanh", initializer=initializers.Gaussian(1.0, seed=1)))


@sick("saturated")
def half_saturated_tanh():
    return small.probed(small.dense(depth=1, activation="tanh", initializer=initializers.Gaussian(1.1, seed=1)))


@sick("saturated")
def elu_at_its_floor():
    """Nine in ten times, but hardly any unit always."""
    return small.probed(small.set_share(small.dense(activation="elu"), "fc2", 1.0, bias=-6))


@sick("vanishing_gradients")
def deep_sigmoid():
    return small.probed(small.dense(depth=8, activation="sigmoid", initializer="glorot_normal"))


@sick("vanishing_gradients")
def sigmoid_of_six_layers():
    return small.probed(small.dense(depth=6, activation="sigmoid", initializer=initializers.Gaussian(0.197, seed=1)))


@sick("exploding_gradients")
def batch_norm_forty_deep():
    """Yang et al., "A mean field theory of batch normalization" (2019): gradients grow by 1.21 a layer."""
    return small.probed(small.dense(depth=40, width=16, norm={"alpha": 0.1}))


@sick("stale_averages")
def averages_that_hardly_move():
    model = small.compiled(small.dense(depth=1, norm={"alpha": 1e-4}))
    x, y = small.examples()
    for _ in range(60):
        model.train_on_batch(5 * x, y)
    return small.probed(model, (5 * x, y))


@sick("stale_averages")
def averages_one_deviation_off():
    return small.probed(small.compiled(small.with_drift(small.dense(depth=1, norm={}), 1.0), steps=60))


@sick("unscaled_inputs")
def bytes_as_inputs():
    x, y = small.examples()
    return small.probed(small.dense(), (np.clip(100 + 70 * x, 0, 255), y))


@sick("unscaled_inputs")
def six_bits_as_inputs():
    x, y = small.examples()
    return small.probed(small.dense(), (10 + 20 * x, y))


@sick("constant_inputs")
def constant_inputs():
    x, y = small.examples()
    return small.probed(small.dense(), (np.repeat(x[:1], len(x), axis=0), y))


@sick("non_finite_inputs")
def nan_inputs():
    x, y = small.examples()
    x[17, 3] = np.nan
    return small.probed(small.dense(), (x, y))


@sick("non_finite")
def nan_weights():
    return small.probed(small.set_share(small.dense(), "fc2", 0.1, kernel=np.nan))


@sick("non_finite")
def overflowing_weights():
    return small.probed(small.set_share(small.dense(), "fc2", 0.1, kernel=1e38))


@sick("one_class")
def labels_all_of_one_class():
    x, y = small.examples()
    return small.probed(small.dense(), (x, np.repeat(y[3:4], len(y), axis=0)))


@sick("one_class")
def labels_nearly_all_of_one_class():
    x, y = small.examples()
    return small.probed(small.dense(), (x, np.where(np.arange(len(y))[:, None] % 18 > 0, y[3:4], y)))


@sick("cut_off")
def a_layer_cut_off_from_the_loss():
    keras.utils.set_random_seed(1)
    inputs = keras.Input((small.NUM_INPUTS,))
    left = keras.layers.Dense(32, "relu", name="left")(inputs)
    right = keras.layers.Dense(32, "relu", name="right")(inputs)
    logits = keras.layers.Dense(small.NUM_CLASSES, name="logits")(left + keras.ops.stop_gradient(right))
    return small.probed(keras.Model(inputs, logits))


@sick("cut_off")
def a_layer_never_called():
    class Forgetful(keras.Model):
        def __init__(self):
            super().__init__()
            self.used = keras.layers.Dense(small.NUM_CLASSES, name="used")
            self.forgotten = keras.layers.Dense(3, name="forgotten")

        def build(self, input_shape):
            self.used.build(input_shape)
            self.forgotten.build(input_shape)

        def call(self, inputs):
            return self.used(inputs)

    model = Forgetful()
    model.build((None, small.NUM_INPUTS))
    return small.probed(model)
