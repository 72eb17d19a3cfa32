"""List the models: name, parameters, multiply-adds, smallest image, weights.

Loads no Keras.
"""

import tyro

from zoo.cards import card
from zoo.names import check_name
from zoo.variants import VARIANTS, list_models


def show(pattern: tyro.conf.Positional[str] = "*") -> int:
    """List the models of the zoo.

    Args:
        pattern: A shell pattern of names, for example "vgg*_bn".
    """
    names = list_models(pattern)
    if not names:
        check_name("model or pattern", pattern, VARIANTS)
    columns = f"{'model':<18} {'parameters':>12} {'multiply-adds':>15} {'image':>12} {'smallest':>9}"
    print(f"{columns}  {'what it is':<31}  weights")
    for name in names:
        variant = VARIANTS[name]
        image = "x".join(map(str, variant.input_shape))
        weights = ", ".join(found.source for found in card(name).weights)
        print(
            f"{name:<18} {variant.parameters:>12,} {variant.multiply_adds:>15,} {image:>12} "
            f"{variant.smallest_size:>9}  {variant.title:<31}  {weights}"
        )
    return 0


def main(argv: list[str]) -> int:
    return tyro.cli(show, args=argv, prog="python -m zoo list")
