"""forest.png: a row a trick, an interval a design; what lies left of the line loses, what crosses it says nothing."""

import math

from nntricks_keras.files import save_atomically
from tuning.ablation import published
from tuning.ablation.designs import ADD_ONE_IN, FACTORIAL, LEAVE_ONE_OUT, TITLES
from tuning.ablation.effects import HELPS, HURTS, NOTHING

# Okabe and Ito's colours, which everyone can tell apart.
COLORS = {HELPS: "#0072B2", HURTS: "#D55E00", NOTHING: "#8a8f98"}
MARKERS = {LEAVE_ONE_OUT: "o", ADD_ONE_IN: "s", FACTORIAL: "D"}
INK, PUBLISHED_INK = "#222222", "#222222"
PANELS = [
    ("val_top1", "validation top-1, percentage points", ("loses  ←  ", "  →  gains")),
    ("epochs", "epochs to the target, with / without", ("faster  ←  ", "  →  slower")),
    ("seconds", "seconds to the target, with / without", ("faster  ←  ", "  →  slower")),
]
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
NEAR, FAR = 2, 15  # points: of an axis that reaches beyond FAR, what lies within NEAR is drawn to scale
POINTS = (-50, -10, -2, 0, 2, 10, 50)
WIDEST = {"val_top1": 100, "epochs": 30, "seconds": 30}  # points and ratios: intervals of two seeds reach anywhere


def draw_forest(path, settings, effects):
    """Draws the effects on accuracy and on the way to it, to a PNG.

    Args:
        path: where the PNG goes.
        settings: AblationSettings.
        effects: of all_effects.
    """
    from matplotlib.figure import Figure

    designs, tricks = settings.designs, settings.tricks
    num_lines = len(designs) + any(published.find(trick) for trick in tricks)
    height = 2.0 + 0.34 * len(tricks) * max(num_lines, 2)
    figure = Figure(figsize=(12.5, height), layout="constrained")
    all_axes = figure.subplots(1, len(PANELS), sharey=True, width_ratios=[1.6, 1, 1])
    for axes, (measure, title, direction) in zip(all_axes, PANELS, strict=True):
        _frame(axes, measure, title, direction, len(tricks))
        shown = [effect for effect in effects if effect.measure == measure and effect.design in designs]
        low, high = _reach(shown, measure, tricks)
        if measure == "val_top1" and max(-low, high) > FAR:
            _bend(axes)
            low, high = 1.5 * min(low, -NEAR), 5 * max(high, NEAR)
        axes.set_xlim(low, high)  # after the ticks, which widen it
        for row, trick in enumerate(tricks):
            for line, design in enumerate(designs):
                effect = next(one for one in shown if (one.design, one.trick) == (design, trick.name))
                _draw(axes, effect, _place(row, line, num_lines), measure, (low, high))
            known = published.find(trick) if measure == "val_top1" else None
            if known:
                y = _place(row, num_lines - 1, num_lines)
                axes.plot(100 * known.effect, y, "*", ms=8, mfc="white", mec=PUBLISHED_INK, mew=1, clip_on=False)
    _name_rows(all_axes[0], tricks)
    number = settings.num_seeds
    experiment = settings.experiment
    figure.suptitle(
        f"What each trick buys: {experiment.model} on {experiment.data}, {experiment.recipe.epochs} epochs, "
        f"{number} paired seed{'s' * (number > 1)}" + (", 95 % intervals" if number > 1 else ": no intervals"),
        x=0.01,
        ha="left",
        fontweight="bold",
        color=INK,
    )
    _legend(figure, settings)
    save_atomically(path, lambda name: figure.savefig(name, dpi=140))


def _bend(axes):
    """Makes room for small effects beside that of a trick without which nothing is learnt."""
    axes.set_xscale("symlog", linthresh=NEAR, linscale=0.7)
    axes.set_xticks(POINTS, [f"{tick:+d}" if tick else "0" for tick in POINTS])
    axes.minorticks_off()
    axes.set_title(f"{axes.get_title(loc='left')} (logarithmic beyond ±{NEAR})", loc="left", fontsize=10, color=INK)


def _place(row, line, num_lines):
    """Where one line of a trick's row lies."""
    return row + 0.8 / num_lines * (line - (num_lines - 1) / 2)


