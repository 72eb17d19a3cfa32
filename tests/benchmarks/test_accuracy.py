"""What is kept of measured trainings: all seeds, each with the machine and the versions that it was run with."""

import json
import os
from types import SimpleNamespace

import pytest

from benchmarks import accuracy, pages
from nntricks_keras.files import read_rows, write_json
from nntricks_keras.hardware import processor_name, usable_cores

HERE, ELSEWHERE = "Some processor, 2 cores", "Another, 64 cores"
PAGE = "before\n<!-- accuracy -->\n<!-- end of accuracy -->\nafter\n"


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The folder that results, page and card are kept in."""
    monkeypatch.setattr(accuracy, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(accuracy, "CARDS", tmp_path)
    monkeypatch.setattr(accuracy, "PAGE", tmp_path / "accuracy.md")
    (tmp_path / "accuracy.md").write_text(PAGE)
    write_json(tmp_path / "vgg_mini.json", {"measured": []})
    return tmp_path


def row(seed, top1, machine=HERE):
    about = {"setting": "quick", "model": "vgg_mini", "seed": seed, "test_top1": top1, "validation_top1": 0.9}
    made = {"epochs": 20, "seconds": 60.0 + seed, "parameters": 163570, "computed_in": "float32"}
    return about | made | {"machine": machine, "versions": "tensorflow 2.21.0, keras 3.15.1"}


def write(*rows):
    accuracy.write(accuracy.SETTINGS["quick"], list(rows))


def measured(folder):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads((folder / "vgg_mini.json").read_text(), parse_constant=refuse)["measured"]


def test_one_seed_measured_anew_stays_one_of_three(kept):
    write(row(0, 0.9), row(1, 0.92), row(2, 0.94))
    write(row(0, 0.93))
    (entry,) = measured(kept)
    assert (entry["value"], entry["seeds"], entry["spread"], entry["seconds"]) == (0.93, 3, 0.01, 61)
    assert "| **0.9300** | 0.0100 | 0.9300, 0.9200, 0.9400 |" in (kept / "accuracy.md").read_text()


def test_a_single_seed_has_no_spread(kept):
    write(row(0, 0.9))
    (entry,) = measured(kept)
    assert "spread" not in entry
    assert entry["seeds"] == 1
    page = (kept / "accuracy.md").read_text()
    assert "nan" not in page
    assert page.startswith("before\n")
    assert page.endswith("after\n")


def test_seeds_of_several_machines_make_one_line_that_names_them(kept):
    write(row(0, 0.9), row(1, 0.92))
    write(row(1, 0.91, ELSEWHERE), row(2, 0.8, ELSEWHERE))
    (entry,) = measured(kept)
    assert (entry["hardware"], entry["seeds"]) == (f"{HERE}; {ELSEWHERE}", 3)
    (line,) = [line for line in (kept / "accuracy.md").read_text().splitlines() if "quick" in line]
    assert f"0.9000, 0.9100, 0.8000 | 1.0 | 0.93 | 6 | {HERE}; {ELSEWHERE} |" in line
    assert len(read_rows(kept / "results" / "accuracy.csv")) == 3


def test_a_run_of_any_age_is_told_with_its_own_machine_and_versions(tmp_path, monkeypatch):
    folder = tmp_path / "quick-0"
    folder.mkdir()
    write_json(folder / "experiment.json", {})
    write_json(
        folder / "environment.json",
        {"processor": "Old processor", "cores": 3, "versions": {"keras": "3.1", "tensorflow": "2.9", "numpy": "1.0"}},
    )
    layers = [None, SimpleNamespace(compute_dtype="float32")]
    metrics = {"test": {"top1": 0.9}, "validation": {"top1": 0.9}, "epochs": 1, "seconds": 1.0, "parameters": 1}
    run = SimpleNamespace(folder=folder, metrics=metrics, load_model=lambda: SimpleNamespace(layers=layers))
    monkeypatch.setattr(accuracy.training.Run, "open", lambda folder: run)
    commands = []
    monkeypatch.setattr(accuracy.subprocess, "run", lambda command, check: commands.append(command))
    found = accuracy.run("quick", accuracy.SETTINGS["quick"], 0, SimpleNamespace(runs=tmp_path, data_dir="there"))
    (command,) = commands  # which refuses a folder of another experiment
    told = "--model vgg_mini --data fashion_mnist --recipe quick --data-dir there --seed 0"
    assert " ".join(command[1:]) == f"-m zoo train {told} --run-dir {folder} --resume"
    assert (found["machine"], found["versions"]) == ("Old processor, 3 cores", "tensorflow 2.9, keras 3.1")
    here = {"processor": processor_name(), "cores": os.cpu_count(), "usable_cores": usable_cores()}
    assert pages.machine_of(here) == pages.machine()
    assert pages.machine_of(here | {"cores": 64, "usable_cores": 3}) == f"{processor_name()}, 3 of 64 cores"


def test_without_a_name_all_of_fashion_mnist_is_trained(monkeypatch, capsys):
    monkeypatch.setattr(accuracy, "run", lambda name, setting, seed, options: {"test_top1": 0.9})
    monkeypatch.setattr("sys.argv", ["accuracy", "--seeds", "0"])
    accuracy.main()
    told = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert told == [name for name, setting in accuracy.SETTINGS.items() if setting.table == "accuracy"]
    assert "quick" in told


def test_a_pinned_process_says_of_how_many_cores(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    assert pages.machine().startswith(f"{processor_name()}, 1 of 2 cores")


def test_a_write_that_is_broken_off_leaves_what_was_there(tmp_path):
    pages.write_rows(tmp_path / "rows.csv", [{"a": 1}])
    with pytest.raises(ValueError, match="bad"):
        pages.write_rows(tmp_path / "rows.csv", [{"a": 2}, {"a": Unprintable()}])
    assert read_rows(tmp_path / "rows.csv") == [{"a": "1"}]
    rows = pages.write_rows(tmp_path / "rows.csv", [{"a": 2, "b": 3}], keys=("a",))  # a column was added since
    assert read_rows(tmp_path / "rows.csv") == [{"a": "1", "b": ""}, {"a": "2", "b": "3"}]
    assert len(rows) == 2


class Unprintable:
    def __str__(self):
        raise ValueError("bad")
