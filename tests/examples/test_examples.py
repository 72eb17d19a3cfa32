"""Each example runs as a reader would run it."""

import runpy
from pathlib import Path

import keras
import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.slow
def test_fit_in_ten_lines_learns():
    keras.utils.set_random_seed(0)
    result = runpy.run_path(str(EXAMPLES / "fit_in_ten_lines.py"))["main"](epochs=1)
    assert result["accuracy"] > 0.7


@pytest.mark.slow
def test_watch_a_network_die_names_the_dead_and_draws_them(tmp_path, capsys):
    report = runpy.run_path(str(EXAMPLES / "watch_a_network_die.py"))["main"](tmp_path, steps=24)
    assert "dead_units" in {finding.kind for finding in report.alarms}
    assert "preflight: 13 layers" in capsys.readouterr().out
    assert (tmp_path / "health.png").read_bytes()[:4] == b"\x89PNG"
