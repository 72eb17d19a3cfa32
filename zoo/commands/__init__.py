"""The commands of `python -m zoo`, one file each; the first line of its docstring is its help.

A command's file loads nothing heavy until its `main(argv)` runs, so that help and mistakes are answered at once.
"""

import importlib
import os
import pkgutil
import platform
import sys
import tempfile

from zoo.names import UsageError, check_name


def run_command(program, package, argv):
    """Runs one of the commands in `package` and returns the exit code.

    Args:
        program: what is typed before the command, "python -m zoo".
        package: the dotted name of the package whose modules are the commands.
        argv: the command and its options.

    Returns:
        What the command returns; 2 after one line on stderr when the user's input was wrong, 1 when a file could not
        be read or written; 130 after Ctrl-C.
    """
    try:
        if not argv or argv[0] in ("-h", "--help", "help"):
            print(_help(program, package))
            return 0 if argv else 2
        name = check_name("command", argv[0], _command_names(package))
        code = _load(package, name).main(argv[1:]) or 0
        sys.stdout.flush()
        return code
    except ValueError as error:
        if not _is_users_mistake(error):
            raise
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read the output has seen enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # no such folder, no right to write, no space left
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


def enable_onednn():
    """Puts TensorFlow's oneDNN kernels on, unless the environment says otherwise; before TensorFlow is imported.

    It leaves them off on x86 processors without AVX-512, where they train vgg_mini twice as fast.
    """
    if platform.machine() in ("x86_64", "AMD64"):
        os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def load_keras_quietly():
    """Imports Keras and its backend without the greetings that TensorFlow prints whatever its log level.

    A command calls it before anything else that is heavy. If the import fails, all that was hidden is shown.
    """
    enable_onednn()
    sys.stderr.flush()
    shown = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            import keras  # noqa: F401
        except BaseException:
            hidden.seek(0)
            os.write(shown, hidden.read())
            raise
        finally:
            os.dup2(shown, 2)
            os.close(shown)
    import absl.logging

    absl.logging.set_verbosity(absl.logging.ERROR)  # deprecations inside TensorFlow Datasets


def _command_names(package):
    """The commands as typed, sorted: check_data.py is `check-data`."""
    folder = importlib.import_module(package).__path__
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(folder))


def _load(package, name):
    return importlib.import_module(f"{package}.{name.replace('-', '_')}")


def _help(program, package):
    lines = [f"usage: {program} COMMAND [OPTIONS]", "", "commands:"]
    for name in _command_names(package):
        first_line = _load(package, name).__doc__.strip().splitlines()[0].rstrip(".")
        lines.append(f"  {name:<11} {first_line}")
    return "\n".join([*lines, "", f"{program} COMMAND --help tells more."])


def _is_users_mistake(error):
    if isinstance(error, UsageError):
        return True
    errors = sys.modules.get("nntricks_keras.errors")  # not imported here: it would load Keras
    return errors is not None and isinstance(error, errors.InputError)
