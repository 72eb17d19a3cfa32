"""train: a model builder, images and a Recipe become a run folder."""

import contextlib
import functools
import math
import resource
import sys
import time

import keras
import numpy as np

from nntricks_keras.data import naming_bad_images, pipeline
from nntricks_keras.errors import InputError
from nntricks_keras.evaluation import evaluate
from nntricks_keras.evaluation.protocols import score, softmax
from nntricks_keras.files import write_json
from nntricks_keras.training import distribution, freezing, precision, run_folder
from nntricks_keras.training.accumulation import AccumulatingModel
from nntricks_keras.training.averaging import WeightAverage
from nntricks_keras.training.compilation import compile_model
from nntricks_keras.training.curves import draw_curves
from nntricks_keras.training.one_training import OneTraining
from nntricks_keras.training.recorder import Recorder
from nntricks_keras.training.tensorboard import TensorBoard
from nntricks_keras.training.watching import watch
from nntricks_keras.training.workers import Workers


def train(
    build_model,
    image_data,
    preprocessing,
    recipe,
    run_dir,
    *,
    title=None,
    experiment=None,
    devices="auto",
    checkpoint_minutes=10,
    resume=False,
    overwrite=False,
    health=True,
    callbacks=(),
    lean=False,
):
    """Trains a model and leaves a run folder (run_folder.py says what is in it).

    Args:
        build_model: a function of no arguments that returns a new, uncompiled keras.Model, from images as
            `preprocessing` makes them to one logit a class. It is called once, in the strategy's scope.
        image_data: data.ImageData. Training and validation are used in training; test once, at the end.
        preprocessing: data.Preprocessing, kept in the run folder for evaluation and prediction.
        recipe: training.Recipe.
        run_dir: the folder of the run. One that is not empty is refused unless `resume` or `overwrite`.
        title: the headline of curves.png; the model's name by default.
        experiment: JSON values that say how to repeat the run, kept as experiment.json.
        devices: "auto", a number, or a tf.distribute.Strategy, see training.strategy. Of several workers only the
            first, the chief, writes; all have to see the run folder to resume.
        checkpoint_minutes: between checkpoints within an epoch; its end always writes one.
        resume: go on from the newest checkpoint in run_dir; the recipe, the preprocessing, the classes and the number
            of images of each split have to be those it was started with.
        overwrite: delete the run in run_dir first.
        health: look at the network before the training (health.preflight) and watch it (health.LayerHealth). The
            training is the same to the bit without.
        callbacks: keras callbacks of your own. At an epoch's end they come last, when history.csv, the checkpoint and
            model.keras are on the disk; what they raise ends the training there, and it can be resumed. To them it
            begins and ends once, also where it is several fits, as with unfreeze and focus.
        lean: for one of many trials: no look at the test split (metrics.json then has no "test"), no pictures, no
            TensorBoard, no lines on the screen, no health. The training is the same to the bit.

    Returns:
        training.Run. A run that is complete already is returned as it is when `resume` is set.

    Raises:
        InputError: what the user gave does not fit together, or another process trains in run_dir; nothing has been
            trained.
        TrainingDivergedError: the loss became NaN or infinite.
        TrainingInterruptedError: Ctrl-C or SIGTERM came; a checkpoint of that very step has been written.
        WorkerLostError: another worker has died.
        OSError: what cannot be written, as on a full disk; the checkpoints written before it stay.
    """
    run_folder.check(run_dir, resume=resume, overwrite=overwrite)
    run = run_folder.Run(run_dir)
    if resume and run.is_complete:
        return run
    strategy = distribution.strategy(devices)
    least = distribution.smallest_batch(strategy)
    if recipe.batch_size < least:
        raise InputError(
            f"batch_size {recipe.batch_size} cannot be split over {strategy.num_replicas_in_sync} devices; "
            f"give at least {least}"
        )
    distribution.check_shares(strategy, recipe.batch_size, image_data.counts["train"], recipe.accumulate)
    for name, is_used in [("accumulate", recipe.accumulate > 1), ("unfreeze", recipe.unfreeze)]:
        if is_used and keras.backend.backend() != "tensorflow":
            value = getattr(recipe, name)
            raise InputError(f"{name} {value} needs the TensorFlow backend, not {keras.backend.backend()}")
    steps_per_epoch = math.ceil(image_data.counts["train"] / recipe.batch_size)
    keras.utils.set_random_seed(recipe.seed)
    if recipe.deterministic:
        distribution.make_deterministic()
    computed_in = precision.resolve(recipe.precision)
    inputs = run_folder.describe_inputs(image_data, preprocessing)
    workers = Workers(strategy)
    workers.check_agreement(
        {
            "recipe": recipe.to_dict(),
            "experiment": experiment or {},
            **inputs,
            "computed_in": computed_in,
            "resume": resume,
            "keras": keras.__version__,
        }
    )
    with strategy.scope(), precision.policy(computed_in):
        network = build_model()
        _check_model(network, image_data, preprocessing)
        freezing.check(network, recipe.unfreeze)
        model = AccumulatingModel(network, recipe.accumulate) if recipe.accumulate > 1 else network
        compile_model(model, recipe, steps_per_epoch, computed_in)
        distribution.ready_for_fit(model, recipe.batch_size)
        average = WeightAverage(model, recipe.ema_decay) if recipe.ema_decay else None
    recorder = Recorder(
        run,
        network,
        recipe,
        image_data.counts,
        None if lean else title or network.name,
        checkpoint_minutes,
        average,
        workers,
    )
    claim = run_folder.claimed(run_dir, resume=resume, overwrite=overwrite)
    with claim if workers.is_chief else contextlib.nullcontext():
        if resume:
            run_folder.check_inputs(run, inputs)
        step = recorder.resume(model) if resume else 0
        with workers.noticing_loss(run.folder):  # the chief is gone when it was refused the folder
            workers.check_agreement({"steps done, as the checkpoints in the run folder say": step})
        if workers.is_chief:
            _begin(run, strategy, inputs, experiment)
        _fit(recorder, model, image_data, preprocessing, step, health=health, callbacks=callbacks, lean=lean)
    return run


