"""Frozen dataclasses to plain JSON values and back. A key that the class does not know is refused, by name."""

import dataclasses
import types
import typing

from nntricks_keras.errors import InputError

KINDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    dict: "an object of settings",
}


class Json:
    """The base of a frozen dataclass that goes to JSON values and comes back."""

    def to_dict(self):
        return to_dict(self)

    @classmethod
    def from_dict(cls, values):
        return from_dict(cls, values)


def to_dict(settings):
    """A dataclass instance as a dictionary of JSON values (tuples become lists)."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(item) for item in value]
        return value

    return plain(dataclasses.asdict(settings))


def differences(values, others):
    """Where two nested dictionaries differ: {"recipe.epochs": (value, other), ...}, None for what one of them lacks."""
    one, other = _flat(values), _flat(others)
    return {
        name: (one.get(name), other.get(name)) for name in sorted({*one, *other}) if one.get(name) != other.get(name)
    }


def in_words(changed, where=""):
    """What `differences` found between before and now, as a list of texts that name each setting and both values."""
    return [f"{where}{name} was {before!r}, now {now!r}" for name, (before, now) in changed.items()]


def from_dict(cls, values, where=""):
    """The instance of dataclass `cls` that `to_dict` wrote. Missing keys take their default, unknown ones raise."""
    where = where or cls.__name__
    if not isinstance(values, dict):
        raise InputError(f"{where} has to be an object of settings, received {values!r}")
    hints = typing.get_type_hints(cls)
    known = {field.name: field for field in dataclasses.fields(cls) if field.init}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(f"{where} has no setting {', '.join(map(repr, unknown))}; it has: {', '.join(known)}")
    missing = [
        name
        for name, field in known.items()
        if name not in values and field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise InputError(f"{where} lacks {', '.join(map(repr, missing))}")
    return cls(**{name: _revive(hints[name], value, f"{where}.{name}") for name, value in values.items()})


def _revive(hint, value, where):
    """JSON value -> what the annotation says; InputError where it is of another kind.

    Nested dataclasses, tuples and dictionaries are looked into; unions of several kinds and lists are not.
    """
    origin, of = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _revive(of[0], value, where)
    if origin in (typing.Union, types.UnionType):
        options = [option for option in of if option is not types.NoneType]
        return value if value is None or len(options) > 1 else _revive(options[0], value, where)
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, where)
    if origin is tuple:
        if not isinstance(value, (list, tuple)):
            return _revive(of[0], value, where)  # one number that stands for all
        return tuple(_revive(of[0], item, f"{where}[{index}]") for index, item in enumerate(value))
    if origin is dict:
        _check(value, dict, where)
        return {key: _revive(of[1], item, f"{where}.{key}") for key, item in value.items()}
    _check(value, dict if typing.is_typeddict(hint) else hint, where)
    return value


def _check(value, wanted, where):
    """Raises InputError unless the value is of that kind, if it is one of KINDS; a whole number is a number too."""
    if wanted not in KINDS:
        return
    kind = (int, float) if wanted is float else wanted
    if not isinstance(value, kind) or (isinstance(value, bool) and wanted is not bool):
        raise InputError(f"{where} has to be {KINDS[wanted]}, received {value!r}")


def _flat(values, prefix=""):
    flat = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
