"""The tricks inside a network as hyperparameters."""

import dataclasses

from tuning.own_values import choice, grid_float, log_float, name_of, settings_of, with_recipe, with_settings
from zoo import variants

ACTIVATIONS = ("relu", "leaky_relu", "prelu", "elu", "celu", "scaled_tanh", "tanh")
ALPHAS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)  # of elu and celu
DEPTHS = (11, 13, 16, 19)  # of the VGGs; "16c" and "11_lrn" are one of a kind
STAGE_DEPTHS = (1, 2, 3)  # of vgg_mini


def network(hp, experiment):
    """Activation, initializer, norm, keep_prob, head, width and depth.

    From trained weights (`initial_weights`) keep_prob alone is free: the rest is what the weights were trained with.
    """
    own = experiment.arguments
    variant = variants.find(experiment.model)
    arguments = {
        **own,
        "keep_prob": grid_float(hp, "keep_prob", 0.5, 1.0, 0.1, own.get("keep_prob", variant.keep_prob)),
    }
    if experiment.initial_weights:
        return dataclasses.replace(experiment, arguments=arguments)
    arguments["activation"] = _activation(hp, own.get("activation", "relu"))
    arguments["initializer"] = _initializer(hp, own.get("initializer", "auto"))
    arguments |= _norm(hp, own, variant.norm)
    # "conv" is left out: the same network as "dense".
    arguments["head"] = choice(hp, "head", ("dense", "pool"), own.get("head", variant.head))
    width = own.get("width", 1.0)
    arguments["width"] = choice(hp, "width", [width * factor for factor in (0.5, 0.75, 1.0, 1.5)], width)
    return _depth(hp, dataclasses.replace(experiment, arguments=arguments), variant)


def tricks(hp, experiment):
    """The tricks of the lecture (`network`), and the learning rate, whose best value depends on them.

    Args:
        hp: keras_tuner.HyperParameters.
        experiment: zoo.Experiment, what all trials have in common.

    Returns:
        The zoo.Experiment of this trial.
    """
    experiment = network(hp, experiment)
    low, high = {"sgd": (0.005, 0.5), "adamw": (1e-4, 0.02), "muon": (0.003, 0.1)}[experiment.recipe.optimizer]
    return with_recipe(
        experiment, learning_rate=log_float(hp, "learning_rate", low, high, experiment.recipe.learning_rate)
    )


def _activation(hp, own):
    given = settings_of(own)
    activation = choice(hp, "activation", ACTIVATIONS, name_of(own))
    drawn = {}
    with hp.conditional_scope("activation", ["leaky_relu"]):
        drawn["negative_slope"] = log_float(hp, "negative_slope", 0.01, 0.3, given.get("negative_slope", 0.01))
    with hp.conditional_scope("activation", ["elu", "celu"]):
        drawn["alpha"] = choice(hp, "activation_alpha", ALPHAS, float(given.get("alpha", 1.0)))
    drawn = {name: value for name, value in drawn.items() if value is not None}
    return with_settings(activation, (given if activation == name_of(own) else {}) | drawn)


def _initializer(hp, own):
    initializer = choice(hp, "initializer", ("auto", "he", "glorot", "xavier"), name_of(own))
    return with_settings(initializer, settings_of(own) if initializer == name_of(own) else {})


def _norm(hp, own, of_variant):
    """The arguments norm and norm_position."""
    given = settings_of(own.get("norm", "auto"))
    name = name_of(own.get("norm", "auto"))
    name = (of_variant if name == "auto" else name) or "none"
    norm = choice(hp, "norm", ("batch", "lrn", "none"), name)
    with hp.conditional_scope("norm", ["batch"]):
        position = choice(hp, "norm_position", ("before", "after"), own.get("norm_position"))
        alpha = log_float(hp, "norm_alpha", 0.02, 0.5, given.get("alpha", 0.1) if name == "batch" else 0.1)
    settings = given if norm == name else {}
    if norm == "batch":
        return {"norm": {"name": "batch", **settings, "alpha": alpha}, "norm_position": position}
    return {"norm": None if norm == "none" else with_settings(norm, settings)}


def _depth(hp, experiment, variant):
    """Of the VGGs that were published in four depths, which one; of vgg_mini, the convolutions in each stage."""
    if experiment.model == "vgg_mini":
        depth = choice(hp, "depth", STAGE_DEPTHS, experiment.arguments.get("depth", len(variant.stages[0].convs)))
        return dataclasses.replace(experiment, arguments={**experiment.arguments, "depth": depth})
    models = {depth: f"vgg{depth}{'_bn' if variant.norm == 'batch' else ''}" for depth in DEPTHS}
    if experiment.model not in models.values() or "depth" in experiment.arguments:
        return experiment
    own = next(depth for depth, model in models.items() if model == experiment.model)
    return dataclasses.replace(experiment, model=models[choice(hp, "depth", DEPTHS, own)])
