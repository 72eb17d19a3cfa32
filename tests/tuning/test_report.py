"""The page needs no network, takes nothing of the user's for markup, and what it draws is what was recorded."""

import csv
import html.parser
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tuning
import zoo
from nntricks_keras.errors import InputError
from tuning.studies import COMPLETED, FAILED, PRUNED, RUNNING, Execution, Study, StudySettings, TrialRecord
from zoo.commands import run_command

SPACE = [
    {"class_name": "Choice", "config": {"name": "norm", "conditions": [], "values": ["none", "batch"]}},
    {
        "class_name": "Float",
        "config": {"name": "rate", "conditions": [], "min_value": 0.001, "max_value": 1.0, "sampling": "log"},
    },
    {
        "class_name": "Float",
        "config": {
            "name": "alpha",
            "conditions": [{"class_name": "Parent", "config": {"name": "norm", "values": ["batch"]}}],
            "min_value": 0.0,
            "max_value": 1.0,
        },
    },
]


def make_study(folder, rng, statuses, **settings):
    """A study with a trial of random curves for each status, written as a search writes it."""
    settings = {"space": "tricks", "hyperparameters": SPACE, "num_trials": len(statuses)} | settings
    study = Study(folder)
    study.write_settings(StudySettings(zoo.Experiment(), **settings))
    for index, status in enumerate(statuses):
        drawn = {"norm": "batch", "alpha": float(rng.uniform())} if index % 2 else {"norm": "none"}
        drawn["rate"] = float(10 ** rng.uniform(-3, 0))
        epochs = 6 if status == COMPLETED else 2
        history = [
            {"epoch": epoch + 1.0, "val_top1": float(rng.uniform(0.5, 0.9)), "val_loss": float(rng.uniform(0.3, 0.9))}
            for epoch in range(epochs)
        ]
        study.write(
            TrialRecord(
                f"{index:04d}",
                status,
                drawn,
                zoo.Experiment().to_dict(),
                (Execution(0, f"runs/{index:04d}/0", history),),
                score=max(row["val_top1"] for row in history) if status in (COMPLETED, PRUNED) else None,
                reason="fell behind" if status == PRUNED else None,
                notes=("half the batch",) if index == 0 else (),
                error="Traceback: boom" if status == FAILED else None,
                seconds=61.0,
            )
        )
    return study


