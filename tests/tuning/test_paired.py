"""Student's t, the exact test where there is no spread, and Holm's correction, against SciPy and definitions."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import scipy.stats

from tuning.ablation.paired import holm, mean_of


def test_mean_and_interval_are_scipys(rng):
    before, after = rng.normal(size=(2, 7))
    found = mean_of(after - before)
    peer = scipy.stats.ttest_rel(after, before)
    interval = peer.confidence_interval(0.95)
    np.testing.assert_allclose([found.p, found.low, found.high], [peer.pvalue, interval.low, interval.high])
    assert mean_of([0.25]).low is None
    assert mean_of([0.25]).p is None


@pytest.mark.parametrize("number", [2, 5, 8])
def test_differences_without_a_spread_have_the_exact_p_of_sign_flips_and_no_interval(number, rng):
    gain = rng.uniform(0.01, 0.1)
    rounded = [gain, *([math.nextafter(gain, 1)] * (number - 1))]  # one unit in the last place, as sums leave it
    for values in ([gain] * number, [-gain] * number, rounded):
        found = mean_of(values)
        exact = scipy.stats.permutation_test(
            (np.array(values),), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        assert found.p == pytest.approx(exact.pvalue)
        assert found.low is found.high is None
    for nothing in (0.0, 1e-17):
        assert mean_of([nothing] * number) == dataclasses.replace(mean_of([nothing]), p=1.0)


def test_holm_is_the_closed_test_of_bonferroni(rng):
    """A hypothesis is rejected if every set of hypotheses that has it is, by Bonferroni: p = max of min(p) * size."""
    p_values = rng.uniform(0, 0.2, 5)
    sets = [chosen for size in range(1, 6) for chosen in itertools.combinations(range(5), size)]
    closed = [max(min(1, min(p_values[list(s)]) * len(s)) for s in sets if index in s) for index in range(5)]
    np.testing.assert_allclose(holm(list(p_values)), closed)
    assert holm([None, 0.04, 0.03]) == [None, 0.06, 0.06]
