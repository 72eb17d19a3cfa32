"""Evaluate a run's best model on its test images, or on others."""

from typing import Literal

from zoo.commands import load_keras_quietly
from zoo.names import UsageError


def main(argv):
    load_keras_quietly()
    import tyro

    def evaluate(
        run: tyro.conf.Positional[str],
        /,
        data: str | None = None,
        data_dir: str | None = None,
        split: Literal["train", "validation", "test"] = "test",
        protocol: Literal["center", "ten_crop", "multi_crop", "dense"] = "center",
        scales: tuple[int, ...] = (),
        batch_size: int = 64,
    ):
        """Loss, top-1 and top-5 of a run's best model (model.keras), class by class, and how far it can be believed.

        The pictures and per_class.csv go into evaluation/SPLIT-PROTOCOL/ of the run folder, of other images than the
        run's into evaluation/other-PROTOCOL/.

        Args:
            run: a run folder
            data: other images than the run's: a TensorFlow Datasets name or a folder of class folders
            data_dir: where TensorFlow Datasets keeps its files
            split: which part of the data
            protocol: which views of an image are averaged: AlexNet's ten crops, VGG's multi-crop and dense
            scales: short sides of the image in pixels, for multi_crop and dense
            batch_size: views at a time
        """
        _evaluate(run, data, data_dir, split, protocol, scales or None, batch_size)

    tyro.cli(evaluate, args=argv, prog="python -m zoo evaluate")


def _evaluate(run_dir, data_name, data_dir, split, protocol, scales, batch_size):
    import zoo
    from nntricks_keras import evaluation, training
    from zoo.experiment import load_data_of_run

    run = training.Run.open(run_dir)
    trained = zoo.Experiment.load(run.folder)
    source = data_name or trained.data
    images = load_data_of_run(run, trained, source, data_dir)
    if list(images.class_names) != run.class_names:
        raise UsageError(
            f"{source} has other classes than the run was trained on: {', '.join(images.class_names[:5])}, ... "
            f"against {', '.join(run.class_names[:5])}, ..."
        )
    model = run.load_model()
    if protocol == "dense":
        model = zoo.to_conv_head(model)
    probabilities, labels = evaluation.predictions(
        model, getattr(images, split), run.preprocessing, protocol, scales=scales, batch_size=batch_size
    )
    result = evaluation.summarize(probabilities, labels)
    print(f"{trained.model}, {split} split of {source}, {result['count']:,} images, protocol {protocol}")
    print(f"loss {result['loss']:.4f}  " + "  ".join(_share(result, f"top{k}", f"top-{k}") for k in (1, 5)))
    for line in published_lines(trained, run.preprocessing, source, split, protocol, scales):
        print(line)
    folder = run.folder / "evaluation" / f"{split if data_name is None else 'other'}-{protocol}"
    _write_details(folder, probabilities, labels, run.class_names, f"{trained.model}, {split} of {source}, {protocol}")


def _write_details(folder, probabilities, labels, class_names, title):
    """Prints where the model errs, and writes the pictures and the table of it."""
    import csv

    from nntricks_keras import evaluation

    folder.mkdir(parents=True, exist_ok=True)
    confusion = evaluation.confusion_matrix(probabilities, labels)
    accuracies = evaluation.class_accuracies(confusion)
    calibrated = evaluation.calibration(probabilities, labels)
    seen = [(accuracy, name) for accuracy, name in zip(accuracies, class_names, strict=True) if accuracy == accuracy]
    print("lowest of the classes: " + ", ".join(f"{name} {accuracy:.1%}" for accuracy, name in sorted(seen)[:3]))
    mistakes = confusion.copy()
    mistakes[range(len(mistakes)), range(len(mistakes))] = 0
    true, predicted = divmod(int(mistakes.argmax()), len(mistakes))
    if mistakes.max():
        print(f"most often mistaken: {class_names[true]} for {class_names[predicted]}, {mistakes.max()} times")
    print(f"expected calibration error {calibrated['expected_calibration_error']:.3f}")
    with open(folder / "per_class.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["class", "images", "accuracy"])
        writer.writerows(zip(class_names, confusion.sum(axis=1), accuracies, strict=True))
    evaluation.draw_confusion(folder / "confusion.png", confusion, class_names, title)
    evaluation.draw_calibration(folder / "calibration.png", calibrated, title)
    print(f"{folder}/: confusion.png, calibration.png, per_class.csv")


def published_lines(trained, preprocessing, source, split, protocol, scales):
    """Lines with the figures printed by others for the same network and images, protocol and scales.

    Args:
        trained: zoo.Experiment of the run; whatever it set of the model but the initializer makes another network.
        preprocessing: data.Preprocessing of the run.
        source, split: where the images are from; those of the papers are ImageNet's validation, our test.
        protocol, scales: as evaluation.evaluate takes them.
    """
    import zoo

    card = zoo.card(trained.model)
    if (source, split) != ("imagenet2012", "test"):
        return
    if set(trained.arguments) - {"initializer"} or preprocessing.input_shape != card.input_shape:
        return
    scales = sorted(scales or [preprocessing.resize])
    for result in card.published:
        if (result.evaluation, sorted(result.scales)) == (protocol, scales):
            yield (
                f"published: top-1 {100 - result.top1_error:.2f}% top-5 {100 - result.top5_error:.2f}%, "
                f"{result.protocol} ({result.source})"
            )


def _share(result, name, label):
    low, high = result[f"{name}_interval"]
    return f"{label} {result[name]:.2%} (95 % interval {low:.2%} to {high:.2%})"
