"""A contender holds its own framework in memory and no other: its peak is part of what is compared."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import frameworks


def test_the_file_that_every_contender_runs_loads_no_framework():
    code = "import sys, benchmarks.frameworks; print({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.fixture
def started(monkeypatch):
    """(command, environment) of every contender, none of which is started."""
    calls = []

    def popen(command, env, **_):
        calls.append((command, env))
        return SimpleNamespace(kill=lambda: None, wait=lambda: None)

    monkeypatch.setattr(frameworks.subprocess, "Popen", popen)
    return calls


def test_no_contender_takes_all_of_a_gpu(started, monkeypatch):
    for name in ("TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.delenv(name, raising=False)
    options = SimpleNamespace(model="vgg11", size=32, batch=1, inference=False)
    for name in ("keras-jax", "keras-tensorflow-bfloat16", "torch-nchw"):
        with frameworks.contender(name, options):
            pass
    environments = [env for _, env in started]
    assert {env["TF_FORCE_GPU_ALLOW_GROWTH"] for env in environments} == {"true"}
    assert {env["XLA_PYTHON_CLIENT_PREALLOCATE"] for env in environments} == {"false"}
    assert [env["KERAS_BACKEND"] for env in environments[:2]] == ["jax", "tensorflow"]


def test_a_contender_is_told_of_inference(started):
    for inference in (True, False):
        with frameworks.contender("torch-nchw", SimpleNamespace(model="vgg11", size=32, batch=2, inference=inference)):
            pass
    assert ["--inference" in command for command, _ in started] == [True, False]


@pytest.mark.slow
def test_inference_is_forward_alone():
    options = SimpleNamespace(contender="keras-tensorflow", model="vgg11", size=32, batch=2, inference=True)
    assert np.shape(frameworks.make_step(options)()) == (2, frameworks.CLASSES)
    options.inference = False
    assert np.isfinite(frameworks.make_step(options)())
