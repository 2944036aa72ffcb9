"""The figures of a network hold the numbers that they were given and fit on their paper."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from minicnn import metrics
from minicnn.experiments.report import network_figures
from minicnn.insight import style
from minicnn.insight.inspection import LayerOutput


def fits(figure: Figure) -> bool:
    FigureCanvasAgg(figure).draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return min(box.x0, box.y0) >= -0.01 and box.x1 <= width + 0.01 and box.y1 <= height + 0.01


def dots(image, count: int, side: int) -> np.ndarray:
    """The dots (count, side, side, 3) of pictures that stand side by side in one image."""
    shown = np.asarray(image.get_array())
    middles = (np.arange(side) + 0.5) / side * shown.shape[0]
    pitch = (shown.shape[1] - shown.shape[0]) / max(count - 1, 1)
    lefts = np.rint(np.arange(count) * pitch)
    lines = middles.astype(int)
    return np.stack([shown[np.ix_(lines, (left + middles).astype(int))] for left in lefts])


def test_the_reliability_diagram_has_a_bar_for_each_bin():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([0.5] * 3, 400)
    found = metrics.reliability(shares, rng.integers(0, 3, 400), 15)
    figure = network_figures.reliability(found)
    above, below = figure.axes
    (bars,), (counts,) = above.containers, below.containers
    np.testing.assert_allclose([b.get_height() for b in bars], np.nan_to_num(found.accuracy))
    np.testing.assert_allclose([b.get_x() for b in bars], np.arange(15) / 15, atol=1e-12)
    assert [b.get_height() for b in counts] == found.count.tolist()
    dotted = above.lines[0].get_xydata()
    np.testing.assert_allclose(dotted[:, 0], found.confidence[found.count > 0])
    np.testing.assert_array_equal(dotted[:, 0], dotted[:, 1])
    assert fits(figure)


def test_filters_are_blue_below_zero_and_red_above():
    weight = np.zeros((3, 3, 1, 12))
    weight[..., 0, 3], weight[..., 0, 11] = 2.0, -2.0
    figure = network_figures.filters(weight)
    first, second = figure.axes[0].images
    shown = np.concatenate([dots(first, 10, 3), dots(second, 2, 3)])
    paper = np.ones((3, 3, 3))
    for place, colour in enumerate(shown):
        expected = {3: to_rgb(style.ORANGE), 11: to_rgb(style.BLUE)}.get(place)
        np.testing.assert_allclose(
            colour, paper if expected is None else paper * expected, atol=0.01
        )
    assert fits(figure)


def test_filters_of_colour_are_stretched_from_the_lowest_to_the_highest():
    weight = np.random.default_rng(0).normal(size=(5, 5, 3, 4))
    shown = dots(network_figures.filters(weight).axes[0].images[0], 4, 5)
    expected = (weight - weight.min()) / (weight.max() - weight.min())
    np.testing.assert_allclose(shown, expected.transpose(3, 0, 1, 2))


def test_no_more_filters_are_shown_than_can_be_seen():
    figure = network_figures.filters(np.random.default_rng(0).normal(size=(3, 3, 1, 200)))
    assert len(figure.axes[0].images) == network_figures.MOST_FILTERS / 10


def test_saliency_is_bright_where_the_gradient_is_large_of_either_sign():
    gradients = np.zeros((2, 8, 8, 3))
    gradients[0, 1, 2] = [0.1, -5, 0]
    gradients[0, 6, 6] = [2.5, 0, 0]
    figure = network_figures.saliency(np.zeros((2, 8, 8, 3)), gradients, ["a", "b"])
    shown = dots(figure.axes[0].images[1], 2, 8).sum(axis=3)
    assert np.unravel_index(shown[0].argmax(), (8, 8)) == (1, 2)
    assert shown[0, 1, 2] > shown[0, 6, 6] > shown[0, 0, 0]
    assert np.ptp(shown[1]) == 0  # a picture that nothing hangs on
    assert fits(figure)


@pytest.mark.parametrize("names", [("cat", "dog", "cow"), tuple("abcdefghijklmnopqrstuvwxyz")])
def test_feature_maps_have_a_row_for_each_layer(names):
    rng = np.random.default_rng(0)
    maps = rng.random((6, 6, 16)) * np.arange(16)  # the later, the more active
    outputs = [
        LayerOutput("conv2d", "Conv2D", maps),
        LayerOutput("dense", "Dense", rng.random(300)),
        LayerOutput("dense_1", "Dense", rng.normal(size=len(names))),
    ]
    figure = network_figures.feature_maps(rng.random((8, 8, 1)), outputs, names)
    axes = figure.axes[0]
    rows = [tick.get_text() for tick in axes.get_yticklabels()]
    assert rows == ["picture", "conv2d\n6 × 6 × 16", "dense\n300", f"dense_1\n{len(names)}"]
    assert len(axes.images) == 1 + 10 + 1 + 1
    heat = network_figures.HEAT(maps[..., 6] / maps.max())[..., :3]
    np.testing.assert_allclose(axes.images[1].get_array(), heat)
    lines = np.asarray(axes.images[11].get_array())
    assert lines.shape == (3, 100, 3)
    heat = network_figures.HEAT(outputs[1].values / outputs[1].values.max())[:, :3]
    np.testing.assert_allclose(lines.reshape(300, 3), heat)
    written = [text.get_text() for text in axes.texts]
    assert written == (list(names) if len(names) <= 20 else [])
    assert fits(figure)
