"""Tables of measurements in Markdown pages, written by what measured them."""

import importlib.metadata
import os

from nntricks_keras.training.run_folder import processor_name


def write_table(page, name, header, rows, packages):
    """Replaces what stands between `<!-- name -->` and `<!-- end of name -->`: the machine, versions, and the table.

    Args:
        page: path of a Markdown file with both marks.
        name: of the table.
        header: names of the columns.
        rows: lists of cells; numbers are set to the right.
        packages: distributions whose versions are told.
    """
    before, rest = page.read_text().split(f"<!-- {name} -->\n")
    _, after = rest.split(f"<!-- end of {name} -->")
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
    cells = [[str(cell) for cell in row] for row in rows]
    numeric = [all(isinstance(row[k], (int, float)) for row in rows) for k in range(len(header))]
    lines = [header, ["---:" if right else "---" for right in numeric], *cells]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    body = f"{machine()}, {versions}:\n\n{table}\n"
    page.write_text(f"{before}<!-- {name} -->\n{body}<!-- end of {name} -->{after}")


def machine():
    """Processor and how many cores this machine has."""
    return f"{processor_name()}, {os.cpu_count()} cores"
