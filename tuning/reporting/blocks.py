"""What the sections of a page are made of: a heading with a note, tables, and what scrolls rather than breaks."""

from tuning.reporting.markup import element, join


def scroll(drawn):
    return element("div", drawn, class_="scroll", tabindex="0")


def section(heading, note, *children):
    return element("section", element("h2", heading), element("p", note, class_="muted") if note else None, *children)


def cell(content, value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return element("td", content, class_="number" if is_number else None, data_value=repr(value) if is_number else None)


def table(heads, rows, class_=None):
    sortable = class_ == "sortable"
    cells = [element("th", element("button", head, type="button") if sortable else head, scope="col") for head in heads]
    body = join(element("thead", element("tr", *cells)), element("tbody", *rows))
    return element("div", element("table", body, class_=class_), class_="scroll", tabindex="0")
