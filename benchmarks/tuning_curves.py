"""Records the learning curves of a random search, each trial to its end: what pruners are compared on.

    python -m benchmarks.tuning_curves [--trials 48] [--epochs 9] [--width 0.25] [--study studies/curves]

vgg_mini of that width on the bundled images, 3,000 of them for validation; the space is below. The study goes on
where it was stopped. Writes benchmarks/results/tuning_curves_fashion_mnist_mini.csv: a row a trial and epoch, in place
of those of the same machine.
"""

import argparse
import dataclasses

import keras_tuner as kt

import zoo
from benchmarks.pages import machine, write_rows_of_machine
from benchmarks.tuning import CURVES
from tuning.studies import COMPLETED, Study, StudySettings
from tuning.trials import run_trial

METRICS = ("val_top1", "val_loss", "seconds")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=48)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--study", default="studies/curves")
    options = parser.parse_args()
    recipe = dataclasses.replace(zoo.recipe("standard"), epochs=options.epochs)
    experiment = zoo.Experiment(arguments={"width": options.width}, recipe=recipe, validation_fraction=0.3)
    settings = StudySettings(experiment, "benchmarks.tuning_curves:few_tricks", num_trials=options.trials)
    study = Study(options.study)
    study.write_settings(settings)
    for number in range(options.trials):
        drawn, of_trial = draw(few_tricks, experiment, number)
        record = run_trial(study, settings, f"{number:04d}", drawn, of_trial)
        print(number, record.status, record.score, f"{record.seconds:.1f} s", record.reason or "", flush=True)
        write(study.records())


def few_tricks(hp, experiment):
    """The tricks of the lecture and the rate, whose best value depends on them: kept here as they were recorded."""
    norm = hp.Choice("norm", ["batch", "none"])
    arguments = {
        **experiment.arguments,
        "activation": hp.Choice("activation", ["relu", "leaky_relu", "elu", "tanh"]),
        "initializer": hp.Choice("initializer", ["auto", "he", "glorot", "xavier"]),
        "norm": None if norm == "none" else norm,
        "keep_prob": hp.Float("keep_prob", 0.5, 1.0, step=0.1),
    }
    recipe = dataclasses.replace(experiment.recipe, learning_rate=hp.Float("learning_rate", 0.005, 0.2, sampling="log"))
    return dataclasses.replace(experiment, arguments=arguments, recipe=recipe)


def draw(space, experiment, seed):
    """(hyperparameters, zoo.Experiment) drawn at random from a space; the same for the same seed."""
    hp = kt.HyperParameters()
    space(hp, experiment)
    for index, hyperparameter in enumerate(hp.space):
        hp.values[hyperparameter.name] = hyperparameter.random_sample(1000 * seed + index)
    return dict(hp.values), space(hp, experiment)


def write(records):
    """The curves of the completed trials, and the hyperparameters they belong to."""
    completed = [record for record in records if record.status == COMPLETED]
    if not completed:
        return
    names = list(completed[0].hyperparameters)
    rows = [
        {"trial": record.trial_id, **{name: record.hyperparameters[name] for name in names}, "epoch": int(row["epoch"])}
        | {name: round(row[name], 5) for name in METRICS}
        | {"machine": machine()}
        for record in completed
        for row in record.executions[0].history
    ]
    write_rows_of_machine(CURVES, rows)


if __name__ == "__main__":
    main()
