"""What a command works on: a trained run, or a model of the zoo with public weights."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.cards import card
from zoo.names import UsageError, check_name
from zoo.variants import VARIANTS


@dataclass(frozen=True)
class Chosen:
    """A model with what it needs: how images are prepared, and what its classes are called."""

    name: str
    model: Any
    preprocessing: Any
    class_names: list[str]


def check_choice(model_or_run):
    """Refuses what is neither a folder nor a model with public weights. Loads no Keras."""
    if Path(model_or_run).is_dir():
        return
    if os.sep in model_or_run:
        raise UsageError(f"{model_or_run}: no such run folder")
    check_name("model or run folder", model_or_run, VARIANTS)
    if not card(model_or_run).weights:
        public = ", ".join(name for name in VARIANTS if card(name).weights)
        raise UsageError(
            f"there are no public weights of {model_or_run}; of these there are: {public}; or name a run folder"
        )


def choose(model_or_run):
    """The model of a run folder (the epoch that it keeps), or the named one with the first weights of its card."""
    import zoo
    from nntricks_keras import training
    from zoo.cards.classes import class_names

    if Path(model_or_run).is_dir():
        run = training.Run.open(model_or_run)
        return Chosen(Path(model_or_run).name, run.load_model(), run.preprocessing, run.class_names)
    source = card(model_or_run).weights[0].source
    names = class_names(source)
    preprocessing = zoo.preprocessing(model_or_run, source)
    model = zoo.create(
        model_or_run,
        input_shape=preprocessing.input_shape,
        num_classes=len(names),
        weights=source,
        initializer="zeros",
    )
    return Chosen(model_or_run, model, preprocessing, names)
