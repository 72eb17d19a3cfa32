"""Images a second through the input pipeline, beside albumentations and Keras's own preprocessing layers.

    python -m benchmarks.pipeline [--write]

Needs the extra "bench". JPEGs of 500 x 375 are cut from sample photographs of scikit-image; all recipes give 224 px
(the last: 32 px), float32, standardized. Rates are images per second of processor time on one core, all contenders
pinned to it and in turn, the median of some rounds; the ratio is the median of the rounds' own, with its 95 % interval.
Processor time, so that a busy machine does not decide, of all threads until they rest, so that what is prepared ahead
is charged to who asked for it. `--steps` times training steps by the clock instead: fed by the pipeline, and on one
batch held in memory.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.intervals import summary
from benchmarks.pages import results_file, write_rows, write_table
from benchmarks.pipeline_steps import compare_steps

HERE = Path(__file__).parent
NUM_PHOTOS = 160
JITTER = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4}
CROP = {"horizontal_flip": True, "crop_area": (0.08, 1.0)}
ROTATION, ZOOM = 15.0, (0.9, 1.1)


def make_photographs():
    """JPEGs of 500 x 375, quality 90: windows of scikit-image's photographs, enlarged where they are smaller."""
    import skimage.data
    import tensorflow as tf

    sources = [skimage.data.astronaut(), skimage.data.coffee(), skimage.data.chelsea(), skimage.data.rocket()]
    rng = np.random.default_rng(0)
    jpegs = []
    for n in range(NUM_PHOTOS):
        source = sources[n % len(sources)]
        height = int(min(source.shape[0], source.shape[1] * 0.75) * rng.uniform(0.8, 1))
        width = height * 4 // 3
        top, left = rng.integers(0, source.shape[0] - height + 1), rng.integers(0, source.shape[1] - width + 1)
        window = tf.image.resize(source[top : top + height, left : left + width], (375, 500), antialias=True)
        jpegs.append(tf.io.encode_jpeg(tf.cast(tf.round(window), tf.uint8), quality=90).numpy())
    return jpegs


def ours(jpegs, **settings):
    """A function that runs the JPEGs once through our pipeline."""
    from nntricks_keras import data
    from nntricks_keras.data.stores import EncodedStore

    names = [f"photograph {n}" for n in range(len(jpegs))]
    dataset = EncodedStore(names, [0] * len(jpegs), jpegs).dataset()
    looks = data.Preprocessing(224, mean=120.0, std=60.0)
    batches = data.pipeline(
        dataset,
        looks,
        batch_size=32,
        num_classes=1,
        training=True,
        repeat=True,
        augmentation=data.Augmentation(**settings),
    )
    return endless(batches)


def albumentations(jpegs, affine=False):
    """The same with OpenCV and albumentations in this process."""
    import albumentations
    import cv2

    cv2.setNumThreads(0)
    steps = [albumentations.RandomResizedCrop((224, 224), scale=(0.08, 1.0)), albumentations.HorizontalFlip()]
    if affine:
        steps.append(albumentations.Affine(rotate=(-ROTATION, ROTATION), scale=ZOOM, p=1))
    reach = (0.6, 1.4)
    steps.append(albumentations.ColorJitter(brightness=reach, contrast=reach, saturation=reach, hue=(0, 0), p=1))
    transform = albumentations.Compose([*steps, albumentations.Normalize()])

    def run():
        for start in range(0, len(jpegs), 32):
            pictures = (cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1) for jpeg in jpegs[start : start + 32])
            np.stack([transform(image=cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))["image"] for picture in pictures])
        return len(jpegs)

    return run


def keras_layers(jpegs, layers):
    """Decoded, squeezed to 224 px, then Keras's random layers on whole batches."""
    import tensorflow as tf

    def decode(jpeg):
        return tf.image.resize(tf.io.decode_jpeg(jpeg, channels=3), (224, 224))

    def augment(images):
        for layer in layers:
            images = layer(images, training=True)
        return images

    batches = tf.data.Dataset.from_tensor_slices(jpegs).repeat().map(decode).batch(32).map(augment)
    return endless(batches)


def resize_then_crop(jpegs):
    """VGG's scale jitter as usually written: decode, resize all, crop."""
    import tensorflow as tf

    def load(jpeg):
        image = tf.io.decode_jpeg(jpeg, channels=3)
        size = tf.cast(tf.shape(image)[:2], tf.float32)
        short = tf.random.uniform([], 256, 513)
        image = tf.image.resize(image, tf.cast(tf.math.ceil(size * short / tf.reduce_min(size)), tf.int32))
        return (tf.image.random_flip_left_right(tf.image.random_crop(image, (224, 224, 3))) - 120.0) / 60.0

    batches = tf.data.Dataset.from_tensor_slices(jpegs).repeat().map(load).batch(32)
    return endless(batches)


