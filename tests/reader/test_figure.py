"""The figure of an answer shows the picture, the frame and the probabilities, and cuts nothing."""

import numpy as np
import pytest
from matplotlib.text import Text

from minicnn.reader.figure import prediction
from minicnn.reader.recognise import Prediction


def answer(names: tuple[str, ...], shape=(90, 120)) -> Prediction:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(len(names))).astype(np.float32)
    return Prediction(probabilities, names, rng.random((28, 28)), rng.random(shape))


def test_the_parts_show_what_the_answer_says():
    shown = answer(tuple("0123456789"))
    picture, seen, bars = prediction(shown, "seven.png").axes
    assert np.array_equal(picture.images[0].get_array(), shown.grey)
    assert np.array_equal(seen.images[0].get_array(), shown.seen)
    np.testing.assert_allclose([bar.get_width() for bar in bars.patches], shown.probabilities)
    assert [label.get_text() for label in bars.get_yticklabels()] == list("0123456789")
    assert bars.get_title(loc="left").startswith(f"{shown.label} (")


def test_of_many_classes_the_most_probable_are_shown():
    shown = answer(tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    bars = prediction(shown).axes[2]
    names = [label.get_text() for label in bars.get_yticklabels()]
    assert names == [candidate.label for candidate in shown.candidates[:10]]


@pytest.mark.parametrize("shape", [(90, 120), (300, 40), (20, 900)])
@pytest.mark.parametrize("name", ["7", "a class with quite a long name $"])
def test_nothing_is_cut_off(shape, name):
    figure = prediction(answer((name, f"{name} 2"), shape), "a picture with a long name.png")
    figure.canvas.draw()
    width, height = figure.bbox.size
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text():
            box = text.get_window_extent()
            assert box.x0 >= -1, text
            assert box.x1 <= width + 1, text
            assert box.y0 >= -1, text
            assert box.y1 <= height + 1, text
