"""The wheel and the sdist build; the wheel works away from the checkout, with all the files that belong to it."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SMOKE = """
import nntricks_keras, zoo, tuning
from nntricks_keras import data, folding

assert str(nntricks_keras.__file__).startswith({installed!r}), nntricks_keras.__file__
images = data.load("fashion_mnist_mini")
assert images.counts["test"] == 2000
model = zoo.vgg_mini((28, 28, 1), images.num_classes, width=0.3)
assert folding.fold(model).count_params() < model.count_params()
assert zoo.card("vgg16").published
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the two files, built from a copy of what git tracks, so that nothing lying about gets in."""
    source, folder = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    for name in filter(None, tracked.split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder


def test_the_files_hold_the_packages_and_their_data(built):
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
    for package in ("nntricks_keras", "zoo", "tuning"):
        tracked = [path for path in (ROOT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        missing = [str(path.relative_to(ROOT)) for path in tracked if str(path.relative_to(ROOT)) not in names]
        assert not missing
    assert not [name for name in names if name.split("/")[0] in ("tests", "examples", "benchmarks", "docs")]
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        assert any(name.endswith("/zoo/cards/vgg16.json") for name in sdist.getnames())


def test_the_wheel_works_where_it_is_installed(built, tmp_path):
    """Beside the packages it depends on, which are taken from here: to fetch TensorFlow again would take minutes."""
    installed = tmp_path / "installed"
    wheel = next(built.glob("*.whl"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(installed), str(wheel)]
    subprocess.run(pip, check=True)
    environment = {**os.environ, "PYTHONPATH": str(installed)}

    def python(*arguments):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    python("-c", SMOKE.format(installed=str(installed)))
    assert "vgg16" in python("-m", "zoo", "list")
    assert "search" in python("-m", "tuning", "--help")
