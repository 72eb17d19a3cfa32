"""What is written of the measured lecture, from results.csv: gallery, table of the front page, docstrings."""

import functools
import importlib
import re
import textwrap

from examples.measuring.claims import Claim
from examples.measuring.running import EXAMPLES, spread
from nntricks_keras.files import read_rows

START, END = "<!-- gallery: written by python -m examples -->", "<!-- end of gallery -->"
FRONT_PAGE = EXAMPLES.parent / "README.md"
# The last part of an example's docstring, from results.csv.
MEASURED = re.compile(r"\nMeasured  .*?(?=\n\"\"\")", re.DOTALL)


def names():
    """The examples that measure a claim, in the order of the lecture: those files that bear a NUMBER."""
    found = [path.stem for path in EXAMPLES.glob("*.py") if "\nNUMBER = " in path.read_text()]
    return sorted(found, key=lambda name: claim_of(name).number)


def claim_of(name):
    return Claim.of(importlib.import_module(f"examples.{name}"))


def rebuild():
    """Writes the gallery, the table on the front page, and what was measured into the docstrings."""
    rows = read_rows(EXAMPLES / "results.csv")
    for page, content in [(EXAMPLES / "README.md", gallery(rows)), (FRONT_PAGE, table(rows, "examples/README.md"))]:
        before, _, rest = page.read_text().partition(START)
        page.write_text(f"{before}{START}\n\n{content}\n{END}{rest.partition(END)[2]}")
    for name in names():
        path = EXAMPLES / f"{name}.py"
        path.write_text(with_measured(path.read_text(), [row for row in rows if row["name"] == name]))


def by_example(rows):
    """{name: its rows} in the order of the lecture, of the examples that have any."""
    own = {name: [row for row in rows if row["name"] == name] for name in names()}
    return {name: found for name, found in own.items() if found}


def table(rows, page=""):
    """Claim, verdict and headline number of every example, as Markdown; the claims link to the gallery in `page`."""
    lines = ["| | claim of the lecture | verdict | headline number, with its 95 % interval |", "|---:|---|---|---|"]
    for name, own in by_example(rows).items():
        claim = claim_of(name)
        lines.append(
            f"| {claim.number} | [{claim.title}]({page}#{anchor(claim)}) | {own[0]['verdict']} | "
            f"{own[0]['check']}: {spread(own[0])} |"
        )
    return "\n".join(lines) + "\n"


def gallery(rows):
    """The table of verdicts, then every claim with its picture and its numbers, as Markdown."""
    lines = [table(rows)]
    for name, own in by_example(rows).items():
        claim = claim_of(name)
        lines += [
            f"### {claim.number}. {claim.title}",
            "",
            f"{claim.statement[0].upper()}{claim.statement[1:]} Source: {claim.source}",
            "",
            f"![{claim.title}](pictures/{name}.png)",
            "",
            f"**{own[0]['verdict'].capitalize()}.** [`{command(own[0])}`]({name}.py), {seconds(own[0])}.",
            "",
            "| what was checked | mean and 95 % interval | claimed | |",
            "|---|---|---|---|",
            *(f"| {row['check']} | {spread(row)} | {row['claimed']} | {row['outcome']} |" for row in own),
            *(("", claim.note) if claim.note else ()),
            "",
        ]
    return "\n".join(lines)


def command(row):
    """What measured a row."""
    return f"python -m examples.{row['name']}{' --full' if row.get('size') == 'full' else ''}"


def seconds(row):
    """How long it took; an example that had fewer threads than there are cores ran beside others."""
    threads = row.get("threads") or row["cores"]  # not noted in older rows
    return f"{row['seconds']} s" + (f" with {threads} of {row['cores']} threads" if threads != row["cores"] else "")


def anchor(claim):
    """The anchor that Markdown gives the claim's heading."""
    words = f"{claim.number}. {claim.title}".lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def with_measured(source, rows):
    """The source of an example with the Measured part of its docstring made from its rows of results.csv."""
    if not rows:
        return source
    first = rows[0]
    full = "--full, " if first.get("size") == "full" else ""
    hardware = f"{full}{first['cores']} cores of {first['processor']}, {seconds(first)}, {first['date']}"
    lines = [f"{first['verdict']} ({hardware})", *(f"{row['outcome']}: {row['check']}: {spread(row)}" for row in rows)]
    wrap = functools.partial(textwrap.fill, width=120, break_long_words=False, subsequent_indent=" " * 12)
    wrapped = [wrap(line, initial_indent=" " * 10 if place else "Measured  ") for place, line in enumerate(lines)]
    return MEASURED.sub(lambda _: "\n" + "\n".join(wrapped), source, count=1)