def _fit(recorder, model, image_data, preprocessing, step, *, health, callbacks, lean):
    """Trains `model` from `step` on to the end of the recipe, and writes what a complete run has."""
    run, recipe, workers, steps_per_epoch = recorder.run, recorder.recipe, recorder.workers, recorder.steps_per_epoch
    strategy, focus = workers.strategy, recorder.focus
    settings = {"batch_size": recipe.batch_size, "num_classes": image_data.num_classes}
    size = distribution.largest_shared_batch(strategy, recipe.batch_size, image_data.counts["validation"])
    validation = distribution.feed(
        strategy,
        lambda part: pipeline(image_data.validation, preprocessing, shard=part, **settings | {"batch_size": size}),
    )
    watching = [recorder.progress, TensorBoard(recorder)] if workers.is_chief and not lean else []
    if health and workers.is_chief and not lean:
        with naming_bad_images(image_data.train):
            devices = strategy.num_replicas_in_sync
            recorder.health = watch(model, image_data, preprocessing, recipe, run.folder, step, recorder.title, devices)
        watching += [recorder.health] if recorder.health else []
    with (
        recorder.stopping_on_signals(),
        workers.noticing_loss(run.folder),
        distribution.in_force(strategy),
        naming_bad_images(image_data.train, image_data.validation),
    ):
        last_word = keras.callbacks.LambdaCallback(on_epoch_end=recorder.stop_after_epoch)
        told = [*recorder.state_keepers, recorder, *watching, *callbacks, last_word]
        told = OneTraining(told, model, recipe.epochs, steps_per_epoch)
        while step < recipe.epochs * steps_per_epoch and not recorder.stopped_early:
            epoch, done = divmod(step, steps_per_epoch)
            freezing.freeze(model, recipe.unfreeze, epoch + 1)
            if focus and focus.is_due(epoch) and not done:
                _find_hard_images(recorder, image_data, preprocessing, epoch, lean)
            # What is left of an epoch that was cut short is a fit of its own, as are the epochs up to a change.
            change = min(freezing.next_change(recipe.unfreeze, epoch), focus.next_change(epoch) if focus else math.inf)
            last = epoch + 1 if done else min(recipe.epochs, change)
            make_batches = functools.partial(
                pipeline,
                image_data.train,
                preprocessing,
                training=True,
                augmentation=recipe.augmentation,
                seed=recipe.seed,
                balanced=recipe.balanced,
                repeats=focus.repeats(epoch) if focus else None,
                repeat=True,
                start_step=step,
                **settings,
            )
            model.fit(
                distribution.feed(strategy, lambda part, make=make_batches: make(shard=part)),
                validation_data=validation,
                steps_per_epoch=steps_per_epoch - done,
                epochs=last,
                initial_epoch=epoch,
                shuffle=False,
                callbacks=told,
                verbose=0,
            )
            if model.stop_training:  # also at the wish of a callback that comes after the recorder
                break
            step = last * steps_per_epoch
        told.end()
        if workers.is_chief:
            with distribution.alone():
                test = None if lean else (image_data.test, preprocessing)
                _finish(run, recorder, test, recipe, recorder.network.count_params())
        workers.wait()


