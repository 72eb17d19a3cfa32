"""`python -m tests.tuning.search_process FOLDER EPOCHS JSON`: a search of pretended trials that can be killed."""

import dataclasses
import json
import sys

import tuning
import zoo
from tests.tuning import pretended
from tuning.supervision import WorkersFailedError


def experiment(epochs):
    return zoo.Experiment(recipe=dataclasses.replace(zoo.recipe("standard"), epochs=epochs))


if __name__ == "__main__":
    folder, epochs, arguments = sys.argv[1:]
    try:
        tuning.search(
            experiment(int(epochs)),
            folder,
            space=pretended.space,
            run_trial=pretended.RUN_TRIAL,
            **json.loads(arguments),
        )
    except tuning.SearchInterruptedError as stop:
        print(stop)
        sys.exit(128 + stop.signal_number)
    except WorkersFailedError as error:
        print(error)
        sys.exit(1)
