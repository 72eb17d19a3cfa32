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
    # Krizhevsky et al. (2012), section 5: the rate divided by 10 three times, when validation stopped improving.
    "alexnet2012": Recipe(
        epochs=90,
        batch_size=128,
        learning_rate=0.01,
        weight_decay=5e-4,
        schedule="plateau",
        augmentation=Augmentation.preset("alexnet2012"),
    ),
    # Simonyan and Zisserman (2015), section 3.1: the same rule, larger batches, scale jitter.
    "vgg2014": Recipe(
        epochs=74,
        batch_size=256,
        learning_rate=0.01,
        weight_decay=5e-4,
        schedule="plateau",
        augmentation=Augmentation.preset("vgg2014"),
    ),
}


def recipe(name):
    """The training.Recipe of that name; InputError with the nearest names when there is none."""
    return RECIPES[check_name("recipe", name, RECIPES)]
