"""Draws docs/benchmarks.png from what the pages show: how many times as fast as each peer we are.

    python -m benchmarks.plots

Layers (TensorFlow and JAX), models, other frameworks, the pipeline, each of the machine that its page names. A point is
a median with its 95 % interval.
"""

from pathlib import Path

from benchmarks.pages import results_shown
from nntricks_keras.files import read_rows, save_atomically

HERE = Path(__file__).resolve().parent
PICTURE = HERE.parent / "docs" / "benchmarks.png"


def main():
    draw(measured())
    print(f"wrote {PICTURE}")


def measured():
    """(what, machine) -> [(label, ratio, low, high)], above 1 where ours is faster."""
    tables = {
        "layers, TensorFlow: beside stock Keras": ("layers", "tensorflow", "README.md", "layers tensorflow", _layer),
        "layers, JAX: beside stock Keras": ("layers", "jax", "README.md", "layers jax", _layer),
        "models: beside keras.applications and stock layers": ("models", "tensorflow", "models.md", "models", _model),
        "training step: beside others and a product": ("frameworks", "tensorflow", "models.md", "frameworks", _step),
        "input pipeline": ("pipeline", "tensorflow", "pipeline.md", "pipeline", _pipeline),
    }
    panels = {}
    for title, (kind, package, page, table, point) in tables.items():
        found = results_shown(kind, package, HERE / page, table)
        if found:
            machine, path = found
            panels[title, machine] = [point(row) for row in read_rows(path)]
    return panels


def _layer(row):
    """Of times, ours / stock: how many times as fast."""
    ratio, low, high = _ratio(row)
    return row["layer"], 1 / ratio, 1 / high, 1 / low


def _model(row):
    return f"{row['model']}, {row['px']} px", *_ratio(row)


def _step(row):
    ours = row["ours"].removeprefix("keras-")
    return f"{row['model']}, {row['batch']} of {row['px']} px, {ours} / {row['other']}", *_ratio(row)


def _pipeline(row):
    return f"{row['recipe']} / {row['against']}", *_ratio(row)


def _ratio(row):
    """The median and the ends of its interval."""
    return [float(row[name]) for name in ("ratio", "low", "high")]


def draw(panels):
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter

    heights = [len(rows) + 2.2 for rows in panels.values()]
    figure = Figure(figsize=(10, 0.27 * sum(heights) + 0.8), layout="constrained")
    figure.suptitle("Times as fast as the peer", x=0.01, ha="left", fontweight="bold")
    all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, ((title, machine), rows) in zip(all_axes, panels.items(), strict=True):
        for place, (_, ratio, low, high) in enumerate(rows):
            color = "tab:green" if low >= 1 else "tab:red" if high < 1 else "0.35"
            axes.plot([low, high], [place, place], color=color, lw=2.5, alpha=0.5, solid_capstyle="butt")
            axes.plot(ratio, place, "o", color=color, ms=5)
            axes.annotate(f"{ratio:.3g}", (high, place), (6, 0), textcoords="offset points", va="center", fontsize=8)
        axes.axvline(1, color="black", lw=0.8)
        axes.set_yticks(range(len(rows)), [label for label, *_ in rows], fontsize=8)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xscale("log", base=2)
        axes.margins(x=0.08)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="x", color="0.9")
        axes.set_title(f"{title}\n{machine}", loc="left", fontsize=9)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    all_axes[-1].set_xlabel("times as fast (logarithmic scale); green faster, red slower, grey not told apart")
    save_atomically(PICTURE, lambda name: figure.savefig(name, dpi=110))


if __name__ == "__main__":
    main()
