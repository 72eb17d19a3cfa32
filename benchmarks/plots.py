"""Draws docs/benchmarks.png from the results of this machine: how many times as fast as each peer we are.

    python -m benchmarks.plots

Layers (TensorFlow and JAX), models, other frameworks, the pipeline: whatever has been measured here with the installed
versions. A point is a median with its 95 % interval; the pipeline's are ratios of the best of some rounds, without.
"""

from pathlib import Path

from benchmarks.pages import machine, results_file
from nntricks_keras.files import read_rows, save_atomically

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.png"


def main():
    panels = {title: rows for title, rows in measured().items() if rows}
    if not panels:
        raise SystemExit(f"nothing has been measured on {machine()} with these versions: make bench")
    draw(panels)
    print(f"wrote {PICTURE}")


def measured():
    """Panel -> [(label, ratio, low, high)], above 1 where ours is faster."""
    return {
        "layers, TensorFlow: beside stock Keras": _inverted(results_file("layers", "tensorflow")),
        "layers, JAX: beside stock Keras": _inverted(results_file("layers", "jax")),
        "models: beside keras.applications and stock Keras layers": [
            (f"{row['model']}, {row['px']} px", *_ratio(row)) for row in read_rows(results_file("models", "tensorflow"))
        ],
        "a training step: beside other frameworks, backends, and a matrix product": [
            (f"{row['model']}, {row['px']} px, {row['ours'].removeprefix('keras-')} / {row['other']}", *_ratio(row))
            for row in read_rows(results_file("frameworks", "tensorflow"))
        ],
        "input pipeline": [
            (f"{row['recipe']} / {row['against']}", *[float(row["ratio"])] * 3)
            for row in read_rows(results_file("pipeline", "tensorflow"))
        ],
    }


def _inverted(path):
    """Of times, ours / stock: how many times as fast."""
    found = []
    for row in read_rows(path):
        ratio, low, high = _ratio(row)
        found.append((row["layer"], 1 / ratio, 1 / high, 1 / low))
    return found


def _ratio(row):
    """The median and the ends of its interval."""
    return [float(row[name]) for name in ("ratio", "low", "high")]


def draw(panels):
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullFormatter

    heights = [len(rows) + 1.6 for rows in panels.values()]
    figure = Figure(figsize=(10, 0.27 * sum(heights) + 0.8), layout="constrained")
    figure.suptitle(f"Times as fast as the peer, {machine()}", x=0.01, ha="left", fontweight="bold")
    all_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (title, rows) in zip(all_axes, panels.items(), strict=True):
        for place, (_, ratio, low, high) in enumerate(rows):
            color = "tab:green" if low >= 1 else "tab:red" if high < 1 else "0.35"
            axes.plot([low, high], [place, place], color=color, lw=2.5, alpha=0.5, solid_capstyle="butt")
            axes.plot(ratio, place, "o", color=color, ms=5)
            axes.annotate(f"{ratio:.3g}", (high, place), (6, 0), textcoords="offset points", va="center", fontsize=8)
        axes.axvline(1, color="black", lw=0.8)
        axes.set_yticks(range(len(rows)), [label for label, *_ in rows], fontsize=8)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(axis="x", color="0.9")
        axes.set_title(title, loc="left", fontsize=9)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
    all_axes[-1].set_xlabel("times as fast (logarithmic scale); green faster, red slower, grey not told apart")
    save_atomically(PICTURE, lambda name: figure.savefig(name, dpi=110))


if __name__ == "__main__":
    main()
