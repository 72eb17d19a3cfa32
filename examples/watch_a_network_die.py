"""A user's own script, watched: ReLU units die of too large a rate, and health.png shows when and where.

Command:  python examples/watch_a_network_die.py [FOLDER]
Writes:   FOLDER/health.csv and FOLDER/health.png, which is docs/health.png; prints what is wrong once it is seen.
Cost:     less than a minute on 2 processor cores.
"""

import sys

import keras

import zoo
from nntricks_keras import data, health


def main(folder="watched", rate=0.3, steps=120):
    keras.utils.set_random_seed(1)
    images = data.load("fashion_mnist_mini")
    mean, std = data.channel_statistics(images.train)
    preprocessing = data.Preprocessing(image_size=28, mean=mean, std=std, channels="grey")
    settings = {"preprocessing": preprocessing, "batch_size": 64, "num_classes": images.num_classes}
    train = data.pipeline(images.train, training=True, repeat=True, **settings)

    model = zoo.vgg_mini((28, 28, 1), 10, activation="relu", norm=None, width=0.5)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), loss, metrics=["accuracy"])
    held = data.pipeline(images.train, training=True, **settings).take(2)
    health.preflight(model, held)
    watch = health.LayerHealth(held, every=max(steps // 24, 1), folder=folder, title=f"vgg_mini, ReLU, rate {rate}")
    model.fit(train, steps_per_epoch=steps, epochs=1, shuffle=False, verbose=0, callbacks=[watch])
    return watch.report


if __name__ == "__main__":
    print(main(*sys.argv[1:2]).table())
