"""Which epoch of a training is its best: rows of Run.history compared."""

import math


def best_epoch(history, num_images):
    """The row of the last epoch that validation cannot tell from its most accurate one.

    It cannot within one standard error of that accuracy p over n images, as Agresti and Coull (1998) put it, with two
    images more on either side so that a perfect p has an error too: sqrt(q (1 - q) / (n + 4)), q = (n p + 2) / (n + 4).
    The most accurate of many epochs owes that to chance, and may be one of a high learning rate, whose weights are
    worth less on other images; a later one has learnt more. One that is worse by more than the error is passed over.

    Args:
        history: rows of Run.history, at least one.
        num_images: of validation, n.
    """
    highest = max(row["val_top1"] for row in history)
    share = (num_images * highest + 2) / (num_images + 4)
    least = highest - math.sqrt(share * (1 - share) / (num_images + 4))
    return next(row for row in reversed(history) if row["val_top1"] >= least)
