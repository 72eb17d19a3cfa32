"""`make bench` measures all there is, what is compared takes turns, and what was measured elsewhere stays."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import benchmarks.__main__ as bench
from benchmarks import ablation, layers, models, pages, pipeline_steps, plots
from benchmarks.training import alternating
from nntricks_keras.files import read_rows

HERE = Path(bench.__file__).parent


def test_every_benchmark_is_in_the_list():
    listed = {command.split()[0].removeprefix("benchmarks.") for command, _, _ in bench.BENCHMARKS}
    commands = {path.stem for path in HERE.glob("*.py") if "__name__" in path.read_text()} - {"__main__"}
    assert listed == commands


def test_what_is_compared_takes_turns_after_a_round_to_warm_up():
    assert list(alternating({"bare": 1, "ours": 2}, 2)) == [
        (0, ["ours", "bare"]),
        (1, ["bare", "ours"]),
        (2, ["ours", "bare"]),
    ]


@pytest.mark.slow
def test_the_steps_that_a_pipeline_feeds_have_batches(tmp_path, rng):
    keras.utils.save_img(tmp_path / "a.jpg", rng.integers(0, 256, size=(300, 400, 3)).astype("uint8"), scale=False)
    for _, _, input_shape, batches in pipeline_steps.cases([(tmp_path / "a.jpg").read_bytes()] * 2):
        images, labels = next(iter(batches))
        assert images.shape[1:] == input_shape
        assert np.all(np.isfinite(images))
        assert labels.shape[1:] == (10,)


def test_an_ablation_is_kept_beside_another_machines(tmp_path, monkeypatch):
    folder = tmp_path / "ablation"
    pages.write_rows(folder / "ablation.csv", [{"recipe": "full", "seed": 0}])
    pages.write_rows(folder / "effects.csv", [{"trick": "norm", "effect": 0.1}])
    (folder / "forest.png").write_bytes(b"a picture")
    monkeypatch.setattr(ablation, "RESULTS", tmp_path)
    monkeypatch.setattr(ablation, "PICTURE", tmp_path / "ablation.png")
    for name in ("mine", "another", "mine"):
        monkeypatch.setattr(ablation, "machine", lambda name=name: name)
        ablation.keep(folder)
    for kept in ("ablation_runs.csv", "ablation_effects.csv"):
        assert [row["machine"] for row in read_rows(tmp_path / kept)] == ["another", "mine"]
    assert (tmp_path / "ablation.png").read_bytes() == b"a picture"


def test_every_table_that_is_written_has_its_place():
    for path in HERE.glob("*.md"):
        starts = re.findall(r"^<!-- (?!end of )(.+) -->$", path.read_text(), re.MULTILINE)
        assert starts == re.findall(r"^<!-- end of (.+) -->$", path.read_text(), re.MULTILINE)
    assert "<!-- training -->\n" in (HERE / "training.md").read_text()
    assert "<!-- health -->\n" in (HERE / "health.md").read_text()


def test_the_picture_shows_what_the_pages_show():
    panels = plots.measured()
    assert len(panels) == 5
    shown = "".join(path.read_text() for path in HERE.glob("*.md"))
    for (_, machine), rows in panels.items():
        assert f"\n{machine}, " in shown
        assert rows
        assert all(0 < low <= ratio <= high for _, ratio, low, high in rows)


def test_a_table_that_shows_nothing_yet_is_in_no_picture(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- layers jax -->\nNot measured yet.\n<!-- end of layers jax -->\n")
    assert pages.results_shown("layers", "jax", page, "layers jax") is None


def test_a_line_of_a_table_is_made_of_what_the_file_keeps():
    """So that a table can hold rows of an earlier day."""
    for module, prefix in ((layers, "layers-tensorflow"), (models, "models-tensorflow")):
        page = module.PAGE.read_text()
        tables = [[module.line(row) for row in read_rows(path)] for path in pages.RESULTS.glob(f"{prefix}*.csv")]
        # The page has the table of the last machine.
        assert any(all(f"| {' | '.join(map(str, line))} |" in page for line in table) for table in tables)
