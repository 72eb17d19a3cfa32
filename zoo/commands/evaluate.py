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
        """Loss, top-1 and top-5 of a run's best model (model.keras).

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
    from nntricks_keras import data, evaluation, training

    run = training.Run.open(run_dir)
    trained = zoo.Experiment.load(run.folder)
    source = data_name or trained.data
    images = data.load(source, validation_fraction=trained.validation_fraction, data_dir=data_dir or trained.data_dir)
    if list(images.class_names) != run.class_names:
        raise UsageError(
            f"{source} has other classes than the run was trained on: {', '.join(images.class_names[:5])}, ... "
            f"against {', '.join(run.class_names[:5])}, ..."
        )
    model = run.load_model()
    if protocol == "dense":
        model = zoo.to_conv_head(model)
    result = evaluation.evaluate(
        model, getattr(images, split), run.preprocessing, protocol, scales=scales, batch_size=batch_size
    )
    print(f"{trained.model}, {split} split of {source}, {result['count']:,} images, protocol {protocol}")
    print(f"loss {result['loss']:.4f}  " + "  ".join(_share(result, f"top{k}", f"top-{k}") for k in (1, 5)))


def _share(result, name, label):
    low, high = result[f"{name}_interval"]
    return f"{label} {result[name]:.2%} (95 % interval {low:.2%} to {high:.2%})"