def small_images(by_keras):
    """28 to 32 px: flip, crop, rotation and colour on whole batches, by our pipeline or by Keras's layers."""
    import keras
    import tensorflow as tf

    from nntricks_keras import data

    x = np.random.default_rng(0).integers(0, 256, (8192, 32, 32, 3), np.uint8)
    if not by_keras:
        split = data.load(((x, np.arange(8192) % 10),) * 2).test
        settings = {"horizontal_flip": True, "padding_crop": 4, "rotation": ROTATION, **JITTER}
        batches = data.pipeline(
            split,
            data.Preprocessing(32, mean=120.0, std=60.0),
            batch_size=128,
            num_classes=10,
            training=True,
            repeat=True,
            augmentation=data.Augmentation(**settings),
        )
        return endless(batches, 64)
    layers = [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.RandomTranslation(0.125, 0.125),
        keras.layers.RandomRotation(ROTATION / 360),
        *color_layers(),
        keras.layers.Normalization(mean=120.0, variance=3600.0),
    ]

    def augment(images):
        for layer in layers:
            images = layer(images, training=True)
        return images

    batches = tf.data.Dataset.from_tensor_slices(x).repeat().batch(128)
    batches = batches.map(lambda images: augment(tf.cast(images, tf.float32)))
    return endless(batches, 64)


def color_layers():
    """Keras's brightness, contrast and saturation."""
    import keras

    return [
        keras.layers.RandomBrightness(0.4, value_range=(0, 255)),
        keras.layers.RandomContrast(0.4, value_range=(0, 255)),
        keras.layers.RandomSaturation((0.3, 0.7), value_range=(0, 255)),
    ]


def endless(batches, number=5):
    """A function that takes the next batches of an endless dataset and says how many images they held."""
    iterator = iter(batches)

    def run():
        elements = (next(iterator) for _ in range(number))
        return sum(len(element[0] if isinstance(element, tuple) else element) for element in elements)

    return run


def recipes(jpegs):
    """(recipe, against, ratio to reach, our run, their run)."""
    import keras

    warp = {**CROP, **JITTER, "rotation": ROTATION, "zoom": ZOOM}
    crop_layers = [keras.layers.RandomZoom((-0.6, 0.0)), keras.layers.RandomFlip("horizontal")]
    warp_layers = [keras.layers.RandomRotation(ROTATION / 360), keras.layers.RandomZoom(0.1), *color_layers()]
    yield "crop + flip + colour", "albumentations", 1.4, ours(jpegs, **CROP, **JITTER), albumentations(jpegs)
    ours_with_warp = ours(jpegs, **warp)
    yield "+ rotation + zoom", "Keras layers", 3.5, ours_with_warp, keras_layers(jpegs, [*crop_layers, *warp_layers])
    yield "+ rotation + zoom", "albumentations", 0.7, ours_with_warp, albumentations(jpegs, affine=True)
    keras_rand = keras_layers(jpegs, [keras.layers.RandAugment(value_range=(0, 255), num_ops=2)])
    yield "RandAugment(2)", "Keras RandAugment", 20.0, ours(jpegs, **CROP, rand_augment=2), keras_rand
    vgg = ours(jpegs, horizontal_flip=True, short_side=(256, 512))
    yield "VGG scale jitter", "resize all, crop", 2.0, vgg, resize_then_crop(jpegs)
    yield "32 px, batched", "Keras layers", 4.0, small_images(False), small_images(True)


def rate(run):
    """Images per second of processor time, what is prepared ahead for the next call included."""
    start = time.process_time()
    number = run()
    wait_until_idle()
    return number / (time.process_time() - start)


def wait_until_idle():
    """Waits until no thread of this process computes: what is prefetched is paid for by who fetches."""
    before = -1.0
    while time.process_time() - before > 5e-3:
        before = time.process_time()
        time.sleep(0.5)  # long enough for a thread to get its turn on a busy machine


def compare(rounds, wanted):
    """Rows of the table, pinned to one core: medians of some rounds in turn, after one to warm up."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rows = []
    for number, (recipe, against, target, our_run, their_run) in enumerate(recipes(make_photographs())):
        if wanted and number not in wanted:
            continue
        rates = np.array([[rate(our_run), rate(their_run)] for _ in range(rounds + 1)])[1:]
        our_rate, their_rate = np.median(rates, axis=0)
        rows.append(
            {
                "recipe": recipe,
                "against": against,
                "our_images_per_second": round(our_rate),
                "their_images_per_second": round(their_rate),
                **summary(rates[:, 0] / rates[:, 1], 2),
                "to_reach": target,
            }
        )
        print(*rows[-1].values(), sep="\t", flush=True)
    return rows


def write(rows, name, header):
    """Keeps the rows in results/ and in the table of pipeline.md, there with the interval in one column."""
    packages = ["tensorflow", "keras", "albumentations", "opencv-python-headless"]
    write_rows(results_file(name, "tensorflow"), rows)
    lines = [
        [*before, f"{low} .. {high}", rounds, target] for *before, low, high, rounds, target in map(dict.values, rows)
    ]
    write_table(HERE / "pipeline.md", name, header, lines, packages)


def main():
    """Prints the table; with --write also keeps it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the results: the CSV and the page's table")
    parser.add_argument("--steps", action="store_true", help="time training steps instead of images a second")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rows", type=int, nargs="*", help="only these rows of the table, counted from 0")
    arguments = parser.parse_args()
    if arguments.write and arguments.rows is not None:
        parser.error("--write keeps the whole table, without --rows")
    if arguments.steps:
        rows = compare_steps(make_photographs(), num_steps=8)
        header, bound = ["step", "fed, ms", "on one batch held, ms"], "at most"
    else:
        rows = compare(arguments.rounds, arguments.rows)
        header, bound = ["recipe", "against", "ours, images/s", "theirs, images/s"], "to reach"
    if arguments.write:
        header += ["ratio", "95 % interval", "rounds", bound]
        write(rows, "pipeline_steps" if arguments.steps else "pipeline", header)


if __name__ == "__main__":
    sys.exit(main())
