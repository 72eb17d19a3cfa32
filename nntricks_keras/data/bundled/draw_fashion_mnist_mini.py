"""Draws the bundled set: 10,000 training and 2,000 test images of Fashion-MNIST, equally many of each class.

    python -m nntricks_keras.data.bundled.draw_fashion_mnist_mini --data-dir TFDS_FOLDER

TFDS_FOLDER holds `fashion_mnist` as TensorFlow Datasets prepared it (`tfds build fashion_mnist`). The images go to
`fashion_mnist_mini/1.0.0` beside this file, where `data.load("fashion_mnist_mini")` reads them like any other TFDS
name. Fashion-MNIST is Copyright (c) 2017 Zalando SE, MIT licence: `fashion_mnist_mini/LICENSE`.
"""

import argparse
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

BUNDLED = Path(__file__).resolve().parent
SEED = 2017
NUM_CLASSES = 10
IMAGES_PER_CLASS = {"train": 1000, "test": 200}


class FashionMnistMini(tfds.core.GeneratorBasedBuilder):
    """A class-balanced sixth of Fashion-MNIST, drawn from the split of the same name."""

    VERSION = tfds.core.Version("1.0.0")
    # Said outright: TFDS cannot infer it when this file is run as a script.
    pkg_dir_path = epath.Path(BUNDLED)
    # The folder that holds the prepared fashion_mnist; set by main, because TFDS makes the builder itself.
    source_dir = None

    def _info(self):
        names = tfds.builder("fashion_mnist", data_dir=self.source_dir).info.features["label"].names
        return self.dataset_info_from_configs(
            description="10,000 training and 2,000 test images of Fashion-MNIST, equally many of each class.",
            features=tfds.features.FeaturesDict(
                {"image": tfds.features.Image(shape=(28, 28, 1)), "label": tfds.features.ClassLabel(names=names)}
            ),
            supervised_keys=("image", "label"),
            homepage="https://github.com/zalandoresearch/fashion-mnist",
            license="MIT, Copyright (c) 2017 Zalando SE, https://tech.zalando.com",
        )

    def _split_generators(self, dl_manager):
        return {split: self._generate_examples(split) for split in IMAGES_PER_CLASS}

    def _generate_examples(self, split):
        images, labels = tfds.load(
            "fashion_mnist", split=split, data_dir=self.source_dir, download=False, batch_size=-1, as_supervised=True
        )
        labels = labels.numpy()
        rng = np.random.default_rng([SEED, *split.encode()])
        for label in range(NUM_CLASSES):
            members = np.flatnonzero(labels == label)
            for index in np.sort(rng.choice(members, IMAGES_PER_CLASS[split], replace=False)):
                yield int(index), {"image": images[index].numpy(), "label": label}


def main():
    """Draws the set, unless it is there already."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True, help="folder with the prepared TFDS fashion_mnist")
    parser.add_argument("--to", default=BUNDLED, help="folder to write into (default: beside this file)")
    arguments = parser.parse_args()
    FashionMnistMini.source_dir = arguments.data_dir
    FashionMnistMini(data_dir=arguments.to).download_and_prepare()


if __name__ == "__main__":
    main()
