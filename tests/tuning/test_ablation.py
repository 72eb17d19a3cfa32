"""What an ablation concludes, against references: SciPy's paired tests, a least-squares fit, the definition of Holm."""

import csv
import dataclasses
import itertools
import math
import re

import numpy as np
import pytest
import scipy.stats

from tests.tuning.made_up_runs import make_settings, rising, write_run
from tuning.ablation.effects import HELPS, HURTS, NOTHING, all_effects, target_of
from tuning.ablation.forest import draw_forest
from tuning.ablation.outcomes import read_outcomes, write_runs
from tuning.ablation.paired import holm
from tuning.ablation.tables import report, write_effects


def effect_of(effects, design, trick, measure="val_top1"):
    return next(one for one in effects if (one.design, one.trick, one.measure) == (design, trick, measure))


def outcomes_of(folder, settings, top1, **kwargs):
    """Outcomes of runs whose best validation top-1 is top1(recipe, seed)."""
    for recipe, seed in settings.runs():
        write_run(folder, settings, recipe, seed, rising(top1(recipe, seed)), **kwargs)
    return read_outcomes(folder, settings)


def test_two_seeds_that_agree_do_not_show_that_a_trick_helps(tmp_path):
    settings = make_settings(["norm"], ["add_one_in"], num_seeds=2)
    outcomes = outcomes_of(tmp_path, settings, lambda recipe, _: 0.8 + 0.05 * len(recipe))
    effects = all_effects(settings, outcomes)
    found = effect_of(effects, "add_one_in", "norm")
    assert (found.effect, found.p, found.verdict) == (pytest.approx(0.05), 0.5, NOTHING)
    assert "+5.0 (all seeds alike: no interval) p 0.5 ?" in report(settings, outcomes, effects)
    draw_forest(tmp_path / "forest.png", settings, effects)


def test_single_effects_are_the_paired_differences(tmp_path, rng):
    settings = make_settings(num_seeds=4)
    accuracy = {run: rng.integers(700, 950) / 1000 for run in settings.runs()}
    effects = all_effects(settings, outcomes_of(tmp_path, settings, lambda *run: accuracy[run]))
    full, p_values = frozenset(settings.names), []
    for name in settings.names:
        for design, after, before in [
            ("leave_one_out", full, full - {name}),
            ("add_one_in", frozenset([name]), frozenset()),
        ]:
            found = effect_of(effects, design, name)
            with_it, without = ([accuracy[recipe, seed] for seed in settings.seeds] for recipe in (after, before))
            peer = scipy.stats.ttest_rel(with_it, without)
            assert found.effect == pytest.approx(np.mean(with_it) - np.mean(without))
            assert found.p == pytest.approx(peer.pvalue)
            if design == "leave_one_out":
                p_values.append(found.p)
    corrected = [effect_of(effects, "leave_one_out", name).p_holm for name in settings.names]
    assert corrected == pytest.approx(holm(p_values))


def test_factorial_effects_and_interactions_are_those_of_least_squares(tmp_path, rng):
    names = ("norm", "keep_prob", "activation")
    settings = make_settings(names, ["factorial"], num_seeds=3)
    accuracy = {run: rng.integers(700, 950) / 1000 for run in settings.runs()}
    effects = all_effects(settings, outcomes_of(tmp_path, settings, lambda *run: accuracy[run]))
    # y = seed + sum a_i x_i + sum b_ij x_i x_j + c x_1 x_2 x_3, x = +-1/2: a main effect is a_i, an interaction b_ij.
    columns, y = [], []
    for (recipe, seed), top1 in accuracy.items():
        x = [0.5 if name in recipe else -0.5 for name in names]
        products = [x[i] * x[j] for i, j in itertools.combinations(range(3), 2)] + [math.prod(x)]
        columns.append([*(seed == other for other in settings.seeds), *x, *products])
        y.append(top1)
    fitted = np.linalg.lstsq(np.array(columns, "float64"), np.array(y), rcond=None)[0]
    for name, peer in zip(names, fitted[3:6], strict=True):
        assert effect_of(effects, "factorial", name).effect == pytest.approx(peer)
    for (one, other), peer in zip(itertools.combinations(names, 2), fitted[6:9], strict=True):
        assert effect_of(effects, "interaction", f"{one} × {other}").effect == pytest.approx(peer)


