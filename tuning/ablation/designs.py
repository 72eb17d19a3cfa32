"""Which recipes are trained, and which pairs of them say what a trick buys. A recipe is the set of its tricks."""

import dataclasses
import itertools

from nntricks_keras.errors import InputError, check_name

LEAVE_ONE_OUT, ADD_ONE_IN, FACTORIAL = DESIGNS = ("leave_one_out", "add_one_in", "factorial")
TITLES = {LEAVE_ONE_OUT: "taken out of the full recipe", ADD_ONE_IN: "added to the bare recipe", FACTORIAL: "factorial"}
FEW = 4  # tricks, of which all combinations are trained unless other designs are asked for


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two recipes that differ in one trick."""

    without: frozenset
    with_it: frozenset


def check_designs(designs, num_tricks):
    """The designs asked for, in order; of few tricks all three by default, of more the first two."""
    if designs is None:
        return DESIGNS if num_tricks <= FEW else DESIGNS[:2]
    for design in designs:
        check_name("design", design, DESIGNS)
    if not designs:
        raise InputError(f"an ablation needs a design: {', '.join(DESIGNS)}")
    return tuple(design for design in DESIGNS if design in designs)


def pairs(design, names):
    """{trick: its pairs}: one pair of leave_one_out and add_one_in, 2 ** (tricks - 1) of the factorial."""
    everything = frozenset(names)
    if design == LEAVE_ONE_OUT:
        return {name: [Pair(everything - {name}, everything)] for name in names}
    if design == ADD_ONE_IN:
        return {name: [Pair(frozenset(), frozenset([name]))] for name in names}
    return {name: [Pair(other, other | {name}) for other in _subsets(everything - {name})] for name in names}


def recipes(designs, names):
    """The recipes that the designs need, each once, from the bare one to the full one."""
    needed = {
        recipe
        for design in designs
        for found in pairs(design, names).values()
        for pair in found
        for recipe in (pair.without, pair.with_it)
    }
    return sorted(
        needed, key=lambda recipe: (len(recipe), [names.index(name) for name in sorted(recipe, key=names.index)])
    )


def name_of(recipe, names):
    """bare, full, only-norm, without-norm, or norm+keep_prob: also the name of its folder."""
    on = [name for name in names if name in recipe]
    off = [name for name in names if name not in recipe]
    if not off:
        return "full"
    if not on:
        return "bare"
    if len(on) == 1:
        return f"only-{on[0]}"
    return f"without-{off[0]}" if len(off) == 1 else "+".join(on)


def _subsets(names):
    ordered = sorted(names)
    sizes = range(len(ordered) + 1)
    return [frozenset(chosen) for size in sizes for chosen in itertools.combinations(ordered, size)]
