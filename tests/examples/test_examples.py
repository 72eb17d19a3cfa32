"""Each example runs as a reader would run it."""

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_fit_in_ten_lines_learns():
    result = runpy.run_path(str(EXAMPLES / "fit_in_ten_lines.py"))["main"](epochs=1)
    assert result["accuracy"] > 0.7
