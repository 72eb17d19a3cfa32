"""The named recipes: where a training starts from, each setting of which may be changed."""

from nntricks_keras.data.augmentation import Augmentation
from nntricks_keras.errors import check_name
from nntricks_keras.training.settings import Recipe

RECIPES = {
    # The best that two processor cores do in minutes.
    "quick": Recipe(
        epochs=10,
        batch_size=64,
        learning_rate=0.1,
        weight_decay=1e-3,
        schedule="one_cycle",
        augmentation=Augmentation.preset("flip"),
    ),
    # How both papers did it: constant rate, divided by 10 on a plateau of the validation accuracy, three times.
    "plateau": Recipe(
        epochs=90, batch_size=128, learning_rate=0.01, schedule="plateau", augmentation=Augmentation.preset("flip")
    ),
}


def recipe(name):
    """The training.Recipe of that name; InputError with the nearest names when there is none."""
    return RECIPES[check_name("recipe", name, RECIPES)]
