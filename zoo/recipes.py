"""The named recipes: where a training starts from, each setting of which may be changed."""

from nntricks_keras.data.augmentation import Augmentation
from nntricks_keras.errors import check_name
from nntricks_keras.training.settings import Recipe

RECIPES = {
    # What a textbook does, for every network: the default, and what searches and ablations vary.
    "standard": Recipe(
        epochs=10,
        batch_size=64,
        learning_rate=0.1,
        weight_decay=1e-3,
        schedule="one_cycle",
        augmentation=Augmentation.preset("flip"),
    ),
    # Nearly as much in half the time, for a few minutes of two processor cores: see benchmarks/accuracy.md.
    "quick": Recipe(
        epochs=5,
        batch_size=128,
        optimizer="muon",
        learning_rate=0.03,
        nesterov=True,
        weight_decay=5e-4,
        schedule="one_cycle",
        warmup_fraction=0.05,
        augmentation=Augmentation.preset("flip"),
    ),
    # What has become usual since: averaged weights, smoothed labels, mixed images, the machine's own precision.
    "modern": Recipe(
        epochs=60,
        batch_size=128,
        learning_rate=0.2,
        nesterov=True,
        weight_decay=5e-4,
        schedule="one_cycle",
        warmup_fraction=0.1,
        label_smoothing=0.1,
        ema_decay=0.999,
        early_stopping_patience=15,
        precision="auto",
        augmentation=Augmentation(horizontal_flip=True, padding_crop=2, mixup=0.2),
    ),
    # From trained weights: first the new head alone, then all, the convolutions at a tenth of the rate.
    "finetune": Recipe(
        epochs=12,
        batch_size=32,
        learning_rate=0.01,
        weight_decay=5e-4,
        schedule="one_cycle",
        warmup_fraction=0.1,
        label_smoothing=0.1,
        clip_norm=5.0,
        early_stopping_patience=5,
        precision="auto",
        learning_rate_factors={"conv*": 0.1},
        unfreeze={"conv*": 3},
        augmentation=Augmentation(horizontal_flip=True, crop_area=(0.35, 1.0), brightness=0.2, contrast=0.2),
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

# What a recipe asks of the model's builder: the papers start from their own noise and biases.
ARGUMENTS = {"alexnet2012": {"initializer": "paper"}, "vgg2014": {"initializer": "paper"}}


def arguments(name):
    """Arguments of the model that belong to the recipe of that name, for zoo.create and Experiment."""
    return dict(ARGUMENTS.get(check_name("recipe", name, RECIPES), {}))


def recipe(name):
    """The training.Recipe of that name; InputError with the nearest names when there is none."""
    return RECIPES[check_name("recipe", name, RECIPES)]
