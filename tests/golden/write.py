"""Writes what this release saves, for later releases to load: once a release, before it is tagged.

python -m tests.golden.write        # tests/golden/VERSION/
"""

import dataclasses
import shutil
from pathlib import Path

import keras
import numpy as np

import nntricks_keras
import zoo
from nntricks_keras import folding, initializers, layers

HERE = Path(__file__).resolve().parent
PARTS = ("experiment.json", "inputs.json", "history.csv", "metrics.json", "model.keras")  # of a run, without its state


def every_layer():
    """A model with each layer, and each initializer on a kernel."""
    kernels = [
        initializers.Gaussian(0.1),
        initializers.Xavier("uniform"),
        initializers.Glorot("truncated_normal"),
        initializers.He("orthogonal", negative_slope=0.1),
        initializers.for_activation("elu", alpha=0.5),
    ]
    tricks = [
        layers.LeakyReLU(0.02),
        layers.PReLU(shared=False),
        layers.PReLU(0.1),
        layers.RReLU(),
        layers.ELU(0.5),
        layers.CELU(2.0),
        layers.ParametricELU(0.7, 1.3),
        layers.ScaledTanh(),
        layers.BatchNorm(alpha=0.2),
        layers.LocalResponseNorm(3),
        layers.Dropout(0.8),
        layers.GroupedConv2D(8, 3, groups=2, padding="same", kernel_initializer=initializers.He(groups=2)),
    ]
    x = inputs = keras.Input((6, 6, 4))
    for kernel in kernels:
        x = keras.layers.Conv2D(8, 3, padding="same", kernel_initializer=kernel)(x)
        x = layers.BatchNorm()(x)
    for trick in tricks:
        x = trick(x)
    return keras.Model(inputs, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))


def main():
    folder = HERE / nntricks_keras.__version__
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)

    model = every_layer()
    model.compile("sgd", "mse")
    model.fit(rng.normal(size=(32, 6, 6, 4)), rng.normal(size=(32, 3)), verbose=0)  # so that nothing is at its start
    model.save(folder / "layers.keras", include_optimizer=False)
    folding.fold(model).save(folder / "folded.keras")
    x = rng.normal(size=(4, 6, 6, 4)).astype("float32")

    thin = zoo.vgg_mini(width=0.3)
    zoo.export_weights(thin, "keras", folder / "vgg_mini.weights.h5")

    recipe = dataclasses.replace(zoo.recipe("standard"), epochs=1)
    run = zoo.train(zoo.Experiment(arguments={"width": 0.3}, recipe=recipe), folder / "trained", health=False).folder
    (folder / "run").mkdir()
    for part in PARTS:
        shutil.copy(run / part, folder / "run" / part)
    shutil.rmtree(run)

    pictures = rng.normal(size=(4, 28, 28, 1)).astype("float32")
    np.savez_compressed(
        folder / "outputs.npz",
        keras=keras.__version__,
        x=x,
        layers=model(x, training=False),
        pictures=pictures,
        thin=thin(pictures, training=False),
        run=keras.models.load_model(folder / "run" / "model.keras")(pictures, training=False),
    )


if __name__ == "__main__":
    main()
