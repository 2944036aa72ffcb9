"""The figures of robustness show the numbers that they are given."""

import numpy as np
import pytest

from minicnn.data.corruption import CORRUPTIONS
from minicnn.experiments.report.network_figures import corrupted, robustness
from minicnn.insight.robustness import Robustness


def found(clean: float, first: float) -> Robustness:
    falling = tuple(first - 0.1 * i for i in range(4))
    return Robustness(10, 20, clean, dict.fromkeys(CORRUPTIONS, falling))


def test_a_line_for_each_model_from_the_clean_pictures_on():
    figure = robustness({"plain": found(0.98, 0.9), "best": found(0.99, 0.95)})
    assert len(figure.axes) == 6
    for axes, (name, corruption) in zip(figure.axes, CORRUPTIONS.items(), strict=True):
        assert axes.get_title(loc="left") == name.capitalize()
        marks = [text.get_text() for text in axes.get_xticklabels()]
        assert marks == ["none", *(f"{severity:g}" for severity in corruption.severities)]
        plain, best = axes.get_lines()
        np.testing.assert_allclose(plain.get_ydata(), [0.98, 0.9, 0.8, 0.7, 0.6])
        np.testing.assert_allclose(best.get_ydata(), [0.99, 0.95, 0.85, 0.75, 0.65])
        assert plain.get_color() != best.get_color()
        low, high = axes.get_ylim()
        assert 0.55 < low < 0.6
        assert 0.99 < high < 1.03
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["plain", "best"]


@pytest.mark.parametrize(("clean", "first"), [(0.0, 0.0), (1.0, 1.0), (0.1, 0.4)])
def test_one_model_has_no_legend_and_any_accuracy_is_inside(clean, first):
    figure = robustness({"only": Robustness(1, 1, clean, dict.fromkeys(CORRUPTIONS, (first,) * 4))})
    assert figure.legends == []
    low, high = figure.axes[0].get_ylim()
    assert low <= min(clean, first)
    assert high >= max(clean, first)


@pytest.mark.parametrize("shape", [(28, 28, 1), (6, 9, 3), (5, 5, 2)])
def test_a_picture_for_each_corruption_and_severity(shape):
    figure = corrupted(np.random.default_rng(0).random(shape, np.float32))
    titles = [axes.get_title() for axes in figure.axes]
    assert len(titles) == 24
    assert titles[:2] == ["noise\ndeviation 0.1", "blur\nradius 0.5 px"]
    assert titles[-1] == "occlusion\n10 × 10 px"
    pictures = [axes.get_images()[0].get_array() for axes in figure.axes]
    assert len({np.asarray(each).tobytes() for each in pictures}) >= 19
