"""The pictures show the numbers they are made of, whatever the network; nothing is drawn where nothing was measured."""

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nntricks_keras.health.heat_maps import draw_health
from nntricks_keras.health.panels import PANELS, lines_of
from nntricks_keras.health.records import COLUMNS
from nntricks_keras.health.report import HealthReport, LayerRow

STD = PANELS[0]


def row(name, epoch, **values):
    """A row of health.csv."""
    defaults = dict.fromkeys(COLUMNS) | {"kind": "Conv2D", "activation": "linear", "trainable": True}
    return defaults | {"non_finite": False, "verdict": "ok", "name": name, "epoch": epoch, "step": 10 * epoch} | values


def network(rng, num_blocks, epochs, activation="relu"):
    """Rows of convolutions, each with a normalization and an activation, and of the logits."""
    rows = []
    for epoch in range(epochs):
        for block in range(num_blocks):
            values = dict(zip(("std", "gradient_std"), rng.lognormal(size=2), strict=True))
            rows.append(row(f"conv{block}", epoch, equal_units=0.0, weight_std=0.1, update_ratio=1e-3, **values))
            rows.append(row(f"conv{block}_norm", epoch, kind="BatchNorm", std=1.0, weight_std=0.0))
            active = {"kind": "Activation", "activation": activation, "dead": rng.uniform(), "gradient_std": 0.1}
            rows.append(row(f"conv{block}_activation", epoch, std=rng.lognormal(), **active))
        rows.append(row("logits", epoch, kind="Dense", equal_units=0.0, std=2.0, weight_std=0.2, update_ratio=1e-2))
    return rows


def panel_of(figure, title):
    return next(axes for axes in figure.axes if axes.get_title(loc="left") == title)


def test_a_heat_map_has_the_numbers_in_their_places(rng):
    rows = network(rng, 4, 3)
    image = panel_of(draw_health(rows, "title"), STD.title).collections[0]
    names = lines_of(rows, STD)
    assert names == [*(f"conv{block}_activation" for block in range(4)), "logits"]
    drawn = np.ma.filled(image.get_array(), np.nan).reshape(5, 3)
    for found in rows:
        if found["name"] in names:
            assert drawn[names.index(found["name"]), found["epoch"]] == found["std"]


def test_kernels_are_drawn_where_it_is_about_weights(rng):
    rows = network(rng, 3, 2)
    for column in ("weight_std", "update_ratio"):
        panel = next(panel for panel in PANELS if panel.column == column)
        assert lines_of(rows, panel) == ["conv0", "conv1", "conv2", "logits"]


def test_a_quantity_that_no_layer_has_gets_no_panel(rng):
    titles = {axes.get_title(loc="left") for axes in draw_health(network(rng, 2, 2), "title").axes}
    assert STD.title in titles
    assert "saturated outputs: share" not in titles


def test_what_is_not_finite_is_told_from_what_is_zero_and_from_what_was_not_measured(rng):
    rows = network(rng, 4, 3)
    active = [found for found in rows if found["name"].endswith("activation")]
    active[0]["std"], active[1]["std"], active[2]["std"] = math.nan, 0.0, None
    figure = draw_health(rows, "title")
    axes = panel_of(figure, STD.title)
    values, lost = (np.ma.asarray(mesh.get_array()).reshape(5, 3) for mesh in axes.collections)
    assert values.mask[0, 0]
    assert not lost.mask[0, 0]
    assert values[1, 0] < axes.collections[0].norm.vmin
    assert values.mask[2, 0]
    assert lost.mask[2, 0]
    assert {"■ NaN or infinite", "■ zero"} <= {text.get_text() for text in axes.texts}


def seen_labels(axis):
    """The labels of ticks within the limits."""
    low, high = sorted(axis.get_view_interval())
    places = zip(axis.get_majorticklocs(), axis.get_majorticklabels(), strict=True)
    return [label for place, label in places if low <= place <= high]


@pytest.mark.parametrize(("num_blocks", "epochs"), [(1, 1), (2, 40), (20, 300)])
def test_no_two_texts_overlap(rng, num_blocks, epochs):
    """Names of layers, times, headlines and the numbers of the colour bars, of any depth and length."""
    rows = network(rng, num_blocks, epochs)
    figure = draw_health(rows, "title", report(rng, num_blocks))
    FigureCanvasAgg(figure).draw()
    boxes = []
    for axes in figure.axes:
        texts = [*seen_labels(axes.xaxis), *seen_labels(axes.yaxis), axes.xaxis.label, axes._left_title, *axes.texts]
        boxes += [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    for index, (words, box) in enumerate(boxes):
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1, words
        for others, other in boxes[index + 1 :]:
            wide = min(box.x1, other.x1) - max(box.x0, other.x0)
            tall = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert wide <= 1 or tall <= 2, f"{words!r} over {others!r}"


def report(rng, num_blocks):
    """A HealthReport with histograms."""
    edges = np.linspace(-3, 3, 102)
    found = {"edges": edges.tolist(), "density": rng.uniform(0.01, 1, 101).tolist()}
    names = [f"conv{block}" for block in range(num_blocks)]
    layers = tuple(
        LayerRow(name, "Conv2D", std=1.0, equal_units=0.0, dead=0.1, weight_std=rng.lognormal()) for name in names
    )
    histograms = {name: {"output": found, "gradient": found} for name in names}
    return HealthReport(layers, loss=2.3, num_examples=64, histograms=histograms)


def test_a_report_is_drawn_and_saved(rng, tmp_path):
    drawn = report(rng, 5)
    figure = drawn.plot(tmp_path / "report.png")
    assert (tmp_path / "report.png").read_bytes()[:4] == b"\x89PNG"
    axes = panel_of(figure, "weights:\nstandard deviation")
    np.testing.assert_allclose(axes.lines[0].get_xdata(), [row.weight_std for row in drawn.layers])


def test_lost_layers_are_drawn_too(rng, tmp_path):
    row = LayerRow("lost", "Dense", std=math.nan, weight_std=math.inf, non_finite=True, verdict="NaN")
    figure = HealthReport((row,), histograms={"lost": {}}).plot(tmp_path / "report.png")
    assert any(text.get_text() == "NaN or infinite" for axes in figure.axes for text in axes.texts)
