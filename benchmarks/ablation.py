"""The ablation of the README: what five tricks buy in `vgg_mini` of half width on the bundled images.

    python -m benchmarks.ablation [--write]

It is the command of COMMAND, which goes on where it was stopped: 60 trainings, half an hour to three quarters on 2
cores. --write keeps its rows in results/ablation_runs.csv and results/ablation_effects.csv, and its picture as
docs/ablation.png.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.pages import RESULTS, machine, versions, write_rows_of_machine
from nntricks_keras.files import read_rows, write_atomically

FOLDER = Path("runs/ablation")
COMMAND = f"tuning ablate --width 0.5 --epochs 10 --seeds 5 --workers 2 --ablation-dir {FOLDER}"
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "ablation.png"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="keep the rows and the picture")
    options = parser.parse_args()
    print(f"python -m {COMMAND}", flush=True)
    subprocess.run([sys.executable, "-m", *COMMAND.split()], check=True)
    if options.write:
        keep(FOLDER)


def keep(folder):
    """Copies what an ablation found, each row with this machine and its versions."""
    about = {"machine": machine(), "versions": ", ".join(versions(["tensorflow", "keras"]))}
    for found, kept in [("ablation.csv", "ablation_runs.csv"), ("effects.csv", "ablation_effects.csv")]:
        write_rows_of_machine(RESULTS / kept, [{**row, **about} for row in read_rows(folder / found)])
    picture = (folder / "forest.png").read_bytes()
    write_atomically(PICTURE, lambda file: file.write(picture))


if __name__ == "__main__":
    main()