def _frame(axes, measure, title, direction, num_tricks):
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    for words, ha in zip(direction, ("right", "left"), strict=True):
        axes.annotate(
            words,
            (0 if measure == "val_top1" else 1, 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, -27),
            textcoords="offset points",
            ha=ha,
            fontsize=9,
            color="#555555",
        )
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_ylim(num_tricks - 0.4, -0.6)
    if measure != "val_top1":
        axes.set_xscale("log")
        axes.set_xticks(TICKS, [f"×{tick:g}" for tick in TICKS])
        axes.minorticks_off()
    for row in range(0, num_tricks, 2):
        axes.axhspan(row - 0.5, row + 0.5, color="#f6f7f8", zorder=0, lw=0)
    axes.axvline(0 if measure == "val_top1" else 1, color=INK, lw=1, zorder=1)


def _reach(effects, measure, tricks):
    """The ends of the axis: all intervals, the published figures, and the line of no effect."""
    widest = WIDEST[measure]
    ends = [end for one in effects for end in (one.effect, one.low, one.high) if end is not None]
    if measure == "val_top1":
        ends = (
            [100 * end for end in ends] + [100 * known.effect for known in map(published.find, tricks) if known] + [0]
        )
        low, high = max(min(ends), -widest), min(max(ends), widest)
        margin = 0.06 * (high - low) or 1.0
        return low - margin, high + 3 * margin  # the numbers are written on the right
    logs = [math.log(min(max(end, 1 / widest), widest)) for end in [*ends, 1.0]]
    margin = max(0.06 * (max(logs) - min(logs)), 0.1)
    numbers = 12 if any(one.bound == "at least" for one in effects) else 5  # on the right, beyond the arrow of a bound
    return math.exp(min(logs) - margin), math.exp(max(logs) + numbers * margin)


def _draw(axes, effect, y, measure, reach):
    scale = 100 if measure == "val_top1" else 1
    if effect.effect is None:
        axes.text(1, y, "  not reached", fontsize=7.5, color=COLORS[NOTHING], va="center")
        return
    color = COLORS[effect.verdict]
    x = scale * effect.effect
    if effect.low is not None:
        ends = [min(max(scale * end, reach[0]), reach[1]) for end in (effect.low, effect.high)]
        axes.plot(ends, [y, y], color=color, lw=2, solid_capstyle="butt")
    if effect.bound:
        toward = -30 if effect.bound == "at most" else 30
        arrow = {"arrowstyle": "<-", "color": color, "lw": 1.4}
        axes.annotate("", (x, y), xytext=(toward, 0), textcoords="offset points", arrowprops=arrow)
    axes.plot(x, y, MARKERS[effect.design], ms=6.5, color=color, mec="white", mew=0.8, zorder=3)
    number = f"{x:+.1f}" if measure == "val_top1" else f"×{x:.2f}"
    number = {"": "", "at most": "≤ ", "at least": "≥ "}[effect.bound] + number
    place = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
    axes.text(0.99, y, number, fontsize=8.5, color=color, fontweight="bold", **place)


def _name_rows(axes, tricks):
    axes.set_yticks(range(len(tricks)), [""] * len(tricks))
    left = {"transform": axes.get_yaxis_transform(), "ha": "right"}
    for row, trick in enumerate(tricks):
        axes.text(-0.02, row - 0.05, trick.name, va="bottom", fontsize=10.5, fontweight="bold", color=INK, **left)
        axes.text(-0.02, row + 0.05, str(trick), va="top", fontsize=8.5, color="#555555", **left)


def _legend(figure, settings):
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], marker=MARKERS[design], ls="", ms=7, color="#555555", label=TITLES[design])
        for design in settings.designs
    ]
    if any(published.find(trick) for trick in settings.tricks):
        star = {"marker": "*", "ls": "", "ms": 9, "mfc": "white", "mec": PUBLISHED_INK}
        handles.append(Line2D([], [], label="CaffeNet on ImageNet, one training (Mishkin et al. 2017)", **star))
    if settings.num_seeds > 1:
        handles += [Line2D([], [], lw=3, color=COLORS[verdict], label=verdict) for verdict in COLORS]
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=len(handles) if len(handles) < 7 else 4,
        frameon=False,
        fontsize=8.5,
    )
