"""An experiment on 80 pictures, and a network for it that is traced in a second."""

import dataclasses

import keras
import pytest

import zoo
import zoo.experiment
from tuning.studies import Study, StudySettings

RECIPE = dataclasses.replace(zoo.recipe("standard"), epochs=3, batch_size=24, learning_rate=0.01, seed=0)


def build(experiment, num_classes):
    return keras.Sequential(
        [
            keras.Input((*experiment.preprocessing.image_size, experiment.preprocessing.num_channels)),
            keras.layers.Conv2D(4, 5, strides=4, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(num_classes),
        ]
    )


@pytest.fixture
def pictures(picture_folder, monkeypatch):
    """The experiment; what is trained for it is the small network."""
    monkeypatch.setattr(zoo.experiment, "build", build)
    return zoo.Experiment(data=str(picture_folder), image_size=(16, 16), recipe=RECIPE)


@pytest.fixture
def study(pictures, tmp_path):
    study = Study(tmp_path / "study")
    study.write_settings(StudySettings(pictures, "tricks"))
    return study
