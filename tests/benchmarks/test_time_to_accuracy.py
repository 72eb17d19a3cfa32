"""One clock for all networks, and a table that keeps what another machine measured."""

import ast
import dataclasses
import time

import pytest

import zoo
from benchmarks import time_to_accuracy


def test_the_clock_of_ours_runs_through_what_no_epoch_counts(monkeypatch):
    def train(experiment, folder, image_data, callbacks):
        trained.append(experiment.recipe)
        for epoch in range(2):
            time.sleep(0.1)  # the look before the training, a checkpoint
            for callback in callbacks:
                callback.on_epoch_end(epoch, {"val_top1": 0.5 + epoch / 10})

    trained = []
    monkeypatch.setattr(zoo, "train", train)
    (first, one), (second, two) = time_to_accuracy.NETWORKS["quick"](zoo.Experiment(), None, 3)
    assert trained == [dataclasses.replace(zoo.recipe("quick"), seed=3)]
    assert (one, two) == (0.5, 0.6)
    assert first >= 0.1
    assert second >= first + 0.1


@pytest.mark.parametrize(("named", "trained"), [([], ["ours", "peer"]), (["peer"], ["peer"])])
def test_without_a_name_all_networks_are_trained(monkeypatch, capsys, named, trained):
    networks = dict.fromkeys(["peer", "ours"], lambda experiment, images, seed: [(1.0, 0.5)])
    monkeypatch.setattr(time_to_accuracy, "NETWORKS", networks)
    monkeypatch.setattr(time_to_accuracy, "load_data", lambda experiment: None)
    monkeypatch.setattr("sys.argv", ["time_to_accuracy", *named, "--seeds", "0"])
    time_to_accuracy.main()
    assert [ast.literal_eval(line)["network"] for line in capsys.readouterr().out.splitlines()] == trained


def test_means_are_over_all_seeds_of_a_machine_and_another_machines_rows_stay(tmp_path, monkeypatch):
    page = tmp_path / "accuracy.md"
    page.write_text("<!-- time to accuracy -->\n<!-- end of time to accuracy -->\n")
    monkeypatch.setattr(time_to_accuracy, "PAGE", page)
    monkeypatch.setattr(time_to_accuracy, "RESULTS", tmp_path)

    def row(seed, seconds, reached):
        marks = {f"seconds_to_{mark}": reached if mark == 0.88 else None for mark in time_to_accuracy.MARKS}
        return {"network": "quick", "seed": seed, "seconds": seconds, "best": 0.9, **marks}

    monkeypatch.setattr(time_to_accuracy, "machine", lambda: "A processor, 2 cores")
    time_to_accuracy.write([row(0, 10.0, 4.0), row(1, 20.0, 8.0)], "fashion_mnist")
    time_to_accuracy.write([row(1, 30.0, 6.0)], "fashion_mnist")
    monkeypatch.setattr(time_to_accuracy, "machine", lambda: "Another, 64 cores")
    time_to_accuracy.write([row(0, 1.0, None)], "fashion_mnist")
    lines = [line for line in page.read_text().splitlines() if line.startswith("| quick")]
    assert [line.split(" | ")[1:2] + line.split(" | ")[6:9] for line in lines] == [
        ["5 s", "0.9000", "20 s", "2"],
        ["never", "0.9000", "1 s", "1"],
    ]
    assert ["A processor" in line for line in lines] == [True, False]
