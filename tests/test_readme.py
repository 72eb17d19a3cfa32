"""Every Python block of the documents runs as it stands, or after the one above it where it says so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
AFTER = "# After the file above:"


def blocks():
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        above = ""
        for number, block in enumerate(re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)):
            above = above + block if block.startswith(AFTER) else block
            yield pytest.param(above, id=f"{path.relative_to(ROOT)}-{number}")


@pytest.mark.slow
@pytest.mark.parametrize("block", list(blocks()))
def test_block_runs(block):
    done = subprocess.run([sys.executable, "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
