"""Two devices and a fresh process, as a user starts them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

RELOAD = """
import sys, numpy as np, keras
import nntricks_keras
folder = sys.argv[1]
model = keras.models.load_model(folder + "/model.keras")
np.save(folder + "/fresh.npy", model.predict(np.load(folder + "/images.npy"), verbose=0))
"""


@pytest.mark.slow
def test_two_devices_train_and_a_fresh_process_predicts_the_same(picture_folder, tmp_path, rng):
    import numpy as np

    from nntricks_keras import training

    folder = tmp_path / "run"
    command = [sys.executable, "-m", "zoo", "train", "--data", picture_folder, "--run-dir", folder, "--devices", "2"]
    command += [
        "--epochs",
        "2",
        "--batch-size",
        "15",
        "--width",
        "0.3",
        "--image-size",
        "16",
        "16",
    ]  # a ragged last batch
    done = subprocess.run(list(map(str, command)), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "environment.json").read_text())["devices"] == 2
    run = training.Run(folder)
    assert run.metrics["test"]["count"] == 24
    assert len(run.history) == 2
    assert (folder / "health.png").exists()
    assert "preflight: " in done.stdout

    images = rng.normal(size=(5, 16, 16, 3)).astype("float32")
    np.save(folder / "images.npy", images)
    subprocess.run([sys.executable, "-c", RELOAD, str(folder)], cwd=ROOT, check=True, capture_output=True, timeout=300)
    here = run.load_model().predict(images, verbose=0)
    np.testing.assert_allclose(np.load(folder / "fresh.npy"), here, rtol=1e-6, atol=1e-6)
