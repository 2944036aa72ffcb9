"""The figures of the data report hold the numbers that they were given and fit on their paper."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from minicnn.data import Dataset
from minicnn.experiments.explore import Exploration, explore
from minicnn.experiments.report import data_figures, mosaic


def fits(figure: Figure) -> bool:
    FigureCanvasAgg(figure).draw()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return min(box.x0, box.y0) >= -0.01 and box.x1 <= width + 0.01 and box.y1 <= height + 0.01


@pytest.fixture(scope="module")
def found() -> Exploration:
    rng = np.random.default_rng(0)
    images = (
        rng.random((90, 6, 6, 1)) * np.linspace(0.2, 1, 90)[:, None, None, None] * 255
    ).astype(np.uint8)
    data = Dataset(images, np.arange(90) % 4, ("ant", "bee", "cow", "$dog$ with a very long name"))
    return explore(data[:60], data[60:], progress=False)


def test_bars_are_the_shares_of_the_classes(found):
    figure = data_figures.class_counts(found.balance, found.train.class_names)
    axes = figure.axes[0]
    training, test = axes.containers
    np.testing.assert_allclose([bar.get_height() for bar in training], found.balance.train / 60)
    np.testing.assert_allclose([bar.get_height() for bar in test], found.balance.test / 30)
    assert [tick.get_text()[:5] for tick in axes.get_xticklabels()] == [
        "ant",
        "bee",
        "cow",
        "$dog$",
    ]
    assert axes.lines[0].get_ydata()[0] == 0.25
    assert fits(figure)


def test_the_histogram_is_the_counts(found):
    figure = data_figures.intensities(found.pixels, found.test_pixels)
    axes = figure.axes[0]
    assert axes.get_yscale() == "log"
    for stairs, pixels in zip(axes.patches, (found.pixels, found.test_pixels), strict=True):
        values, edges, _ = stairs.get_data()
        np.testing.assert_allclose(np.nan_to_num(values), pixels.counts / pixels.counts.sum())
        np.testing.assert_array_equal(edges, pixels.edges)
    assert fits(figure)


def test_quantiles_stand_where_they_are(found):
    figure = data_figures.quantiles(found.quantiles, found.train.class_names)
    for axes, measure in zip(figure.axes, ("ink", "slant", "aspect"), strict=True):
        low, first, middle, third, high = found.quantiles[measure].T
        whole, half = axes.collections
        for lines, ends in ((whole, (low, high)), (half, (first, third))):
            np.testing.assert_allclose([s[:, 1] for s in lines.get_segments()], np.transpose(ends))
        np.testing.assert_allclose(axes.lines[0].get_ydata(), middle)
    assert fits(figure)


def test_the_plane_has_each_picture_at_its_first_two_components(found):
    names, labels = found.train.class_names, found.train.labels
    figure = data_figures.principal_plane(found.components, labels, names)
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.collections[0].get_offsets(), found.components.points[:, :2])
    colours = axes.collections[0].get_facecolors()
    assert len(np.unique(colours, axis=0)) == 4
    assert all(len(np.unique(colours[labels == label], axis=0)) == 1 for label in range(4))
    for label, text in enumerate(axes.texts):
        median = np.median(found.components.points[labels == label, :2], axis=0)
        assert text.get_position() == pytest.approx(tuple(median), rel=1e-5)
    assert fits(figure)


def test_a_set_of_many_pictures_is_thinned_out_evenly(found):
    points = np.random.default_rng(0).normal(size=(10_001, 2)).astype(np.float32)
    many = type(found.components)(*[None] * 2, np.ones(2), points, None, 1)
    figure = data_figures.principal_plane(many, np.zeros(10_001, np.int64), ("a",))
    shown = figure.axes[0].collections[0].get_offsets()
    assert len(shown) == data_figures.MOST_POINTS
    np.testing.assert_allclose(shown[[0, -1]], points[[0, -1]])


def test_a_mosaic_shows_each_picture_at_its_place():
    rng = np.random.default_rng(0)
    rows = [rng.random((3, 4, 4, 3)), rng.random((2, 4, 4, 3))]
    figure = mosaic.mosaic(rows, ["first", "second"], [["a", "b", "c"], ["", ""]])
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == ["a", "b", "c"]
    for row, image in zip(rows, axes.images, strict=True):
        shown = np.asarray(image.get_array())
        left, right, bottom, top = image.get_extent()
        assert bottom > top
        lines, columns = shown.shape[:2]
        assert columns / lines == pytest.approx((right - left) / (bottom - top), rel=0.01)
        assert right == pytest.approx(len(row) * 4 * 1.07 - 4 * 0.07)
        for place, picture in enumerate(row):
            middle = (place * 4 * 1.07 + np.arange(4) + 0.5) / (right - left)
            columns = (middle * shown.shape[1]).astype(int)
            lines = ((np.arange(4) + 0.5) / 4 * shown.shape[0]).astype(int)
            np.testing.assert_array_equal(shown[np.ix_(lines, columns)], picture)
    ticks = axes.get_yticks()
    assert ticks[0] == 2
    assert ticks[1] > 4 * 1.07 + 2  # the notes of the first row are between
    assert fits(figure)


def test_mean_and_variance_of_a_class_stand_above_each_other(found):
    figure = data_figures.mean_and_variance(found.classes, found.train.class_names)
    means, variances = (np.asarray(image.get_array()) for image in figure.axes[0].images)
    times = means.shape[0] // 6
    first = means[times // 2 :: times, times // 2 : 6 * times : times, 0]
    np.testing.assert_allclose(first, found.classes.mean[0, ..., 0])
    first = variances[times // 2 :: times, times // 2 : 6 * times : times].sum(axis=2)
    spread = found.classes.variance[0, ..., 0]
    assert np.corrcoef(first.ravel(), spread.ravel())[0, 1] > 0.9
    assert fits(figure)


def test_colours_are_those_of_the_pictures():
    grey = np.array([0, 51, 255], np.uint8).reshape(1, 1, 3, 1)
    np.testing.assert_allclose(mosaic.colours(grey)[0, 0], [[0] * 3, [0.2] * 3, [1] * 3])
    rgb = np.random.default_rng(0).random((2, 4, 5, 3))
    np.testing.assert_array_equal(mosaic.colours(rgb), rgb)
    five = np.random.default_rng(0).random((2, 4, 5, 5))
    np.testing.assert_array_equal(mosaic.colours(five)[..., 2], five[..., 0])
    tall = np.zeros((1, 400, 2, 1), np.float32)
    assert mosaic.colours(tall).shape == (1, 100, 1, 3)
