"""The shell: what a user types, right or wrong."""

import subprocess
import sys
import types
from pathlib import Path

import pytest

from zoo.commands import run_command

ROOT = Path(__file__).resolve().parents[2]


def zoo(*arguments, program="zoo"):
    """(exit code, stdout, stderr) of python -m zoo ARGUMENTS."""
    done = subprocess.run(
        [sys.executable, "-m", program, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stdout, done.stderr


def loaded_modules(*arguments, program="zoo"):
    """The top-level modules in memory after the command has ended."""
    code = (
        "import sys, runpy\n"
        f"sys.argv = ['{program}', *{list(arguments)!r}]\n"
        "try:\n"
        f"    runpy.run_module('{program}', run_name='__main__', alter_sys=True)\n"
        "except SystemExit:\n"
        "    pass\n"
        "print('MODULES', *{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize(
    "arguments", [["list"], ["--help"], ["lsit"], ["train", "--model", "vgg61"], ["summary", "vgg61"]]
)
def test_what_needs_no_tensorflow_loads_none(arguments):
    assert not loaded_modules(*arguments) & {"tensorflow", "keras", "jax", "torch"}


def test_help_lists_every_command():
    code, out, _ = zoo("--help")
    assert code == 0
    for command in ("list", "summary", "train", "evaluate", "predict"):
        assert f"  {command} " in out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["trian"], "train"),
        (["train", "--model", "vgg61"], "vgg16"),
        (["train", "--model=vgg_mimi"], "vgg_mini"),
        (["summary", "vgg_mni"], "vgg_mini"),
    ],
)
def test_a_mistyped_name_is_answered_with_the_nearest(arguments, hint):
    code, _, err = zoo(*arguments)
    assert code == 2
    assert hint in err
    assert "Traceback" not in err


def test_no_command_is_a_mistake():
    assert zoo()[0] == 2


def test_a_file_that_cannot_be_written_is_a_line(monkeypatch, capsys):
    def main(argv):
        Path("/no/such/folder/file.png").write_text("")

    monkeypatch.setattr("zoo.commands._load", lambda package, name: types.SimpleNamespace(main=main))
    assert run_command("python -m zoo", "zoo.commands", ["compare"]) == 1
    assert capsys.readouterr().err == "error: [Errno 2] No such file or directory: '/no/such/folder/file.png'\n"


def test_memory_that_is_not_enough_is_a_line(monkeypatch, tmp_path, capsys):
    def train(*arguments, **settings):
        raise MemoryError

    monkeypatch.setattr("zoo.experiment.train", train)
    arguments = ["train", "--run-dir", str(tmp_path / "run"), "--batch-size", "4096"]
    assert run_command("python -m zoo", "zoo.commands", arguments) == 1
    assert "out of memory with batches of 4096" in capsys.readouterr().err
