"""What watching a training costs: model.fit with health.LayerHealth at its default beside a bare one.

    python -m benchmarks.health [--rounds 2] [--epochs 12]

Both train vgg_mini on the bundled images with the recipe `quick`, in turn. The times are those of the whole fit, with
the probes, the file and the pictures; seconds of the processor too, which depend less on what else runs. The pass has
been traced before, as preflight does in a run; what that takes comes after, and what a probe and a picture take.
"""

import argparse
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

import zoo
from benchmarks.intervals import median_interval
from benchmarks.training import quick_setting
from nntricks_keras import data
from nntricks_keras.health import LayerHealth, Prober, preflight
from nntricks_keras.health.heat_maps import draw_health
from nntricks_keras.health.plots import save
from nntricks_keras.training.losses import CrossEntropy
from nntricks_keras.training.optimizers import make_optimizer
from nntricks_keras.training.schedules import make_schedule

NUM_EXAMPLES = 64  # what a run holds on to


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=12)
    options = parser.parse_args()
    images, preprocessing, recipe = quick_setting(options.epochs)
    settings = {"batch_size": recipe.batch_size, "num_classes": images.num_classes}
    held = list(data.pipeline(images.train, preprocessing, training=True, **settings).take(NUM_EXAMPLES // 64))
    walls, processors = [], []
    for number in range(options.rounds):
        bare = fit(*compiled(images, recipe), images, preprocessing, recipe, [])
        model, steps = compiled(images, recipe)
        prober = Prober(model, histograms=True)
        prober(held)
        with tempfile.TemporaryDirectory() as folder:
            health = LayerHealth(held, folder=folder, prober=prober)
            watched = fit(model, steps, images, preprocessing, recipe, [health])
        measured = len({row["step"] for row in health.rows})
        print(
            f"round {number + 1}: bare {bare[0]:.1f} s, processor {bare[1]:.1f} s; watched {watched[0]:.1f} s, "
            f"processor {watched[1]:.1f} s, {measured} probes",
            flush=True,
        )
        walls.append(watched[0] / bare[0])
        processors.append(watched[1] / bare[1])
    for name, ratios in (("time", walls), ("processor time", processors)):
        print(f"watched / bare, {name}: median {np.median(ratios):.3f}, of {', '.join(f'{r:.3f}' for r in ratios)}")
    parts(images, preprocessing, recipe, held)


def compiled(images, recipe):
    steps = -(-images.counts["train"] // recipe.batch_size)
    model = zoo.vgg_mini()
    model.compile(
        optimizer=make_optimizer(recipe, make_schedule(recipe, steps), model), loss=CrossEntropy(), metrics=["accuracy"]
    )
    return model, steps


def fit(model, steps, images, preprocessing, recipe, callbacks):
    """(seconds, seconds of the processor) of a training."""
    settings = {"batch_size": recipe.batch_size, "num_classes": images.num_classes}
    train = data.pipeline(
        images.train, preprocessing, training=True, augmentation=recipe.augmentation, repeat=True, **settings
    )
    validation = data.pipeline(images.validation, preprocessing, **settings)
    began = time.perf_counter(), time.process_time()
    model.fit(
        train,
        validation_data=validation,
        steps_per_epoch=steps,
        epochs=recipe.epochs,
        shuffle=False,
        callbacks=callbacks,
        verbose=0,
    )
    return time.perf_counter() - began[0], time.process_time() - began[1]


def parts(images, preprocessing, recipe, held):
    """What a probe costs in training steps, taken in turn; the tracing; a picture."""
    model, _ = compiled(images, recipe)
    settings = {"batch_size": recipe.batch_size, "num_classes": images.num_classes}
    some = list(data.pipeline(images.train, preprocessing, training=True, **settings).take(20))
    prober = Prober(model, histograms=True)
    began = time.process_time()
    report = prober(held)
    print(f"tracing, once: {time.process_time() - began:.2f} s of the processor")
    model.train_on_batch(*some[0])
    ratios = []
    for _ in range(15):
        began = time.process_time()
        for x, y in some:
            model.train_on_batch(x, y)
        middle = time.process_time()
        prober(held)
        ratios.append((time.process_time() - middle) / ((middle - began) / len(some)))
    low, high = median_interval(ratios)
    print(f"a probe of {NUM_EXAMPLES} examples / a step of 64: {np.median(ratios):.2f} ({low:.2f} .. {high:.2f})")
    health = LayerHealth(held, every=1)
    model.fit(*some[0], epochs=8, verbose=0, callbacks=[health])
    with tempfile.TemporaryDirectory() as folder:
        times = []
        for _ in range(3):
            began = time.process_time()
            save(draw_health(health.rows, "title", report), Path(folder) / "health.png")
            times.append(time.process_time() - began)
    print(f"a picture: {times[0]:.2f} s of the processor the first time, then {times[-1]:.2f}")
    began = time.process_time()
    preflight(compiled(images, recipe)[0], held)
    print(f"preflight of a new model, not traced: {time.process_time() - began:.2f} s of the processor")


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    main()
