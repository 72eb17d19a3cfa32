"""How a run is watched: a look before the training, then LayerHealth, on images of the run's own."""

import math

from nntricks_keras.data import pipeline
from nntricks_keras.errors import InputError
from nntricks_keras.health import LayerHealth, Prober, preflight
from nntricks_keras.training.memory import is_out_of_memory

NUM_EXAMPLES = 64  # tells a dead unit from a rare one, and a probe of them costs about two steps of as many
MOST_BATCHES = 4  # where batches are small, for the time each takes


def watch(model, image_data, preprocessing, recipe, folder, step, title, num_devices=1):
    """Probes a compiled model before step 0, printing what it finds, and returns the LayerHealth that goes on.

    The images are training images drawn by the recipe's seed and not augmented, in batches no larger than what one
    device holds of training's.

    Args:
        model: the model that will be fitted.
        image_data, preprocessing, recipe: as training.train takes them.
        folder: of the run; gets health.csv, health.png and events for TensorBoard.
        step: the training goes on from; nothing is printed but at 0.
        title: the headline of health.png.
        num_devices: that share a batch of the training; one of them probes.

    Returns:
        LayerHealth; None, after a line that says why, for a model that cannot be probed or has not the memory for it.
    """
    batch_size = min(recipe.held(num_devices), NUM_EXAMPLES, image_data.counts["train"])
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
    except Exception as error:
        if not (isinstance(error, InputError) or is_out_of_memory(error)):
            raise
        print(f"health is left out: {str(error).splitlines()[0]}", flush=True)
        return None
    return health
