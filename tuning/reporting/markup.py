"""HTML and SVG as text in which whatever is not markup has been escaped."""

import html

VOID = {"meta", "br", "input"}


class Markup(str):
    """Text that is markup already. Every other string is the user's, and is escaped where it meets markup."""

    __slots__ = ()


def escape(value):
    """`value` as Markup: escaped, quotes too, unless it is Markup."""
    return value if isinstance(value, Markup) else Markup(html.escape(str(value), quote=True))


def join(*children):
    """Children one after another; None is left out."""
    return Markup("".join(escape(child) for child in children if child is not None))


def element(name, /, *children, **attributes):
    """<name attributes>children</name>.

    Attributes are written with a dash for an underscore (`class_` is class); None and False leave one out, True writes
    its name alone; a float gets two decimals, enough for pixels.
    """
    written = "".join(
        _attribute(key.rstrip("_").replace("_", "-"), value)
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    opening = f"<{name}{written}>"
    return Markup(opening if name in VOID else f"{opening}{join(*children)}</{name}>")


def _attribute(name, value):
    if value is True:
        return f" {name}"
    return f' {name}="{escape(f"{value:.2f}" if isinstance(value, float) else value)}"'
