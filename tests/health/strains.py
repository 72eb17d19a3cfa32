"""Networks strained, each near one limit, and well all the same."""

import numpy as np

from nntricks_keras import health, initializers
from tests.health import small_networks as small

STRAINED = {}  # name -> function -> (report, history)


def strained(function):
    STRAINED[function.__name__] = function
    return function


@strained
def a_third_of_the_units_equal():
    """A network widened by copying units."""
    return small.probed(small.set_share(small.dense(), "fc2", 0.3, kernel=0.1))


@strained
def signal_down_to_a_fiftieth():
    return small.probed(small.even(small.dense(depth=8), 50 ** (-1 / 8)))


@strained
def signal_up_to_fifty():
    """The last layer takes a fiftieth again, so that the loss is that of a guess."""
    model = small.even(small.dense(depth=8), 50 ** (1 / 8))
    model.layers[-1].kernel.assign(model.layers[-1].kernel / 50)
    return small.probed(model)


@strained
def logits_that_start_at_zero():
    model = small.dense()
    model.layers[-1].kernel.assign(0 * model.layers[-1].kernel)
    return small.probed(small.compiled(model))


@strained
def small_updates_of_a_network_that_has_learnt():
    return small.probed(small.compiled(small.with_loss(small.trained(), 0.2 * np.log(small.NUM_CLASSES)), rate=1e-9))


@strained
def a_third_dead():
    return small.probed(small.set_share(small.dense(), "fc2", 0.35, bias=-100))


@strained
def a_quarter_died():
    model = small.dense()
    earlier = health.Prober(model, compiled=False)(*small.examples(), epoch=1)
    return small.probed(small.set_share(model, "fc1", 0.25, bias=-100), history=[earlier])


@strained
def sparse_units_and_ten_examples():
    """Units that fire for one example in forty: none is dead, and that ten examples do not tell."""
    return small.probed(small.set_share(small.dense(depth=1), "fc1", 1.0, bias=-2.9), small.examples(10))


@strained
def tanh_saturated_in_a_fifth():
    return small.probed(small.dense(depth=1, activation="tanh", initializer=initializers.Gaussian(0.5, seed=1)))


@strained
def half_of_an_elu_at_its_floor():
    return small.probed(small.set_share(small.dense(activation="elu"), "fc2", 0.5, bias=-30))


@strained
def sigmoid_of_five_layers():
    return small.probed(small.dense(depth=5, activation="sigmoid", initializer=initializers.Gaussian(0.16, seed=1)))


@strained
def averages_a_quarter_deviation_off():
    return small.probed(small.compiled(small.with_drift(small.dense(depth=1, norm={}), 0.25), steps=60))


@strained
def averages_on_their_way():
    return small.probed(small.compiled(small.with_drift(small.dense(depth=1, norm={}), 1.0), steps=30))


@strained
def inputs_of_deviation_six():
    x, y = small.examples()
    model = small.dense()
    model.layers[0].kernel.assign(model.layers[0].kernel / 8)
    return small.probed(model, (6 * x + 5, y))


@strained
def inputs_of_deviation_sixty_around_nearly_zero():
    x, y = small.examples()
    model = small.dense()
    model.layers[0].kernel.assign(model.layers[0].kernel / 60)
    return small.probed(model, (60 * x + 9, y))


@strained
def three_fifths_of_the_labels_of_one_class():
    x, y = small.examples()
    return small.probed(small.dense(), (x, np.where(np.arange(len(y))[:, None] % 18 > 7, y[3:4], y)))


@strained
def updates_of_almost_the_spacing_of_float32():
    return small.probed(small.at_update_ratio(small.dense(), 1.8 * 2**-24))


@strained
def updates_of_a_fifth_of_the_weights():
    return small.probed(small.at_update_ratio(small.dense(), 0.2, layers=slice(-1)))


@strained
def initial_loss_of_one_and_a_half_guesses():
    model = small.dense()
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 2)
    return small.probed(model)


@strained
def loss_four_percent_below_that_of_a_guess():
    return small.probed(small.compiled(small.with_loss(small.trained(), 0.96 * np.log(small.NUM_CLASSES)), steps=100))


@strained
def nothing_learnt_in_forty_steps():
    model = small.compiled(small.with_loss(small.trained(), np.log(small.NUM_CLASSES)), steps=40)
    return small.probed(model)


@strained
def loss_that_rose_a_little():
    return small.probed(small.trained(), history=[{"loss": loss} for loss in (2.3, 0.4, 0.5)])


@strained
def learnt_by_heart_for_the_most_part():
    row = {"loss": 0.1, "val_loss": 2.0, "accuracy": 0.97, "val_accuracy": 0.25}
    return small.probed(small.trained(), history=[row])


@strained
def a_third_learnt_and_none_of_it_general():
    row = {"loss": 2.1, "val_loss": 2.2, "accuracy": 0.4, "val_accuracy": 0.12}
    return small.probed(small.dense(), history=[row])


@strained
def weights_six_times_as_large():
    model = small.dense(norm={})
    before, _ = small.probed(model)
    model.get_layer("fc2").kernel.assign(6 * model.get_layer("fc2").kernel)
    return small.probed(model, history=[before])
