"""examples/README.md and the Measured part of each example's docstring, both written from results.csv."""

import functools
import importlib
import re
import textwrap
from pathlib import Path

from examples.measuring.claims import Claim
from examples.measuring.running import EXAMPLES, read_rows, spread

START, END = "<!-- gallery: written by python -m examples -->", "<!-- end of gallery -->"
# The last part of an example's docstring, from results.csv.
MEASURED = re.compile(r"\nMeasured  .*?(?=\n\"\"\")", re.DOTALL)


def names():
    """The examples that measure a claim, in the order of the lecture: those files that bear a NUMBER."""
    found = [path.stem for path in EXAMPLES.glob("*.py") if "\nNUMBER = " in path.read_text()]
    return sorted(found, key=lambda name: claim_of(name).number)


def claim_of(name):
    return Claim.of(importlib.import_module(f"examples.{name}"))


def rebuild(folder=EXAMPLES):
    """Writes the gallery between its marks in README.md, and what was measured into the docstrings."""
    rows = read_rows(Path(folder) / "results.csv")
    readme = Path(folder) / "README.md"
    before, _, rest = readme.read_text().partition(START)
    after = rest.partition(END)[2]
    readme.write_text(before + START + "\n\n" + gallery(rows) + END + after)
    for name in names():
        path = Path(folder) / f"{name}.py"
        path.write_text(with_measured(path.read_text(), [row for row in rows if row["name"] == name]))


def gallery(rows):
    """The table of verdicts, then every claim with its picture and its numbers, as Markdown."""
    by_name = {name: [row for row in rows if row["name"] == name] for name in names()}
    by_name = {name: own for name, own in by_name.items() if own}
    lines = ["| | claim of the lecture | verdict | headline number, with its 95 % interval |", "|---:|---|---|---|"]
    for name, own in by_name.items():
        claim = claim_of(name)
        lines.append(
            f"| {claim.number} | [{claim.title}](#{anchor(claim)}) | {own[0]['verdict']} | "
            f"{own[0]['check']}: {spread(own[0])} |"
        )
    for name, own in by_name.items():
        claim = claim_of(name)
        lines += [
            "",
            f"### {claim.number}. {claim.title}",
            "",
            f"{claim.statement[0].upper()}{claim.statement[1:]} Source: {claim.source}",
            "",
            f"![{claim.title}](pictures/{name}.png)",
            "",
            f"**{own[0]['verdict'].capitalize()}.** [`python -m examples.{name}`]({name}.py), {own[0]['seconds']} s.",
            "",
            "| what was checked | mean and 95 % interval | claimed | |",
            "|---|---|---|---|",
            *(f"| {row['check']} | {spread(row)} | {row['claimed']} | {row['outcome']} |" for row in own),
            *(("", claim.note) if claim.note else ()),
        ]
    return "\n".join(lines) + "\n\n"


def anchor(claim):
    """The anchor that Markdown gives the claim's heading."""
    words = f"{claim.number}. {claim.title}".lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def with_measured(source, rows):
    """The source of an example with the Measured part of its docstring made from its rows of results.csv."""
    if not rows:
        return source
    first = rows[0]
    hardware = f"{first['cores']} cores of {first['processor']}, {first['seconds']} s, {first['date']}"
    lines = [f"{first['verdict']} ({hardware})", *(f"{row['outcome']}: {row['check']}: {spread(row)}" for row in rows)]
    wrap = functools.partial(textwrap.fill, width=120, break_long_words=False, subsequent_indent=" " * 12)
    wrapped = [wrap(line, initial_indent=" " * 10 if place else "Measured  ") for place, line in enumerate(lines)]
    return MEASURED.sub(lambda _: "\n" + "\n".join(wrapped), source, count=1)
