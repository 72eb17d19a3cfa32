"""Flags that take patterns of layer names, each with a number: --unfreeze 'conv*' 3 'fc6' 5."""

import typing

import tyro

REGISTRY = tyro.constructors.ConstructorRegistry()


@REGISTRY.primitive_rule
def numbers_by_pattern(info):
    """One flag for a dict[str, number], whatever is in it by default: tyro itself would make a flag of each key."""
    if typing.get_origin(info.type) is not dict:
        return None
    _, number = typing.get_args(info.type)

    def parse(words):
        if len(words) % 2:
            raise ValueError(f"a number is missing after the pattern {words[-1]!r}")
        return {pattern: number(value) for pattern, value in zip(words[::2], words[1::2], strict=True)}

    return tyro.constructors.PrimitiveConstructorSpec(
        nargs="*",
        metavar="[PATTERN NUMBER ...]",
        instance_from_str=parse,
        is_instance=lambda value: isinstance(value, dict),
        str_from_instance=lambda value: [word for pattern in value.items() for word in map(str, pattern)],
    )
