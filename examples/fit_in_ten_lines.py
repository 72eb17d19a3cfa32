"""A user's own script: a builder, a pipeline, compile, fit. Nothing of ours but the parts is needed.

Command:  python examples/fit_in_ten_lines.py
Cost:     about a minute on 2 processor cores.
"""

import sys

import keras

import zoo
from nntricks_keras import data


def main(epochs=3):
    images = data.load("fashion_mnist_mini")
    mean, std = data.channel_statistics(images.train)
    preprocessing = data.Preprocessing(image_size=28, mean=mean, std=std, channels="grey")
    settings = {"preprocessing": preprocessing, "batch_size": 64, "num_classes": images.num_classes}
    flips = data.Augmentation.preset("flip")

    model = zoo.vgg_mini((28, 28, 1), 10, activation="elu", norm="batch", keep_prob=0.8)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), loss, metrics=["accuracy"])
    train = data.pipeline(images.train, augmentation=flips, training=True, **settings)
    model.fit(train, validation_data=data.pipeline(images.validation, **settings), epochs=epochs, shuffle=False)
    return model.evaluate(data.pipeline(images.test, **settings), return_dict=True)


if __name__ == "__main__":
    print(main(*map(int, sys.argv[1:])))
