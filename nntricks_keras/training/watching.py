"""How a run is watched: a look before the training, then LayerHealth, on images of the run's own."""

import math

from nntricks_keras.data import pipeline
from nntricks_keras.errors import InputError
from nntricks_keras.health import LayerHealth, Prober, preflight

NUM_EXAMPLES = 64  # tells a dead unit from a rare one, and a probe of them costs about two steps of as many
MOST_BATCHES = 4  # where batches are small, for the time each takes


def watch(model, image_data, preprocessing, recipe, folder, step, title):
    """Probes a compiled model before step 0, printing what it finds, and returns the LayerHealth that goes on.

    The images are training images drawn by the recipe's seed and not augmented, in batches no larger than training's.

    Args:
        model: the model that will be fitted.
        image_data, preprocessing, recipe: as training.train takes them.
        folder: of the run; gets health.csv, health.png and events for TensorBoard.
        step: the training goes on from; nothing is printed but at 0.
        title: the headline of health.png.

    Returns:
        LayerHealth; None, after a line that says why, for a model that cannot be probed.
    """
    batch_size = min(recipe.batch_size, NUM_EXAMPLES, image_data.counts["train"])
    batches = pipeline(
        image_data.train,
        preprocessing,
        training=True,
        seed=recipe.seed,
        batch_size=batch_size,
        num_classes=image_data.num_classes,
        drop_remainder=True,
    ).take(min(MOST_BATCHES, math.ceil(NUM_EXAMPLES / batch_size)))
    try:
        prober = Prober(model, histograms=True)
        health = LayerHealth(
            batches,
            folder=folder,
            tensorboard=folder / "tensorboard",
            initial_step=step,
            title=title,
            prober=prober,
        )
        if step == 0:
            preflight(model, *health.examples, prober=prober)
    except InputError as error:
        print(f"health is left out: {error}", flush=True)
        return None
    return health
