"""The figures hold the numbers that they were given, fit on their paper, and are written whole."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from PIL import Image

from minicnn.errors import SettingError, ShapeError
from minicnn.experiments.report import figures
from minicnn.insight import style

HISTORY = {
    "loss": [0.5, 0.25, 0.125],
    "accuracy": [0.875, 0.9375, 0.96875],
    "val_loss": [0.375, 0.3125, 0.25],
    "val_accuracy": [0.90625, 0.9375, 0.953125],
    "seconds": [3.0, 3.0],  # not the business of this figure
}
DIGITS = [str(digit) for digit in range(10)]
LETTERS = [chr(ord("A") + place) for place in range(26)]
SIXTY_TWO = [*DIGITS, *LETTERS, *(letter.lower() for letter in LETTERS)]


def draw(figure: Figure) -> Figure:
    FigureCanvasAgg(figure).draw()
    return figure


def confusions(classes: int) -> np.ndarray:
    rng = np.random.default_rng(classes)
    return rng.poisson(0.7, (classes, classes)) + 800 * np.eye(classes, dtype=np.int64)


def answers(rng: np.random.Generator, examples: int, classes: int) -> np.ndarray:
    return rng.dirichlet(np.full(classes, 0.3), examples)


def assert_nothing_is_cut_off(figure: Figure) -> None:
    box = draw(figure).get_tightbbox()
    width, height = figure.get_size_inches()
    assert min(box.x0, box.y0) >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= height + 0.01


def texts_inside(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


# Learning curves


def test_curves_draw_each_list_in_its_panel():
    loss, accuracy = figures.curves(HISTORY).axes
    for axes, name in ((loss, "loss"), (accuracy, "accuracy")):
        training, validation = axes.lines
        assert (training.get_label(), validation.get_label()) == ("training", "validation")
        np.testing.assert_array_equal(training.get_xydata().T, [[1, 2, 3], HISTORY[name]])
        np.testing.assert_array_equal(
            validation.get_xydata().T, [[1, 2, 3], HISTORY[f"val_{name}"]]
        )
        assert training.get_color() != validation.get_color()
        assert training.get_linestyle() != validation.get_linestyle()


def test_curves_without_validation_have_one_line_each():
    figure = figures.curves({name: HISTORY[name] for name in ("loss", "accuracy")})
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]


@pytest.mark.parametrize("epochs", [1, 2, 10, 37, 1000])
def test_curves_count_epochs_in_whole_numbers(epochs):
    figure = draw(figures.curves({"loss": [0.1] * epochs, "accuracy": [1.0] * epochs}))
    for axes in figure.axes:
        low, high = axes.get_xlim()
        ticks = [label.get_text() for label in axes.get_xticklabels()]
        shown = [tick for tick in ticks if low <= float(tick) <= high]
        assert shown
        assert all(1 <= int(tick) <= epochs for tick in shown)
        # A line of one point is no line: without its dot nothing would be seen.
        assert epochs > 1 or axes.lines[0].get_marker() == "o"


def test_curves_show_no_accuracy_above_a_hundred_percent():
    figure = draw(figures.curves({"loss": [0.0], "accuracy": [1.0]}))
    axes = figure.axes[1]
    low, high = axes.get_ylim()
    shown = [tick for tick in axes.get_yticks() if low <= tick <= high]
    assert max(shown) == pytest.approx(1.0)
    assert high > 1


def test_curves_leave_a_gap_where_training_diverged():
    figure = draw(figures.curves({"loss": [2.0, np.nan, np.inf], "accuracy": [np.nan] * 3}))
    loss, accuracy = (axes.lines[0].get_ydata() for axes in figure.axes)
    assert np.isfinite(loss).tolist() == [True, False, False]
    assert not np.isfinite(accuracy).any()
    for axes in figure.axes:
        assert np.isfinite(axes.get_ylim()).all()
        assert axes.get_xlim()[1] > 3  # the epochs of the gap have their room


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"val_loss": [0.1]}, "one number per epoch.*'val_loss': 1"),
        ({name: [] for name in HISTORY}, "one number per epoch"),
    ],
)
def test_curves_refuse_a_history_that_does_not_fit_together(change, message):
    with pytest.raises(ShapeError, match=message):
        figures.curves({**HISTORY, **change})


def test_curves_refuse_a_history_without_accuracy():
    with pytest.raises(ShapeError, match="no 'accuracy' in it, only loss"):
        figures.curves({"loss": [0.1]})


# Confusion matrix


def test_confusion_writes_every_count_but_zeros_into_its_cell():
    matrix = np.array([[70, 0, 3], [1, 60, 0], [0, 12, 5]])
    axes = figures.confusion(matrix, ["ant", "bee", "cow"]).axes[0]
    written = np.zeros_like(matrix)
    for text in axes.texts:
        x, y = text.get_position()
        written[int(y), int(x)] = int(text.get_text())
    np.testing.assert_array_equal(written, matrix)
    assert len(axes.texts) == np.count_nonzero(matrix)
    assert axes.yaxis_inverted()  # the first row is at the top


def test_confusion_colours_mistakes_by_their_share_of_the_row():
    figure = figures.confusion([[996, 4, 0], [1, 98, 1], [0, 0, 0]], ["ant", "bee", "cow"])
    mesh = figure.axes[0].collections[0]
    shares = mesh.get_array()
    np.testing.assert_array_equal(shares.mask, np.eye(3, dtype=bool))
    np.testing.assert_allclose(shares.filled(9), [[9, 0.004, 0], [0.01, 9, 0.01], [0, 0, 9]])
    assert mesh.get_clim() == pytest.approx((0, 0.01))
    colours = mesh.to_rgba(shares)
    assert tuple(colours[0, 0]) == pytest.approx(to_rgba(style.RIGHT))
    # Far darker than the empty cell, though 99 of 100 are right.
    assert colours[0, 2].sum() - colours[1, 0].sum() > 1


@pytest.mark.parametrize("names", [["cat", "dog"], DIGITS, LETTERS, SIXTY_TWO])
def test_confusion_names_both_axes_and_fits_on_its_paper(names):
    figure = figures.confusion(confusions(len(names)), names)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == names
    assert [label.get_text() for label in axes.get_yticklabels()] == names
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")
    assert bool(texts_inside(figure)) == (len(names) <= figures.MOST_ANNOTATED)
    assert_nothing_is_cut_off(figure)


@pytest.mark.parametrize("names", [["cat", "dog"], DIGITS, LETTERS])
def test_counts_stay_inside_their_cells(names):
    figure = draw(figures.confusion(confusions(len(names)) * 1000, names))
    axes = figure.axes[0]
    cell = axes.get_window_extent().width / len(names)
    assert max(text.get_window_extent().width for text in axes.texts) < cell


def contrast(first, second) -> float:
    """From 1 (the same) to 21 (black on white); Web Content Accessibility Guidelines 2.1."""
    luminances = []
    for colour in (first, second):
        rgb = np.array(to_rgba(colour)[:3])
        linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        luminances.append(linear @ (0.2126, 0.7152, 0.0722))
    return (max(luminances) + 0.05) / (min(luminances) + 0.05)


def test_counts_can_be_read_on_every_colour():
    matrix = np.diag(np.full(20, 500))
    matrix[:, 0] += np.arange(20)  # mistakes of every shade
    figure = figures.confusion(matrix, [str(place) for place in range(20)])
    mesh = figure.axes[0].collections[0]
    colours = mesh.to_rgba(mesh.get_array())
    for text in figure.axes[0].texts:
        x, y = text.get_position()
        assert contrast(text.get_color(), colours[int(y), int(x)]) > 3.5


def test_long_names_are_turned_and_cut():
    names = ["x" * 60, *(f"class number {place}" for place in range(9))]
    figure = draw(figures.confusion(confusions(10), names))
    labels = figure.axes[0].get_xticklabels()
    assert {label.get_rotation() for label in labels} == {90}
    assert labels[0].get_text() == "x" * 23 + "…"
    assert_nothing_is_cut_off(figure)


def test_a_dollar_sign_is_no_formula():
    assert_nothing_is_cut_off(figures.confusion([[1, 0], [2, 3]], ["$a^$", "$"]))


@pytest.mark.parametrize("matrix", [[[5]], [[5, 0], [0, 5]], [[0, 0], [0, 0]]])
def test_confusion_without_any_mistake_still_has_a_scale(matrix):
    names = [str(place) for place in range(len(matrix))]
    figure = draw(figures.confusion(matrix, names))
    assert figure.axes[0].collections[0].get_clim() == (0, 0.01)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 2, 3], [4, 5, 6]], r"got shape \(2, 3\), need \(2, 2\)"),
        ([[0.5, 0.5], [0, 1]], "integers and not negative"),
        ([[1, -1], [0, 1]], "integers and not negative"),
    ],
)
def test_confusion_refuses_what_is_no_matrix_of_counts(matrix, message):
    with pytest.raises(ShapeError, match=message):
        figures.confusion(matrix, ["cat", "dog"])


# Mistakes


def test_mistakes_are_the_surest_wrong_answers_in_order():
    rng = np.random.default_rng(3)
    images = rng.random((200, 8, 8))
    labels = rng.integers(0, 4, 200)
    probabilities = answers(rng, 200, 4)
    names = ["n0", "n1", "n2", "n3"]

    wrong = [i for i in range(200) if np.argmax(probabilities[i]) != labels[i]]
    worst = sorted(wrong, key=lambda i: -max(probabilities[i]))[:6]
    figure = figures.mistakes(images, labels, probabilities, names, rows=2, columns=3)

    assert len(figure.axes) == 6
    for axes, i in zip(figure.axes, worst, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), images[i])
        predicted, share = np.argmax(probabilities[i]), max(probabilities[i])
        assert axes.get_title() == f"n{labels[i]} → n{predicted} ({100 * share:.1f}%)"


def test_among_equally_sure_mistakes_the_earlier_comes_first():
    images = np.linspace(0, 1, 200).reshape(200, 1, 1)
    probabilities = [[0.75, 0.25], [0.625, 0.375]] * 100
    figure = figures.mistakes(images, [1] * 200, probabilities, ["a", "b"])
    shown = [axes.images[0].get_array().item() for axes in figure.axes]
    np.testing.assert_array_equal(shown, images[:50:2, 0, 0])


def test_fewer_mistakes_than_cells_give_fewer_cells():
    probabilities = [[0.6, 0.4], [0.9, 0.1], [0.2, 0.8]]
    figure = figures.mistakes(np.zeros((3, 8, 8, 1)), [1, 1, 1], probabilities, ["a", "b"])
    assert [axes.get_title() for axes in figure.axes] == ["b → a (90.0%)", "b → a (60.0%)"]


def test_no_mistake_at_all_is_said():
    figure = figures.mistakes(np.zeros((1, 8, 8)), [0], [[0.6, 0.4]], ["a", "b"])
    assert [text.get_text() for text in figure.texts] == ["No mistakes: 1 of 1 right"]
    assert_nothing_is_cut_off(figure)


def test_titles_of_long_names_do_not_run_into_each_other():
    rng = np.random.default_rng(5)
    names = ["Three-quarter sleeve pullover", "Ankle boot", "$ sign"]
    figure = figures.mistakes(
        rng.random((60, 28, 28)), rng.integers(0, 3, 60), answers(rng, 60, 3), names
    )
    assert len(draw(figure).axes) == 25
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert not any(a.overlaps(b) for a in boxes for b in boxes if a is not b)
    assert_nothing_is_cut_off(figure)


def test_mistakes_refuse_what_does_not_fit_together():
    images, names = np.zeros((2, 8, 8)), ["a", "b"]
    good = [[0.5, 0.5]] * 2
    with pytest.raises(ShapeError, match="2 images, but 3 labels"):
        figures.mistakes(images, [0, 1, 1], good, names)
    with pytest.raises(ShapeError, match="2 images, but 1 probabilities"):
        figures.mistakes(images, [0, 1], good[:1], names)
    with pytest.raises(ShapeError, match="probabilities of 2 classes, 3 names"):
        figures.mistakes(images, [0, 1], good, [*names, "c"])
    with pytest.raises(SettingError, match="rows: got 0"):
        figures.mistakes(images, [0, 1], good, names, rows=0)


# Grids of pictures


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_digits_show_the_pictures_as_they_are(channels):
    images = np.random.default_rng(1).random((7, 9, 5, *channels))
    figure = figures.digits(images, titles=list("abcdefg"), columns=3)
    assert len(figure.axes) == 7
    rows, columns = figure.axes[0].get_gridspec().get_geometry()
    assert (rows, columns) == (3, 3)
    for axes, image, title in zip(figure.axes, images, "abcdefg", strict=True):
        shown = axes.images[0].get_array()
        np.testing.assert_array_equal(shown, image[..., 0] if channels == (1,) else image)
        assert axes.images[0].get_clim() == (0, 1)
        assert axes.get_title() == title


@pytest.mark.parametrize(
    ("images", "shown"),
    [
        (np.array([0, 51, 255], np.uint8), [0, 0.2, 1]),
        (np.array([False, True, True]), [0, 1, 1]),
        (np.array([0.0, 0.25, 0.5]), [0, 0.25, 0.5]),
        (np.array([-1.0, 1.0, 3.0]), [0, 0.5, 1]),
        (np.array([4.0, 4.0, 4.0]), [0, 0, 0]),
    ],
)
def test_digits_scale_brightness_by_what_the_numbers_are(images, shown):
    figure = figures.digits(images.reshape(1, 1, 3))
    np.testing.assert_allclose(figure.axes[0].images[0].get_array(), [shown])


@pytest.mark.parametrize("count", [1, 3, 12])
def test_digits_take_no_more_columns_than_there_are_pictures(count):
    figure = figures.digits(np.zeros((count, 28, 28)))
    assert figure.axes[0].get_gridspec().ncols == min(count, 10)
    assert_nothing_is_cut_off(figure)


@pytest.mark.parametrize(
    ("images", "options", "message"),
    [
        (np.zeros((28, 28)), {}, r"got shape \(28, 28\), need"),
        (np.zeros((0, 28, 28)), {}, r"got shape \(0, 28, 28\)"),
        (np.zeros((2, 28, 28, 2)), {}, r"got shape \(2, 28, 28, 2\)"),
        (np.full((1, 2, 2), np.nan), {}, "not finite"),
        (np.zeros((2, 8, 8)), {"titles": ["one"]}, "2 images, but 1 titles"),
        (np.zeros((2, 8, 8)), {"columns": 0}, "columns: got 0"),
    ],
)
def test_digits_refuse_what_is_no_batch_of_pictures(images, options, message):
    with pytest.raises((ShapeError, SettingError), match=message):
        figures.digits(images, **options)


# Files


def test_save_writes_a_png_of_150_dots_per_inch(tmp_path):
    figure = figures.curves(HISTORY)
    figures.save(figure, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        width, height = figure.get_size_inches()
        assert picture.size == (round(width * 150), round(height * 150))
        picture.load()
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


@pytest.mark.parametrize("before", [None, b"the old figure"])
def test_a_failed_save_changes_nothing(tmp_path, monkeypatch, before):
    target = tmp_path / "curves.png"
    if before is not None:
        target.write_bytes(before)

    def disk_full(self, file, **options):
        file.write_bytes(b"\x89PNG half")
        raise OSError("no space left on device")

    monkeypatch.setattr(Figure, "savefig", disk_full)
    with pytest.raises(OSError, match="no space left"):
        figures.save(figures.curves(HISTORY), target)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == (
        {} if before is None else {"curves.png": before}
    )


def test_a_save_over_a_folder_leaves_no_file_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        figures.save(figures.curves(HISTORY), tmp_path / "taken")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_threads_may_draw_and_save_to_one_path(tmp_path):
    target = tmp_path / "confusion.png"

    def work(seed: int) -> None:
        figures.save(figures.confusion(confusions(10) + seed, DIGITS), target)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    with Image.open(target) as picture:
        picture.load()
    assert [path.name for path in tmp_path.iterdir()] == ["confusion.png"]
