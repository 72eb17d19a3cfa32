"""compile_model: loss, metrics and optimizer as a recipe says."""

import keras

from nntricks_keras.training.losses import PLAIN, CrossEntropy
from nntricks_keras.training.optimizers import make_optimizer
from nntricks_keras.training.schedules import make_schedule


def compile_model(model, recipe, steps_per_epoch, precision="float32"):
    """Compiles a model as `train` does: cross-entropy, top-1 and top-5, and the recipe's optimizer, built.

    With label smoothing the plain cross-entropy is a metric too, for the loss is then another number.

    Args:
        model: a built keras.Model, from images to logits (batch, classes). It is compiled in place.
        recipe: Recipe.
        steps_per_epoch: batches in an epoch, for the schedule.
        precision: what the model computes in; float16 scales the loss.
    """
    metrics = [
        keras.metrics.CategoricalAccuracy(name="top1"),
        keras.metrics.TopKCategoricalAccuracy(k=5, name="top5"),
    ]
    if recipe.label_smoothing:
        metrics.append(keras.metrics.CategoricalCrossentropy(from_logits=True, name=PLAIN))
    model.compile(
        optimizer=make_optimizer(recipe, make_schedule(recipe, steps_per_epoch), model, precision),
        loss=CrossEntropy(label_smoothing=recipe.label_smoothing),
        metrics=metrics,
        # XLA does not keep one part of a batch after the other, which is what their memory depends on.
        jit_compile=False if recipe.accumulate > 1 else "auto",
    )