class Reader(html.parser.HTMLParser):
    """The elements of a page, and its text."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self.inside = [], "", ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        if self.inside not in ("script", "style"):
            self.text += data

    def all(self, tag, class_=None):
        return [
            a for name, a in self.elements if name == tag and (class_ is None or class_ in a.get("class", "").split())
        ]


def written(study):
    page = tuning.report(study.folder).read_text()
    return page, Reader(page)


def pictures(page):
    """The pictures as XML trees: whatever a browser forgives, they are well-formed."""
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


@pytest.fixture
def study(tmp_path, rng):
    return make_study(tmp_path / "study", rng, [COMPLETED] * 5 + [PRUNED] * 2 + [FAILED], pruner="asha")


def test_the_page_holds_everything_itself(study):
    page, reader = written(study)
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"link", "img", "iframe", "object", "embed", "base", "a", "form"}
    assert [a.get("src") for a in reader.all("script")] == [None]
    assert not re.search(r"url\((?!#frame\))|@import|https?://(?!www\.w3\.org/2000/svg)", page)
    policy = next(a["content"] for a in reader.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "prefers-color-scheme: dark" in page


def test_the_headline_and_the_tables_say_what_was_recorded(study):
    _, reader = written(study)
    best = study.ranked()[0]
    assert f"{best.score:.4f}" in reader.text
    assert "5 completed, 2 pruned, 1 failed" in reader.text
    assert "8 min 08 s" in reader.text  # 8 trials of 61 s
    assert "fell behind" in reader.text
    assert "half the batch" in reader.text
    assert "Traceback: boom" in reader.text
    rows = [a["data-trial"] for a in reader.all("tr", "trial")]
    assert rows[:5] == [record.trial_id for record in study.ranked()]


def test_the_command_trains_the_best_trial_and_no_other(study):
    best, run = study.ranked()[0], study.run_folder(study.ranked()[0].trial_id, 0)
    assert "--experiment" not in written(study)[1].text
    run.mkdir(parents=True)
    zoo.Experiment.from_dict(best.experiment).save(run / "experiment.json")
    zoo.Experiment(model="vgg11").save(study.folder / "best.json")  # of a trial that was the best a moment ago
    assert f"python -m zoo train --experiment {run}" in written(study)[1].text
    zoo.Experiment.from_dict(best.experiment).save(study.folder / "best.json")
    assert f"python -m zoo train --experiment {study.folder / 'best.json'}" in written(study)[1].text


def test_the_curves_are_those_of_the_records(study):
    page, _ = written(study)
    frame = next(picture for picture in pictures(page) if "by epoch" in picture.get("aria-label"))
    ticks = [(float(t.get("y")) - 4, float(t.text)) for t in frame.iter("text") if t.get("text-anchor") == "end"]
    slope, offset = np.polyfit(*zip(*ticks, strict=True), 1)  # pixels to score, by what the axis itself says
    for record in study.records():
        path = next(p for p in frame.iter("path") if p.get("data-trial") == record.trial_id)
        assert record.status in path.get("class")
        points = re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path.get("d").split(" M")[0])
        heights = [slope * float(y) + offset for _, y in points]
        np.testing.assert_allclose(heights, record.curve("val_top1"), atol=0.002)
        assert (" m-8 0" in path.get("d")) == (record.status in (PRUNED, FAILED))
    best = [p.get("data-trial") for p in frame.iter("path") if "best" in p.get("class").split()]
    assert best == [study.ranked()[0].trial_id]


def test_parallel_coordinates_cross_each_axis_at_the_value(study):
    page, _ = written(study)
    chart = next(picture for picture in pictures(page) if "parallel coordinates" in picture.get("aria-label"))
    axes = [group for group in chart.iter("g") if group.find("title") is not None and group.find("rect") is not None]
    assert [group.find("title").text for group in axes] == ["norm", "rate", "alpha", "val_top1"]
    marks = [
        [
            (float(t.get("y")) - 4, t.text or t.find("title").tail)
            for t in g.iter("text")
            if t.get("text-anchor") is None
        ]
        for g in axes
    ]
    levels = {label: y for y, label in marks[0]}
    to_log_rate = np.polyfit([y for y, _ in marks[1]], [np.log10(float(label)) for _, label in marks[1]], 1)
    to_alpha = np.polyfit([y for y, _ in marks[2]], [float(label) for _, label in marks[2]], 1)
    lines = {path.get("data-trial"): path.get("data-heights") for path in chart.iter("path")}
    scored = [record for record in study.records() if record.status in (COMPLETED, PRUNED)]
    assert set(lines) == {record.trial_id for record in scored}
    for record in scored:
        norm, rate, alpha, _ = map(float, lines[record.trial_id].split())
        drawn = record.hyperparameters
        assert norm == pytest.approx(levels[drawn["norm"]], abs=0.1)
        assert np.polyval(to_log_rate, rate) == pytest.approx(np.log10(drawn["rate"]), abs=0.01)
        if "alpha" in drawn:
            assert np.polyval(to_alpha, alpha) == pytest.approx(drawn["alpha"], abs=0.01)
        else:
            assert alpha > max(y for y, _ in marks[2]) + 10  # below the axis


def test_slices_leave_out_trials_that_did_not_use_a_hyperparameter(study):
    page, _ = written(study)
    slices = {p.get("aria-label"): p for p in pictures(page) if " against " in p.get("aria-label")}
    scored = [record for record in study.records() if record.status in (COMPLETED, PRUNED)]
    for name in ("norm", "rate", "alpha"):
        dots = {dot.get("data-trial") for dot in slices[f"val_top1 against {name}"].iter("circle")}
        assert dots == {record.trial_id for record in scored if name in record.hyperparameters}


HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;\udc80"


def test_nothing_of_the_users_is_taken_for_markup(tmp_path, rng):
    study = make_study(
        tmp_path / "<img src=x onerror=alert(1)>", rng, [COMPLETED] * 3 + [PRUNED, FAILED], space=HOSTILE
    )
    study.write_settings(
        StudySettings(zoo.Experiment(data=HOSTILE), HOSTILE, pruner=HOSTILE, num_trials=5, tuner=HOSTILE)
    )
    for record in study.records():
        values = json.loads(json.dumps(record.to_dict()))
        values |= {
            "trial_id": record.trial_id + "\" onload='alert(1)' <b>",
            "reason": HOSTILE,
            "error": HOSTILE,
            "notes": [HOSTILE],
        }
        values["hyperparameters"] |= {HOSTILE: f"{HOSTILE}{record.trial_id}", "number": float(rng.uniform())}
        values["experiment"]["data"] = HOSTILE
        (study.folder / "trials" / f"{record.trial_id}.json").write_text(json.dumps(values))
    page, reader = written(study)
    plain = written(make_study(tmp_path / "plain", rng, [COMPLETED]))[1]
    assert len(reader.all("script")) == 1
    assert not reader.all("img")
    assert not reader.all("b")
    assert not [name for _, attributes in reader.elements for name in attributes if name.startswith("on")]
    known = {tag for tag, _ in plain.elements} | {"path", "rect", "clippath", "section", "details", "summary", "pre"}
    assert {tag for tag, _ in reader.elements} <= known | {
        "h2",
        "svg",
        "g",
        "title",
        "circle",
        "line",
        "text",
        "tr",
        "td",
    }
    assert HOSTILE[:-1] in reader.text  # and yet it can be read
    assert pictures(page)


def test_a_study_that_has_just_begun_says_so(tmp_path, rng):
    _, reader = written(make_study(tmp_path / "none", rng, [], num_trials=4))
    assert "0 of 4 trials" in reader.text
    assert "No trial has completed" in reader.text
    _, reader = written(make_study(tmp_path / "running", rng, [RUNNING, FAILED], num_trials=4))
    assert "1 of 4 trials" in reader.text
    assert "No trial has completed" in reader.text
    page, reader = written(make_study(tmp_path / "one", rng, [COMPLETED]))
    assert "One trial only" in reader.text
    assert "not ended" not in reader.text
    assert "Too few trials to tell" in reader.text
    assert len(pictures(page)) == 1  # its curve; nothing to compare


def test_lower_is_better_where_the_study_says_so(tmp_path, rng):
    study = make_study(tmp_path / "study", rng, [COMPLETED] * 4, objective="val_loss", direction="min")
    for record in study.records():
        study.write(TrialRecord(**{**vars(record), "score": min(record.curve("val_loss"))}))
    page, reader = written(study)
    assert f"{min(record.score for record in study.records()):.4f}" in reader.text
    assert "pruned" not in reader.text  # nothing was
    chart = next(picture for picture in pictures(page) if "parallel coordinates" in picture.get("aria-label"))
    heights = {path.get("data-trial"): float(path.get("data-heights").split()[-1]) for path in chart.iter("path")}
    assert heights[study.ranked()[0].trial_id] == min(heights.values())  # the best above


def test_the_tables_read_back_equal(study):
    tuning.report(study.folder)
    records = study.records()
    with open(study.folder / "trials.csv", newline="") as file:
        trials = list(csv.DictReader(file))
    for row, record in zip(trials, records, strict=True):
        assert (row["trial"], row["status"], row["reason"]) == (record.trial_id, record.status, record.reason or "")
        assert row["score"] == ("" if record.score is None else repr(record.score))
        assert {name for name in ("norm", "rate", "alpha") if row[f"hp.{name}"]} == set(record.hyperparameters)
        assert float(row["hp.rate"]) == record.hyperparameters["rate"]
    with open(study.folder / "curves.csv", newline="") as file:
        epochs = list(csv.DictReader(file))
    expected = [(r.trial_id, row["val_top1"]) for r in records for e in r.executions for row in e.history]
    assert [(row["trial"], float(row["val_top1"])) for row in epochs] == expected


def test_the_command_writes_the_page_and_refuses_what_is_no_study(study, tmp_path, capsys, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    assert run_command("python -m tuning", "tuning.commands", ["report", str(study.folder)]) == 0
    assert str(study.folder / "report.html") in capsys.readouterr().out
    assert not opened
    assert run_command("python -m tuning", "tuning.commands", ["report", str(study.folder), "--open"]) == 0
    assert opened == [(study.folder / "report.html").resolve().as_uri()]
    with pytest.raises(InputError, match=r"study\.json"):
        tuning.report(tmp_path)
    assert run_command("python -m tuning", "tuning.commands", ["report", str(tmp_path)]) == 2
    assert "not a study" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()
