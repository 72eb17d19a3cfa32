"""Read every image of a folder and report what cannot be trained on.

Ends with 1 if there is a problem, with 0 if not.
"""

from dataclasses import dataclass
from pathlib import Path

import tyro

from zoo.commands import load_keras_quietly


@dataclass(frozen=True)
class CheckData:
    """Read every image of a folder of class folders; report each bad file with the reason."""

    path: tyro.conf.Positional[Path]
    """Folder of class folders, with or without train, validation and test above them."""


def main(argv: list[str]) -> int:
    settings = tyro.cli(CheckData, args=argv, prog="python -m zoo check-data")
    load_keras_quietly()

    from nntricks_keras import data

    report = data.check_folder(settings.path)
    print(report)
    return 1 if report.problems else 0
