"""Each variant at its own best learning rate, so that no comparison is decided by a rate that suits one side."""

# The seed that rates are chosen with: none of those that are measured.
TUNING_SEED = 1000


def best_rate(train, rates, score):
    """The learning rate at which a variant does best, and the score of each rate.

    Args:
        train: a function of (rate, seed) that trains and returns a fitting.Curve.
        rates: the grid, ascending; a step of a factor of 2 to 3.
        score: a function of a Curve, the lower the better: what the example measures.

    Returns:
        (rate, {rate: score}). Of equal scores the smallest rate wins.
    """
    scores = {rate: score(train(rate, TUNING_SEED)) for rate in rates}
    return min(rates, key=lambda rate: scores[rate]), scores


def mean_loss(curve):
    """Mean training loss over all steps: low when the training is fast. Infinite for one that diverged."""
    mean = float(curve.loss.mean())
    return mean if mean == mean else float("inf")
