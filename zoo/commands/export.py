"""Write a trained model for other programs: SavedModel, ONNX or LiteRT."""

from typing import Literal

import tyro

from zoo.commands import load_keras_quietly


def export(
    model_or_run: tyro.conf.Positional[str],
    /,
    format: Literal["saved_model", "onnx", "litert"] = "saved_model",
    output: str | None = None,
    pixels: bool = False,
) -> int:
    """Write a trained model for other programs, folded to plain layers, and check the file's outputs.

    They are compared with the model's on random images. What it expects of images is written beside it, as JSON.

    Args:
        model_or_run: a run folder, or a model with public weights (`python -m zoo list`)
        format: TensorFlow's SavedModel (a folder), ONNX, or LiteRT (once TensorFlow Lite)
        output: the file or folder to write; by default the model's name in the working directory
        pixels: put the standardization into the file, which then takes grey levels from 0 to 255, RGB or grey
    """
    from zoo.chosen import check_choice

    check_choice(model_or_run)
    load_keras_quietly()

    from zoo.chosen import choose
    from zoo.deployment import export_model

    chosen = choose(model_or_run)
    path, difference = export_model(chosen, format, output, pixels=pixels)
    print(f"written to {path}; outputs agree with the model's to {difference:.1e} of the largest")
    print(f"what it expects of images: {path}.json")
    return 0


def main(argv: list[str]) -> int:
    return tyro.cli(export, args=argv, prog="python -m zoo export")