def _find_hard_images(recorder, image_data, preprocessing, epoch, lean):
    """Tells recorder.focus which training images come more often from `epoch` (from 0) on, and writes a checkpoint.

    The chief looks, alone on its first device, and tells the others. Raises TrainingInterruptedError for a signal that
    comes meanwhile.
    """
    focus, recipe, workers = recorder.focus, recorder.recipe, recorder.workers
    recorder.looks_since = time.perf_counter()
    losses = []
    if workers.is_chief:
        held = recipe.held(workers.strategy.num_replicas_in_sync)
        batches = pipeline(image_data.train, preprocessing, batch_size=held, num_classes=image_data.num_classes)
        with distribution.alone():
            model = recorder.snapshot()
            for images, labels in batches.as_numpy_iterator():
                if recorder.signals:
                    break
                losses.extend(score(softmax(model.predict_on_batch(images)), labels.argmax(axis=-1))[0])
    recorder.stop_after_epoch(epoch - 1)
    hard = np.array(losses) > np.mean(losses) if losses else np.zeros(image_data.counts["train"], bool)
    focus.choose(np.array(workers.sum(hard), bool), epoch)
    recorder.save(epoch)
    if workers.is_chief and not lean:
        share = np.mean(focus.hard)
        print(f"{share:.1%} of the training images are hard: they come {focus.times} times as often now", flush=True)


def _begin(run, strategy, inputs, experiment):
    """Writes what is known of the run, now that all that could be wrong has been looked at."""
    run_folder.write_environment(run.folder, strategy.num_replicas_in_sync)
    if experiment is not None:
        write_json(run.folder / "experiment.json", experiment)
    write_json(run.folder / "inputs.json", inputs)


def _finish(run, recorder, test, recipe, num_parameters):
    """Writes metrics.json; with `test`, its images and their Preprocessing, evaluates the best model on them, once, and
    draws the final curves."""
    history = recorder.history
    best = recorder.best()
    seconds = sum(row["seconds"] for row in history)
    metrics = {"test": evaluate(run.load_model(), *test)} if test else {}  # on one device: not the batch of them all
    metrics |= {
        "validation": {name: best[f"val_{name}"] for name in ("loss", "top1", "top5")},
        "training": {name: best[name] for name in ("loss", "top1", "top5")},
        "best_epoch": best["epoch"],
        "epochs": len(history),
        "parameters": num_parameters,
        "seconds": round(seconds, 1),
        "images_per_second": round(sum(row["images_per_second"] for row in history) / len(history), 1),
        "peak_memory_megabytes": round(_peak_memory() / 2**20),
    }
    write_json(run.folder / "metrics.json", metrics)
    if test:
        draw_curves(run.folder / "curves.png", history, best, recorder.title, metrics)


def _check_model(model, image_data, preprocessing):
    for name, given, made in [
        ("input", tuple(model.input_shape[1:]), preprocessing.input_shape),
        ("output", tuple(model.output_shape[1:]), (image_data.num_classes,)),
    ]:
        fits = len(given) == len(made) and all(a in (None, b) for a, b in zip(given, made, strict=True))
        if not fits:
            raise InputError(f"the model's {name} shape is {given}, the data's is {made}")
    if model.outputs[0].dtype in ("float16", "bfloat16"):
        raise InputError(
            f"the logits are computed in {model.outputs[0].dtype}, too coarse for a softmax: give the last layer "
            "dtype='float32'"
        )


def _peak_memory():
    """Bytes of memory this process has held at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
