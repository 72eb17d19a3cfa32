"""curves.png: what a training did, epoch by epoch, and several of them over one another."""

from nntricks_keras.files import save_atomically

TRAINING, VALIDATION = "#9aa5b1", "#c8553d"


def draw_curves(path, history, best, title, metrics=None):
    """Draws accuracy and loss by epoch, with the learning rate below, to a PNG.

    Args:
        path: where the PNG goes.
        history: rows of Run.history, at least one.
        best: the one whose weights are kept.
        title: the headline.
        metrics: contents of metrics.json; its test top-1 is drawn as a line.
    """
    from matplotlib.figure import Figure  # no window, no global state; half a second, so only when a picture is due

    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(10, 5.2), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[4, 1])
    accuracy, loss = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
    rate = figure.add_subplot(grid[1, :])
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")

    for axes, name, label in [(accuracy, "top1", "top-1 accuracy"), (loss, "loss", "cross-entropy")]:
        for prefix, color, split in [("", TRAINING, "training (augmented)"), ("val_", VALIDATION, "validation")]:
            axes.plot(epochs, [row[prefix + name] for row in history], color=color, lw=2, marker="o", ms=3, label=split)
        axes.set_title(label, loc="left", fontsize=10)
        axes.set_xlabel("epoch")
    kept = f"kept {best['val_top1']:.4f}"
    accuracy.plot(best["epoch"], best["val_top1"], "o", ms=9, mfc="none", mec=VALIDATION, mew=1.5, label=kept)
    if metrics:
        test = metrics["test"]["top1"]
        accuracy.axhline(test, color="black", lw=0.8, ls=(0, (4, 3)), label=f"test {test:.4f}")
    accuracy.legend(frameon=False, loc="lower right")
    loss.legend(frameon=False)
    rate.plot(epochs, [row["learning_rate"] for row in history], color="black", lw=1, drawstyle="steps-post")
    rate.set_title("learning rate at the end of each epoch", loc="left", fontsize=10)
    for axes in (accuracy, loss, rate):
        _tidy(axes)
    save_atomically(path, lambda name: figure.savefig(name, dpi=130))


def draw_comparison(path, histories):
    """Draws the validation accuracy and loss of several runs over one another, to a PNG.

    Args:
        path: where the PNG goes.
        histories: {label: rows of Run.history}.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    panels = figure.subplots(1, 2)
    colors = colormaps["tab10"].colors
    for axes, name, title in zip(
        panels, ("top1", "loss"), ("validation top-1 accuracy", "validation cross-entropy"), strict=True
    ):
        for index, (label, history) in enumerate(histories.items()):
            epochs = [row["epoch"] for row in history]
            values = [row[f"val_{name}"] for row in history]
            axes.plot(epochs, values, color=colors[index % 10], ls="-" if index < 10 else "--", lw=1.8, label=label)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel("epoch")
        _tidy(axes)
    panels[0].legend(frameon=False, fontsize=8)
    save_atomically(path, lambda name: figure.savefig(name, dpi=130))


def _tidy(axes):
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e8eb", lw=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.get_major_locator().set_params(integer=True)
