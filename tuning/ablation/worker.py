"""python -m tuning.ablation.worker FOLDER RUN...: trains these runs, one after another, for `tuning.ablate`.

It ends when the process that started it does, even if that is killed: two workers never write to one run.
"""

import sys
from pathlib import Path

from tuning.worker import exit_with_parent
from zoo.commands import load_keras_quietly


def main(folder, names):
    exit_with_parent()
    load_keras_quietly()
    from nntricks_keras.training import TrainingInterruptedError
    from tuning.ablation.running import train_run
    from tuning.ablation.settings import AblationSettings

    settings = AblationSettings.load(folder)
    runs = {settings.run_name(*run): run for run in settings.runs()}
    try:
        for name in names:
            print(f"\n{name}", flush=True)
            train_run(settings, Path(folder), *runs[name])
    except TrainingInterruptedError as stop:
        return 128 + stop.signal_number
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
