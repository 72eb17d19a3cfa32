"""A model folded to plain layers and written in the format of another program, then run there and compared."""

import dataclasses
import importlib
import json
import logging
import os
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np

from nntricks_keras import backend, folding, serialization
from nntricks_keras.errors import InputError, check_name

EXTRA = "pip install nntricks-keras[export]"
SUFFIX = {"saved_model": "_saved_model", "onnx": ".onnx", "litert": ".tflite"}
KERAS_NAME = {"saved_model": "tf_saved_model", "onnx": "onnx", "litert": "litert"}
# The packages that each format needs, to write it and to run it for the check.
NEEDED = {"saved_model": (), "onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}
TOLERANCE = 1e-4  # of the largest output
NUM_CHECKED = 4  # random images to compare


def export_model(chosen, format, output=None, *, pixels=False):
    """Writes `chosen` (a zoo.chosen.Chosen) folded, in float32, and compares outputs on random images.

    Args:
        chosen: the model, its preprocessing and class names.
        format: "saved_model", "onnx" or "litert".
        output: path to write; neither it nor the JSON file beside it, `output`.json, may exist.
        pixels: whether the standardization becomes part of the file, so that it takes grey levels from 0 to 255.

    Returns:
        (path, difference): the largest difference as a share of the largest output.

    Raises:
        InputError: an unknown format, a package that is missing (with the extra that brings it), a path that exists, or
            outputs that differ by more than 1e-4; what was written is then removed.
    """
    check_name("export format", format, SUFFIX)
    for package in NEEDED[format]:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise InputError(f"exporting to {format} needs {package}: {EXTRA}") from error
    path = Path(output or f"{chosen.name}{SUFFIX[format]}")
    description = Path(f"{path}.json")
    for existing in (path, description):
        if existing.exists():
            raise InputError(f"{existing} exists; name another --output, or remove it")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path.absolute().parent}: no such folder to write {path.name} into")
    model = in_float32(chosen.model)
    folded = folding.fold(model)
    generator = np.random.default_rng(0)
    if pixels:
        folded = with_standardization(folded, chosen.preprocessing)
        images = generator.integers(0, 256, (NUM_CHECKED, *chosen.preprocessing.input_shape), dtype="uint8")
        as_cropped = dataclasses.replace(chosen.preprocessing, resize=None)  # they have the network's size already
        seen = as_cropped.apply(images)
        images = images.astype("float32")
    else:
        images = seen = generator.normal(size=(NUM_CHECKED, *model.input_shape[1:])).astype("float32")
    with backend.exact_products(), _quiet_converters():
        wanted = np.asarray(model.predict_on_batch(seen))
        folded(images)  # the ONNX export refuses a model that was never called
        folded.export(str(path), format=KERAS_NAME[format], verbose=False)
        found = RUNNERS[format](path, images)
    difference = float(np.abs(found - wanted).max() / max(np.abs(wanted).max(), 1e-30))
    if not difference <= TOLERANCE:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise InputError(f"the exported {format} differs from the model by {difference:.1e} of its largest output")
    facts = {
        "takes_pixels": pixels,
        "preprocessing": serialization.to_dict(chosen.preprocessing),
        "class_names": chosen.class_names,
    }
    description.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return path, difference


def in_float32(model):
    """The model itself, or a copy of it whose layers compute in float32 where some computed in half precision."""
    if all(layer.compute_dtype not in ("float16", "bfloat16") for layer in model.layers):
        return model
    copy = keras.models.clone_model(
        model, clone_function=lambda layer: type(layer).from_config({**layer.get_config(), "dtype": "float32"})
    )
    copy.set_weights(model.get_weights())
    return copy


def with_standardization(model, preprocessing):
    """The model behind (x - mean) / std and the order of channels: it takes RGB or grey levels from 0 to 255."""
    inputs = x = keras.Input(model.input_shape[1:], name="pixels")
    if preprocessing.channels == "bgr":
        x = x[..., ::-1]
    scale = [1 / std for std in preprocessing.std]
    x = keras.layers.Rescaling(scale, [-m * s for m, s in zip(preprocessing.mean, scale, strict=True)])(x)
    return keras.Model(inputs, model(x), name=model.name)


@contextmanager
def _quiet_converters():
    """Converters warn of their own deprecations, and print what they do."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _run_saved_model(path, images):
    return np.asarray(keras.layers.TFSMLayer(str(path), call_endpoint="serve")(images))


def _run_onnx(path, images):
    import onnxruntime

    session = onnxruntime.InferenceSession(os.fspath(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def _run_litert(path, images):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(os.fspath(path))
    entry = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(entry, images.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(entry, images)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


RUNNERS = {"saved_model": _run_saved_model, "onnx": _run_onnx, "litert": _run_litert}
