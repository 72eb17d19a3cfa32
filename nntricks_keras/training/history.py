"""Which epoch of a training is its best: rows of Run.history compared."""


def quality(row):
    """Of an epoch, the larger the better: validation top-1, and of equal ones the smaller validation loss.

    A few hundred validation images tie often, above all once they are nearly all told apart: of such epochs the first
    may be one of a high learning rate, whose weights are worth less on other images.
    """
    return row["val_top1"], -row["val_loss"]


def best_epoch(history):
    """The row of the best epoch of a history that is not empty; of equal ones the first."""
    return max(history, key=quality)
