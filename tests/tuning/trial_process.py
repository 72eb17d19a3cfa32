"""One trial of vgg_mini in a process of its own: STUDY TRIAL_ID. Its settings are the study's."""

import sys

from tuning.studies import Study
from tuning.trials import run_trial

if __name__ == "__main__":
    study, trial_id = Study.open(sys.argv[1]), sys.argv[2]
    run_trial(study, study.settings, trial_id, {}, study.settings.experiment)
