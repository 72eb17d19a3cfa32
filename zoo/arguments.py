"""What a model builder takes, as an Experiment holds it and as the command line takes it."""

import json
from typing import Annotated, Literal, TypedDict

import tyro


def _trick_of(words):
    """What a flag says of a trick: a name, None, or settings as JSON."""
    if not words[0].startswith("{"):
        return None if words[0] == "None" else words[0]
    try:
        return json.loads(words[0])
    except json.JSONDecodeError as error:
        raise ValueError(f"{words[0]} is not JSON: {error}") from None


# A name, None, or settings such as {"name": "elu", "alpha": 0.5}, which a flag takes as JSON.
Trick = Annotated[
    str | dict | None,
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="NAME|JSON",
        instance_from_str=_trick_of,
        is_instance=lambda value: value is None or isinstance(value, (str, dict)),
        str_from_instance=lambda value: [json.dumps(value) if isinstance(value, dict) else str(value)],
    ),
]


class Arguments(TypedDict, total=False):
    """What a model builder takes; what is not set is the model's own choice."""

    activation: Trick
    """after every hidden layer: relu, leaky_relu, prelu, rrelu, elu, celu, parametric_elu, scaled_tanh, tanh, ..., or
    settings: '{"name": "elu", "alpha": 0.5}'"""
    initializer: Trick
    """auto (keeps the variance through the activation), paper, he, glorot, xavier, gaussian, zeros, or settings"""
    norm: Trick
    """on the convolutions: auto (the model's own), batch, lrn, None, or settings"""
    norm_position: Literal["before", "after", "pooled"]
    """the activation; pooled: before it, and both after a pooling, which is less to compute"""
    keep_prob: float
    """share of units dropout keeps"""
    head: Literal["dense", "conv", "pool"]
    """dense layers, the same as convolutions, or global average pooling"""
    width: float
    """multiplies the channels, rounded to 8"""
    depth: int
    """of a VGG: convolutions in each stage, instead of its own numbers"""
