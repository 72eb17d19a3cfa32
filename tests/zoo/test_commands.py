"""The shell: what a user types, right or wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

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
