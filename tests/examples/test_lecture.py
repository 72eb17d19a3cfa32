"""The measured lecture: every example runs at a tiny size, and what is written about it is what was measured."""

import importlib
import math
import threading
import types

import numpy as np
import pytest
from PIL import Image

from examples.measuring import gallery, running
from examples.measuring.claims import Check, mean_interval, verdict
from examples.measuring.running import EXAMPLES, Result, run
from nntricks_keras.files import read_rows

NAMES = gallery.names()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_at_a_tiny_size(name, tmp_path):
    example = importlib.import_module(f"examples.{name}")
    rows = run(example, "tiny", num_seeds=2, folder=tmp_path)
    assert [row["check"] for row in read_rows(tmp_path / "results.csv")] == [row["check"] for row in rows]
    assert all(math.isfinite(float(row[column] or 0)) for row in rows for column in ("mean", "low", "high"))
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
    for make in (mean_interval, lambda values: Check("", values, threshold=0.0)):
        with pytest.raises(ValueError, match="two values"):
            make([1.0])


@pytest.mark.parametrize("value", [0.25, 0.75])
def test_equal_values_confirm_nothing_unless_no_chance_is_in_them(value):
    on_the_side = "confirmed" if value > 0.5 else "refuted"
    for number, outcome in [(2, "undecided"), (5, "undecided"), (6, on_the_side)]:  # 2 of 2^6 signs are as far from 0
        check = Check("", (value,) * number, threshold=0.5)
        assert (check.outcome, check.interval) == (outcome, None)
    assert Check("", (0.5,) * 9, threshold=0.5).outcome == "undecided"
    exact = Check("", (value,) * 2, threshold=0.5, exact=True)
    assert (exact.outcome, exact.interval) == (on_the_side, (value, value))


def test_a_row_says_with_how_many_threads_and_by_which_command_it_was_measured(toy, tmp_path, monkeypatch):
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    toy.measure = lambda settings, seeds: Result((Check("alike", [1.0] * 3, 0.0),), seeds)
    run(toy, "tiny", 3, folder=tmp_path)
    (row,) = read_rows(tmp_path / "results.csv")
    assert (row["threads"], row["cores"], row["outcome"]) == ("1", "2", "undecided")
    assert running.spread(row) == "1 (all equal: no interval), n = 3"
    row |= {"size": "full", "seconds": "7"}
    assert gallery.command(row) == "python -m examples.toy --full"
    assert gallery.seconds(row) == "7 s with 1 of 2 threads"
    assert gallery.seconds(row | {"threads": ""}) == "7 s"
    assert "(--full, 2 cores of" in gallery.with_measured('"""A.\nMeasured  not yet\n"""', [row])


def test_an_example_waits_for_another_that_writes(tmp_path, toy):
    with running._alone():
        waiting = threading.Thread(target=run, args=(toy, "tiny", 2, tmp_path))
        waiting.start()
        waiting.join(1)
        assert not (tmp_path / "results.csv").exists()
    waiting.join(60)
    assert len(read_rows(tmp_path / "results.csv")) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"results.csv", "pictures"}
