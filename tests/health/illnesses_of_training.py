"""Illnesses of a training: its rate, its loss, what has become of weights and labels; see illnesses.py."""

import numpy as np

from nntricks_keras import initializers
from tests.health import small_networks as small
from tests.health.illnesses import SICK, sick

__all__ = ["SICK"]  # with those of this file


@sick("small_rate")
def rate_of_a_hundred_millionth():
    return small.probed(small.compiled(small.dense(), rate=1e-8))


@sick("small_rate")
def updates_of_less_than_half_the_spacing_of_float32():
    return small.probed(small.at_update_ratio(small.dense(), 0.7 * 2**-24))


@sick("small_rate")
def rate_too_small_for_a_loss_of_half_a_guess():
    return small.probed(small.compiled(small.with_loss(small.trained(), 0.5 * np.log(small.NUM_CLASSES)), rate=1e-9))


@sick("large_rate")
def rate_of_a_thousand():
    return small.probed(small.compiled(small.dense(), rate=1000.0))


@sick("large_rate")
def updates_of_half_the_weights():
    return small.probed(small.at_update_ratio(small.dense(), 0.55, layers=slice(-1)))


@sick("large_loss")
def logits_too_large():
    model = small.dense()
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 12)
    return small.probed(model)


@sick("large_loss")
def loss_of_five_guesses():
    model = small.dense()
    model.layers[-1].kernel.assign(model.layers[-1].kernel * 5)
    return small.probed(model)


@sick("chance_loss")
def nothing_learnt_in_an_epoch():
    model = small.compiled(small.dense(depth=6, initializer=initializers.Gaussian(0.03, seed=1)), rate=0.01)
    history = model.fit(*small.examples(), batch_size=2, verbose=0)
    return small.probed(model, history=[history.history])


@sick("chance_loss")
def loss_one_percent_below_that_of_a_guess():
    model = small.compiled(small.with_loss(small.trained(), 0.99 * np.log(small.NUM_CLASSES)), steps=100)
    return small.probed(model)


@sick("exploding_loss")
def loss_that_explodes():
    model = small.compiled(small.dense(), rate=0.05)
    history = model.fit(*small.examples(), epochs=3, verbose=0).history
    model.optimizer.learning_rate = 20.0
    later = model.fit(*small.examples(), epochs=3, verbose=0).history
    return small.probed(model, history=[history, later])


@sick("exploding_loss")
def loss_three_times_its_lowest():
    return small.probed(small.trained(), history=[{"loss": loss} for loss in (2.3, 0.4, 1.2)])


@sick("shuffled_labels")
def labels_shuffled():
    x, y = small.examples(96)
    y = np.random.default_rng(3).permutation(y)
    model = small.compiled(small.dense(width=128), rate=0.1, momentum=0.9)
    for _ in range(40):
        loss, accuracy = model.train_on_batch(x[:64], y[:64])
    unseen = np.mean(np.argmax(model.predict_on_batch(x[64:]), axis=1) == np.argmax(y[64:], axis=1))
    history = {"loss": [loss], "accuracy": [accuracy], "val_accuracy": [unseen]}
    return small.probed(model, history=[history])


@sick("shuffled_labels")
def half_of_them_learnt_by_heart():
    row = {"loss": 1.2, "val_loss": 3.0, "accuracy": 0.65, "val_accuracy": 0.15}
    return small.probed(small.trained(), history=[row])


@sick("exploding_weights")
def weights_that_explode():
    model = small.dense(norm={})
    before, _ = small.probed(model)
    x, y = small.examples()
    small.compiled(model, rate=30.0)
    for _ in range(4):
        model.train_on_batch(x, y)
    return small.probed(model, history=[before])


@sick("exploding_weights")
def weights_fifteen_times_as_large():
    model = small.dense(norm={})
    before, _ = small.probed(model)
    model.get_layer("fc2").kernel.assign(15 * model.get_layer("fc2").kernel)
    return small.probed(model, history=[before])
