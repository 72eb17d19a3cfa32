"""Fixtures every test may use."""

import numpy as np
import pytest


@pytest.fixture
def rng(request):
    """A NumPy generator with a fresh seed each run; the seed is printed when the test fails."""
    seed = np.random.SeedSequence().entropy % 2**32
    print(f"seed of rng: {seed}")
    return np.random.default_rng(seed)
