"""A run folder as training leaves it, made without training."""

import json

import zoo
from nntricks_keras import serialization
from nntricks_keras.data import Preprocessing


def make_run(folder, **arguments):
    """Saves a small untrained model with what it expects of images, and returns the model."""
    folder.mkdir()
    model = zoo.vgg_mini(input_shape=(28, 28, 3), num_classes=3, width=0.34, **arguments)
    model.save(folder / "model.keras")
    inputs = {
        "preprocessing": serialization.to_dict(Preprocessing((28, 28), mean=120, std=60)),
        "class_names": ["flamingo", "tabby", "dalmatian"],
        "image_shape": [28, 28, 3],
    }
    (folder / "inputs.json").write_text(json.dumps(inputs))
    return model
