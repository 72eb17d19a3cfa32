"""The measured lecture: every example runs at a tiny size, and what is written about it is what was measured."""

import importlib
import math
import types

import numpy as np
import pytest
from PIL import Image

from examples.measuring import gallery
from examples.measuring.claims import Check, mean_interval, verdict
from examples.measuring.running import EXAMPLES, Result, read_rows, run

NAMES = gallery.names()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_at_a_tiny_size(name, tmp_path):
    example = importlib.import_module(f"examples.{name}")
    rows = run(example, "tiny", num_seeds=2, folder=tmp_path)
    assert [row["check"] for row in read_rows(tmp_path / "results.csv")] == [row["check"] for row in rows]
    assert all(math.isfinite(float(row[column])) for row in rows for column in ("mean", "low", "high"))
    picture = np.asarray(Image.open(tmp_path / "pictures" / f"{name}.png").convert("L"))
    assert picture.std() > 5  # something is drawn
    assert set(example.SIZES) == {"tiny", "default", "full"}


def test_numbers_of_the_examples_are_one_to_eighteen():
    assert [gallery.claim_of(name).number for name in NAMES] == list(range(1, 19))


def test_gallery_and_docstrings_say_what_results_csv_says():
    rows = read_rows(EXAMPLES / "results.csv")
    assert {row["name"] for row in rows} == set(NAMES)
    assert all(int(row["n"]) >= 5 and row["size"] != "tiny" for row in rows)
    assert gallery.gallery(rows) in (EXAMPLES / "README.md").read_text()
    assert gallery.table(rows, "examples/README.md") in gallery.FRONT_PAGE.read_text()
    for name in NAMES:
        source = (EXAMPLES / f"{name}.py").read_text()
        assert source == gallery.with_measured(source, [row for row in rows if row["name"] == name])
        assert "\nMeasured  not yet" not in source
        assert (EXAMPLES / "pictures" / f"{name}.png").exists()


@pytest.fixture
def toy():
    """An example whose measurement is the seed."""
    module = types.ModuleType("toy", "Seeds are numbers.\n\nClaim     slide 0: they are.\nSource    None.\n")
    module.__file__ = "toy.py"
    module.NUMBER, module.SIZES = 0, {"tiny": None}
    module.measure = lambda settings, seeds: Result((Check("seed", seeds, -9.0), Check("half", seeds, -9.0)), seeds)
    module.draw = lambda figure, seeds: figure.subplots().plot(seeds)
    return module


def test_running_again_replaces_an_examples_rows(toy, tmp_path):
    for num_seeds in (2, 3):
        run(toy, "tiny", num_seeds, folder=tmp_path)
    rows = read_rows(tmp_path / "results.csv")
    assert [(row["check"], row["n"], float(row["mean"])) for row in rows] == [("seed", "3", 1.0), ("half", "3", 1.0)]
    assert (tmp_path / "pictures" / "toy.png").exists()


def test_the_interval_is_students(rng):
    values = rng.normal(size=5)
    low, high = mean_interval(values)
    half = 2.7764451051977987 * values.std(ddof=1) / 5**0.5  # the 97.5 % quantile of t with 4 degrees of freedom
    np.testing.assert_allclose([low, high], [values.mean() - half, values.mean() + half], rtol=1e-9)


def test_a_verdict_follows_from_the_intervals():
    above = Check("", (1.0, 1.1, 1.2), threshold=0.5)
    below = Check("", (1.0, 1.1, 1.2), threshold=0.5, above=False)
    wide = Check("", (0.0, 1.1, 1.2), threshold=0.5)
    assert [check.outcome for check in (above, below, wide)] == ["confirmed", "refuted", "undecided"]
    assert verdict([above]) == "confirmed"
    assert verdict([above, wide]) == "depends"
    assert verdict([below, wide]) == "not confirmed"
    with pytest.raises(ValueError, match="not finite"):
        Check("", (1.0, float("nan")), threshold=0.0)
    with pytest.raises(ValueError, match="two values"):
        mean_interval([1.0])
