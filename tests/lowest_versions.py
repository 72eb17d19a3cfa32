"""Prints requirements for pip: of every dependency the lowest version that pyproject.toml allows (make test-lowest)."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for requirement in dict.fromkeys([*project["dependencies"], *extras["test"]]):
    name, version = requirement.split(">=")
    print(f"{name}=={version}" if version.count(".") > 1 else f"{name}=={version}.*")  # 2.20 means the newest 2.20.x
