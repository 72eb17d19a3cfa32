"""Writes the reference when the site is built: a page a package, on it every public name, where it is defined."""

import importlib
import inspect
import os
import sys
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

PACKAGES = [
    "nntricks_keras.layers",
    "nntricks_keras.initializers",
    "nntricks_keras.folding",
    "nntricks_keras.data",
    "nntricks_keras.training",
    "nntricks_keras.evaluation",
    "nntricks_keras.health",
    "zoo",
    "tuning",
]


def public_names(package):
    """The names a package offers, each with the object it stands for."""
    module = importlib.import_module(package)
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == package
    ]
    return {name: getattr(module, name) for name in names}


def anchor(name, value):
    """Where a name stands on its page: at its definition, or, for a model builder, at a heading of its own."""
    return name if is_builder(value) else f"{value.__module__}.{value.__qualname__}"


def is_builder(value):
    """Builders are made from the table of variants: no source shows their docstrings."""
    return value.__module__ == "zoo.network"


def page_of(package):
    """The Markdown of a package's page: its own words, then its names."""
    lines = [f"# {package}", "", inspect.getdoc(importlib.import_module(package)) or "", ""]
    for name, value in public_names(package).items():
        if is_builder(value):
            lines += [f"## {name}", "", f"```\n{name}{inspect.signature(value)}\n```", "", inspect.getdoc(value), ""]
        else:
            lines += [f"::: {anchor(name, value)}", "    options: {heading_level: 2}", ""]
    return "\n".join(lines)


def on_config(config):
    config.nav.append({"Reference": [f"reference/{package}.md" for package in PACKAGES]})
    return config


def on_files(files, config):
    for package in PACKAGES:
        files.append(File.generated(config, f"reference/{package}.md", content=page_of(package)))
    return files


def on_post_page(output, page, config):
    """Fails the build where a public name did not come out on its page."""
    package = page.file.src_uri.removeprefix("reference/").removesuffix(".md")
    if package in PACKAGES:
        for name, value in public_names(package).items():
            if f'id="{anchor(name, value)}"' not in output:
                raise PluginError(f"{package}.{name} is not on the page {page.file.src_uri}")
    return output
