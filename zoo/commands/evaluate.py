"""Evaluate a run's best model on its test images, or on others."""

from typing import Annotated, Literal

from zoo.names import UsageError


def main(argv):
    import tyro

    def evaluate(
        run: tyro.conf.Positional[str],
        /,
        data: str | None = None,
        data_dir: str | None = None,
        split: Literal["train", "validation", "test"] = "test",
        batch_size: Annotated[int, tyro.conf.arg(help="images at a time")] = 64,
    ):
        """Loss, top-1 and top-5 of a run's best model (model.keras), one centred view an image.

        Args:
            run: a run folder
            data: other images than the run's: a TensorFlow Datasets name or a folder of class folders
            data_dir: where TensorFlow Datasets keeps its files
            split: which part of the data
        """
        _evaluate(run, data, data_dir, split, batch_size)

    tyro.cli(evaluate, args=argv, prog="python -m zoo evaluate")


def _evaluate(run_dir, data_name, data_dir, split, batch_size):
    from nntricks_keras import data, evaluation, training
    from zoo.experiment import Experiment

    run = training.Run.open(run_dir)
    trained = Experiment.load(run.folder)
    images = data.load(
        data_name or trained.data,
        validation_fraction=trained.validation_fraction,
        data_dir=data_dir or trained.data_dir,
    )
    if list(images.class_names) != run.class_names:
        raise UsageError(
            f"{data_name} has other classes than the run was trained on: {', '.join(images.class_names[:5])}, ... "
            f"against {', '.join(run.class_names[:5])}, ..."
        )
    result = evaluation.evaluate(run.load_model(), getattr(images, split), run.preprocessing, batch_size=batch_size)
    source = data_name or trained.data
    print(f"{trained.model}, {split} split of {source}, {result['count']:,} images, one centred view each")
    print(f"loss {result['loss']:.4f}  top-1 {result['top1']:.2%}  top-5 {result['top5']:.2%}")
