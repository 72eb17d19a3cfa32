"""The replay of recorded curves trains what a search would, one trial after the other or overtaking."""

import numpy as np
import pytest

from benchmarks.tuning import CURVES, SEEDS, read_curves, replay


def one_after_the_other(curves, order, eta):
    """Epochs of successive halving with a first rung at 1, in a plain loop: (how many, the completed trials)."""
    seen, epochs, completed = {}, 0, []
    for number in np.random.default_rng(order).permutation(len(curves)):
        for epoch in range(1, len(curves[number]) + 1):
            epochs += 1
            rung = seen.setdefault(epoch, [])
            rung.append(max(curves[number][:epoch]))
            is_rung = epoch in (1, eta, eta**2) and epoch < len(curves[number])
            if is_rung and rung[-1] < sorted(rung, reverse=True)[max(len(rung) // eta, 1) - 1]:
                break
        else:
            completed.append(int(number))
    return epochs, completed


@pytest.mark.parametrize("eta", [2, 3])
def test_one_worker_is_a_plain_loop(rng, eta):
    curves = rng.permutation(20 * 7).reshape(20, 7).tolist()  # no ties
    best = max(map(max, curves))
    for order in range(10):
        epochs, completed = one_after_the_other(curves, order, eta)
        outcome = replay(curves, "asha", {"eta": eta}, 1, order)
        assert outcome.epochs == epochs / 140
        assert outcome.gap == best - max(max(curves[number]) for number in completed)
        assert outcome.reached == (outcome.gap == 0)


@pytest.mark.parametrize("num_workers", [1, 2, 8])
def test_nothing_is_saved_or_lost_without_a_pruner(rng, num_workers):
    outcome = replay(rng.random((12, 4)).tolist(), None, {}, num_workers, 0)
    assert (outcome.epochs, outcome.reached, outcome.gap) == (1.0, True, 0.0)


def test_curves_are_read_by_trial(tmp_path):
    path = tmp_path / "curves.csv"
    path.write_text("trial,rate,epoch,val_top1,val_loss\na,1,1,0.5,9\na,1,2,0.25,9\nb,2,1,0.75,9\nb,2,2,1.0,9\n")
    assert read_curves(path) == {"": [[0.5, 0.25], [0.75, 1.0]]}
    path.write_text("trial,epoch,val_top1,machine\na,1,0.5,\na,1,0.75,mine\na,2,0.25,mine\n")
    assert read_curves(path) == {"": [[0.5]], "mine": [[0.75, 0.25]]}


@pytest.mark.parametrize("num_workers", [1, 2])
def test_asha_finds_the_best_of_the_recorded_search_in_half_of_its_epochs(num_workers):
    for curves in read_curves(CURVES).values():
        outcomes = [replay(curves, "asha", {}, num_workers, order) for order in range(SEEDS)]
        assert np.mean([outcome.epochs for outcome in outcomes]) <= 0.5
        assert all(outcome.reached for outcome in outcomes)


def test_a_trial_as_good_as_the_best_is_not_the_best():
    curves = [[0.1, 0.9], *[[0.5, 0.9]] * 7]
    outcomes = [replay(curves, "asha", {"eta": 2}, 1, order) for order in range(20)]
    assert all(outcome.gap == 0 for outcome in outcomes)
    first = [np.random.default_rng(order).permutation(8)[0] == 0 for order in range(20)]  # nobody to fall behind
    assert [outcome.reached for outcome in outcomes] == first