def test_a_trick_that_loses_is_said_to(tmp_path, rng, capsys):
    gains = {"activation": 0.03, "initializer": 0.0, "norm": 0.05, "keep_prob": -0.04, "augmentation": 0.0}
    settings = make_settings(num_seeds=5)
    noise = {run: 0.001 * rng.normal() for run in settings.runs()}
    outcomes = outcomes_of(tmp_path, settings, lambda *run: 0.8 + sum(gains[name] for name in run[0]) + noise[run])
    effects = all_effects(settings, outcomes)
    verdicts = {name: effect_of(effects, "leave_one_out", name).verdict for name in settings.names}
    assert verdicts["activation"] == verdicts["norm"] == HELPS
    assert verdicts["keep_prob"] == HURTS
    printed = report(settings, outcomes, effects)
    (lost,) = re.findall("LOSE, taken out of the full recipe: (.*)", printed)
    assert "keep_prob" in lost.split(", ")  # one without an effect may be taken for a loss, and stand before it
    assert "+7.0 (no norm; Activations.md)" in printed
    write_effects(tmp_path / "effects.csv", settings, effects)
    write_runs(tmp_path / "ablation.csv", settings, outcomes)
    with open(tmp_path / "effects.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["published_effect"] for row in rows if row["trick"] == "norm"} == {"0.003", ""}
    with open(tmp_path / "ablation.csv", newline="") as file:
        runs = list(csv.DictReader(file))
    assert len(runs) == 12 * 5
    assert {(run["recipe"], run["norm"]) for run in runs} >= {
        ("full", "batch"),
        ("bare", "none"),
        ("only-norm", "batch"),
    }
    draw_forest(tmp_path / "forest.png", settings, effects)
    assert (tmp_path / "forest.png").read_bytes()[:4] == b"\x89PNG"


def test_epochs_to_a_target_are_ratios_and_censored_ones_are_bounds(tmp_path):
    settings = make_settings(["norm"], ["add_one_in"], num_seeds=3, target=0.8)
    bare, norm = frozenset(), frozenset(["norm"])
    for seed, slow, fast in [(0, 4, 2), (1, 6, 3), (2, 8, 2)]:
        for recipe, epochs in [(bare, slow), (norm, fast)]:
            curve = [0.7] * (epochs - 1) + [0.8] * (9 - epochs)
            write_run(tmp_path / "all", settings, recipe, seed, curve, seconds=3.0 if recipe else 2.0)
            if seed == 2 and recipe == bare:
                curve = [0.7] * 8
            write_run(tmp_path / "some", settings, recipe, seed, curve, seconds=3.0 if recipe else 2.0)
    found = all_effects(settings, read_outcomes(tmp_path / "all", settings))
    peer = np.log([2 / 4, 3 / 6, 2 / 8])
    epochs, seconds = (effect_of(found, "add_one_in", "norm", measure) for measure in ("epochs", "seconds"))
    assert epochs.effect == pytest.approx(math.exp(peer.mean()))
    assert epochs.p == pytest.approx(scipy.stats.ttest_1samp(peer, 0).pvalue)
    assert seconds.effect == pytest.approx(1.5 * epochs.effect)  # the first epoch's graph is not counted
    assert not epochs.bound

    censored = effect_of(
        all_effects(settings, read_outcomes(tmp_path / "some", settings)), "add_one_in", "norm", "epochs"
    )
    assert (censored.bound, censored.missed_without, censored.missed_with) == ("at most", 1, 0)
    assert censored.effect == pytest.approx(epochs.effect)  # it was given 8 epochs, which is what it had needed
    assert censored.low is None
    assert censored.verdict == NOTHING


def test_the_target_is_a_little_below_the_weakest_median(tmp_path):
    settings = make_settings(["norm", "head"], ["leave_one_out", "add_one_in"], num_seeds=3)
    level = {frozenset(): 0.5, frozenset(["norm"]): 0.7, frozenset(["head"]): 0.6, frozenset(["norm", "head"]): 0.8}
    outcomes = outcomes_of(tmp_path, settings, lambda recipe, seed: level[recipe] + 0.05 * (seed - 1))
    assert target_of("leave_one_out", settings, outcomes) == pytest.approx(0.98 * 0.6)
    assert target_of("add_one_in", settings, outcomes) == pytest.approx(0.98 * 0.5)
    assert target_of("add_one_in", dataclasses.replace(settings, target=0.75), outcomes) == 0.75
    level[frozenset(["norm"])] = 0.1  # learns nothing: its epochs are unknown, and those of the others are not
    dead = outcomes_of(tmp_path / "dead", settings, lambda recipe, seed: level[recipe])
    assert target_of("add_one_in", settings, dead) == pytest.approx(0.98 * 0.5)
    found = effect_of(all_effects(settings, dead), "add_one_in", "norm", "epochs")
    assert (found.bound, found.missed_with) == ("at least", 3)
    level[frozenset(["norm"])] = 0.3  # less than half the way from 0.1 to 0.6, the best of this design
    barely = outcomes_of(tmp_path / "barely", settings, lambda recipe, seed: level[recipe])
    assert target_of("add_one_in", settings, barely) == pytest.approx(0.98 * 0.5)


def test_a_run_that_diverged_counts_as_chance(tmp_path):
    settings = make_settings(["norm"], ["add_one_in"], num_seeds=2)
    for recipe, seed in settings.runs():
        curve = [] if (recipe, seed) == (frozenset(), 0) else rising(0.8)
        write_run(tmp_path, settings, recipe, seed, curve, diverged=not recipe)
    outcomes = read_outcomes(tmp_path, settings)
    effects = all_effects(settings, outcomes)
    assert effect_of(effects, "add_one_in", "norm").effect == pytest.approx(0.7)
    assert effect_of(effects, "add_one_in", "norm", "test_top1").effect == pytest.approx(0.7)
    assert "2 diverged, counted as chance" in report(settings, outcomes, effects)
    draw_forest(tmp_path / "forest.png", settings, effects)


def test_one_seed_has_no_interval_and_the_report_says_so(tmp_path):
    settings = make_settings(num_seeds=1)
    outcomes = outcomes_of(tmp_path, settings, lambda recipe, seed: 0.7 + 0.01 * len(recipe))
    effects = all_effects(settings, outcomes)
    assert all(effect.low is None and effect.p is None and effect.verdict == NOTHING for effect in effects)
    assert "One seed has no interval" in report(settings, outcomes, effects)
    draw_forest(tmp_path / "forest.png", settings, effects)
