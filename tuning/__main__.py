"""python -m tuning COMMAND: tuning from the shell."""

import os
import sys

from zoo.commands import run_command

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # TensorFlow's greetings drown what the user asked for

if __name__ == "__main__":
    sys.exit(run_command("python -m tuning", "tuning.commands", sys.argv[1:]))
