"""What watching a training costs: model.fit with health.LayerHealth at its default beside a bare one.

    python -m benchmarks.health [--rounds 2] [--epochs 12] [--write]

Both train vgg_mini on the bundled images with the recipe `standard`, in an order that alternates, after an epoch of
each that is not counted. The times are those of the whole fit, with the probes, the file and the pictures; seconds of
the processor too, which depend less on what else runs. The pass has been traced before, as preflight does in a run;
what that takes comes after, and what a probe and a picture take.
"""

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import keras
import numpy as np

import zoo
from benchmarks.intervals import median_interval
from benchmarks.pages import results_file, write_rows, write_table
from benchmarks.training import alternating, standard_setting
from nntricks_keras import data, training
from nntricks_keras.health import LayerHealth, Prober, preflight
from nntricks_keras.health.heat_maps import draw_health
from nntricks_keras.health.plots import save

PAGE = Path(__file__).with_name("health.md")
NUM_EXAMPLES = 64  # what a run holds on to


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--write", action="store_true", help="keep the results: the CSV and the page's table")
    options = parser.parse_args()
    images, preprocessing, recipe = standard_setting(options.epochs)
    settings = {"batch_size": recipe.batch_size, "num_classes": images.num_classes}
    held = list(data.pipeline(images.train, preprocessing, training=True, **settings).take(NUM_EXAMPLES // 64))
    fits = {"bare": bare, "watched": watched}
    times = {name: [] for name in fits}
    for number, names in alternating(fits, options.rounds):
        of_round = recipe if number else dataclasses.replace(recipe, epochs=1)
        for name in names:
            seconds = fits[name](images, preprocessing, of_round, held)
            if number:
                times[name].append(seconds)
                print(f"round {number}: {name} {seconds[0]:.1f} s, processor {seconds[1]:.1f} s", flush=True)
    rows = []
    for place, clock in enumerate(("by the clock", "seconds of the processor")):
        ratios = np.array([watched[place] / bare[place] for bare, watched in zip(*times.values(), strict=True)])
        told = f"{np.median(ratios):.3f}, of {', '.join(f'{ratio:.3f}' for ratio in ratios)}"
        rows.append([f"a fit of {options.epochs} epochs, watched / bare, {clock}", told])
    rows += parts(images, preprocessing, recipe, held)
    for what, measured in rows:
        print(f"{what}: {measured}")
    if options.write:
        header = ["what", "measured"]
        write_rows(results_file("health", "tensorflow"), [dict(zip(header, row, strict=True)) for row in rows])
        write_table(PAGE, "health", header, rows, ["tensorflow", "keras"])


def bare(images, preprocessing, recipe, held):
    return fit(*compiled(images, recipe), images, preprocessing, recipe, [])


def watched(images, preprocessing, recipe, held):
    model, steps = compiled(images, recipe)
    prober = Prober(model, histograms=True)
    prober(held)
    with tempfile.TemporaryDirectory() as folder:
        health = LayerHealth(held, folder=folder, prober=prober)
        return fit(model, steps, images, preprocessing, recipe, [health])


def compiled(images, recipe):
    steps = -(-images.counts["train"] // recipe.batch_size)
    model = zoo.vgg_mini()
    training.compile_model(model, recipe, steps)
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
    """[what, measured]: what a probe costs in training steps, taken in turn; the tracing; a picture."""
    model, _ = compiled(images, recipe)
    settings = {"batch_size": recipe.batch_size, "num_classes": images.num_classes}
    some = list(data.pipeline(images.train, preprocessing, training=True, **settings).take(20))
    prober = Prober(model, histograms=True)
    began = time.process_time()
    report = prober(held)
    traced = time.process_time() - began
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
    health = LayerHealth(held, every=1)
    model.fit(*some[0], epochs=8, verbose=0, callbacks=[health])
    with tempfile.TemporaryDirectory() as folder:
        times = []
        for _ in range(3):
            began = time.process_time()
            save(draw_health(health.rows, "title", report), Path(folder) / "health.png")
            times.append(time.process_time() - began)
    began = time.process_time()
    preflight(compiled(images, recipe)[0], held)
    looked = time.process_time() - began
    probed = f"{np.median(ratios):.2f} (95 % interval {low:.2f} .. {high:.2f})"
    return [
        [f"a probe of {NUM_EXAMPLES} examples, in training steps of 64", probed],
        ["`health.png`, the first one and a later one, seconds of the processor", f"{times[0]:.2f}, {times[-1]:.2f}"],
        ["tracing, once before the training, not in the fits above", f"{traced:.2f} s"],
        ["`preflight` of a new model, not traced", f"{looked:.2f} s"],
    ]


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    main()
