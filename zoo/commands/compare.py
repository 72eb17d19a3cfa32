"""Compare runs: a table of what they reached, and their curves over one another."""

from zoo.commands import load_keras_quietly
from zoo.names import UsageError


def main(argv):
    load_keras_quietly()
    import tyro

    def compare(runs: tyro.conf.Positional[tuple[str, ...]], /, picture: str = "comparison.png"):
        """What several runs reached, the best first, and their validation curves over one another.

        Args:
            runs: run folders
            picture: the PNG to write
        """
        _compare(runs, picture)

    tyro.cli(compare, args=argv, prog="python -m zoo compare")


def _compare(folders, picture):
    from nntricks_keras import training
    from nntricks_keras.training.curves import draw_comparison
    from nntricks_keras.training.history import best_epoch

    if not folders:
        raise UsageError("compare needs at least one run folder")
    runs = {folder: training.Run.open(folder) for folder in folders}
    histories = {folder: run.history for folder, run in runs.items()}
    empty = [folder for folder, history in histories.items() if not history]
    if empty:
        raise UsageError(f"no epoch of {', '.join(empty)} has ended yet")
    draw_comparison(picture, histories)

    counts = {folder: run.inputs["counts"]["validation"] for folder, run in runs.items()}
    best = {
        folder: histories[folder][run.metrics["best_epoch"] - 1]
        if run.is_complete
        else best_epoch(histories[folder], counts[folder])
        for folder, run in runs.items()
    }
    rows = [("run", "epochs", "best", "val top-1", "val loss", "test top-1", "images/s")]
    for folder in sorted(folders, key=lambda folder: (-best[folder]["val_top1"], best[folder]["val_loss"])):
        row, run = best[folder], runs[folder]
        metrics = run.metrics if run.is_complete else None
        test = (
            "unfinished" if metrics is None else f"{metrics['test']['top1']:.4f}" if "test" in metrics else "untested"
        )
        speed = sum(row["images_per_second"] for row in histories[folder]) / len(histories[folder])
        counted = f"{len(histories[folder])}", f"{row['epoch']:.0f}"
        rows.append((folder, *counted, f"{row['val_top1']:.4f}", f"{row['val_loss']:.4f}", test, f"{speed:,.0f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        name, *numbers = [
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join([name, *numbers]))
    print(f"curves: {picture}")
