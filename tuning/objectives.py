"""What a search makes better: a column of the history, and its direction, which is never guessed."""

from nntricks_keras.errors import InputError, check_name

DIRECTIONS = {"val_top1": "max", "val_top5": "max", "val_loss": "min"}
COLUMNS = [prefix + name for prefix in ("", "val_") for name in ("loss", "top1", "top5")]


def parse_objective(text):
    """The name and the direction of an objective.

    Args:
        text: val_top1, val_top5 or val_loss, whose directions are known; or "NAME:max", "NAME:min" of these
            or of loss, top1 and top5, those of the training images.

    Returns:
        (name, "max" or "min").

    Raises:
        InputError: no such column, no direction, or one that makes a known objective worse.
    """
    name, colon, direction = str(text).partition(":")
    check_name("objective", name, COLUMNS)
    if not colon:
        if name not in DIRECTIONS:
            raise InputError(f"the objective {name!r} has no direction of its own: give {name}:max or {name}:min")
        return name, DIRECTIONS[name]
    if direction not in ("max", "min"):
        raise InputError(f"the direction of an objective is max or min, received {direction!r} in {text!r}")
    if direction != DIRECTIONS.get(name, direction):
        raise InputError(f"{text} would look for the worst: {name} is {DIRECTIONS[name]}imized")
    return name, direction
