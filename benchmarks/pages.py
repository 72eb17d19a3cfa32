"""What was measured, kept: CSV files named by machine and versions, and tables in Markdown pages."""

import csv
import importlib.metadata
import io
import os
import re
from pathlib import Path

import keras

from nntricks_keras.files import read_rows, write_atomically
from nntricks_keras.hardware import processor_name, usable_cores

RESULTS = Path(__file__).parent / "results"


def write_table(page, name, header, rows, packages=()):
    """Replaces what stands between `<!-- name -->` and `<!-- end of name -->`: this machine, versions, and the table.

    Args:
        page: path of a Markdown file with both marks.
        name: of the table.
        header: names of the columns.
        rows: lists of cells; numbers are set to the right.
        packages: distributions whose versions are told; without any the rows themselves say where they come from.
    """
    before, rest = page.read_text().split(f"<!-- {name} -->\n")
    _, after = rest.split(f"<!-- end of {name} -->")
    cells = [[str(cell) for cell in row] for row in rows]
    numeric = [all(isinstance(row[k], (int, float)) for row in rows) for k in range(len(header))]
    lines = [header, ["---:" if right else "---" for right in numeric], *cells]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    source = f"{', '.join([machine(), *versions(packages)])}:\n\n" if packages else ""
    text = f"{before}<!-- {name} -->\n{source}{table}\n<!-- end of {name} -->{after}"
    write_atomically(page, lambda file: file.write(text.encode()))


def results_file(kind, package):
    """The path of the CSV file of results of that kind on this machine with this version of a package."""
    return _results_of(kind, *versions([package]), machine())


def results_shown(kind, package, page, name):
    """(machine, path of the CSV file) of the results that a table of a page shows; None if it shows none."""
    first = page.read_text().split(f"<!-- {name} -->\n")[1].splitlines()[0]
    source = re.match(rf"(?P<machine>.+?), (?P<version>{package} [^,:]+)", first)
    return source and (source["machine"], _results_of(kind, source["version"], source["machine"]))


def _results_of(kind, version, machine):
    slug = re.sub(r"[^a-z0-9.]+", "-", f"{kind} {version} {machine}".lower()).strip("-")
    return RESULTS / f"{slug}.csv"


def write_rows(path, rows, keys=None):
    """Writes rows (dictionaries) as CSV and returns what the file then holds.

    With `keys`, names of columns, older rows stay that differ from all new ones in them; what they have no column for
    is empty.
    """
    names = list(rows[0])
    if keys:
        rows = list({tuple(str(row.get(key, "")) for key in keys): row for row in [*read_rows(path), *rows]}.values())
    text = io.StringIO()
    writer = csv.DictWriter(text, dict.fromkeys([*names, *(name for row in rows for name in row)]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, lambda file: file.write(text.getvalue().encode()))
    return rows


def write_rows_of_machine(path, rows):
    """Writes rows, whose column "machine" names one, in place of all that the file has of that machine."""
    others = [row for row in read_rows(path) if row.get("machine", "") != rows[0]["machine"]]
    return write_rows(path, [*others, *rows])


def versions(packages):
    """Names of distributions, each with its version."""
    return [f"{package} {importlib.metadata.version(package)}" for package in packages]


def machine():
    """Processor, how many cores there are and may be used, and the GPUs, if the backend sees any."""
    return ", ".join([_in_words(processor_name(), os.cpu_count(), usable_cores()), *_gpus()])


def machine_of(environment):
    """The same of the machine that a run's environment.json names, which tells no GPUs; here they are told."""
    cores = environment["cores"]
    there = _in_words(environment["processor"], cores, environment.get("usable_cores", cores))  # not in older ones
    return machine() if there == _in_words(processor_name(), os.cpu_count(), usable_cores()) else there


def _in_words(processor, cores, usable):
    return f"{processor}, {cores} cores" if usable == cores else f"{processor}, {usable} of {cores} cores"


def _gpus():
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        devices = tf.config.list_physical_devices("GPU")
        return [tf.config.experimental.get_device_details(device).get("device_name", "GPU") for device in devices]
    if backend == "jax":
        import jax

        return [device.device_kind for device in jax.devices() if device.platform == "gpu"]
    import torch

    return [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]
