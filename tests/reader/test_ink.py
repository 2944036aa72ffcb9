"""Ink is told from paper: dark or light, in shadow, among specks and lines."""

import numpy as np
import pytest

from minicnn.reader.ink import find_ink, flattened, is_light, one_digit, otsu
from minicnn.reader.ruled_lines import without_lines
from minicnn.reader.sheet import without_table


@pytest.mark.parametrize("seed", range(5))
def test_otsu_leaves_the_least_variance_within_the_classes(seed):
    rng = np.random.default_rng(seed)
    ink = rng.normal(0.7, 0.1, rng.integers(60, 900))
    values = np.concatenate([rng.normal(0.2, 0.08, 700), ink])

    def within(threshold: float) -> float:
        below, above = values[values <= threshold], values[values > threshold]
        return below.size * below.var() + above.size * above.var()

    best = min(within(threshold) for threshold in np.sort(values)[10:-10])
    assert within(otsu(values)) <= best * 1.005


def test_otsu_of_two_values_and_of_one():
    assert 0.1 < otsu(np.array([0.1] * 90 + [0.9])) < 0.9
    assert otsu(np.full(9, 0.4)) == 0.4


def ring() -> np.ndarray:
    """A page with a ring on it, the ink 1: `(120, 160)`."""
    y, x = np.mgrid[:120, :160]
    radius = np.hypot(y - 70, x - 90)
    return ((radius > 22) & (radius < 30)).astype(np.float32)


PAPERS = {
    "dark on light": lambda ink: 0.9 - 0.7 * ink,
    "light on dark": lambda ink: 0.1 + 0.7 * ink,
    "under half a shadow": lambda ink: (0.9 - 0.7 * ink) * np.where(np.arange(160) > 85, 0.45, 1),
    "light at one side": lambda ink: (0.9 - 0.7 * ink) * np.linspace(0.35, 1, 120)[:, None],
    "hardly darker than the paper": lambda ink: 0.9 - 0.1 * ink,
}


@pytest.mark.parametrize("name", PAPERS)
def test_the_ink_is_found_to_the_pixel(name):
    page = PAPERS[name](ring()).astype(np.float32)
    assert is_light(page) == (name == "light on dark")
    found = find_ink(page)
    assert np.array_equal(found.mask, ring() > 0)
    assert found.amount[ring() > 0].min() > 0.7
    assert found.amount[ring() == 0].max() < 0.05


def test_ink_stands_out_as_much_in_shadow_as_in_light():
    page = (0.9 - 0.7 * ring()).astype(np.float32)
    shadow = np.where(np.arange(160) > 85, np.float32(0.4), 1)
    np.testing.assert_allclose(flattened(page * shadow), flattened(page), atol=1e-6)
    assert flattened(page).max() == pytest.approx(0.7 / 0.9)


def test_a_slope_is_made_flat_up_to_its_ends():
    slope = np.tile(np.linspace(0.2, 1, 120, dtype=np.float32)[:, None], 160)
    for page in (slope, slope[::-1], slope.T, 1 - slope):
        assert np.abs(flattened(page)).max() < 1e-6
    board = slope / 2
    board[58:62, 78:82] += 0.5
    found = flattened(board)
    assert found[58:62, 78:82].min() == pytest.approx(0.5, abs=0.02)
    assert np.sort(found.ravel())[:-16].max() < 1e-6


def test_specks_and_what_is_far_away_or_runs_off_the_page_are_left_out():
    wanted = np.zeros((100, 150), bool)
    wanted[30:70, 60:66] = wanted[30:36, 60:85] = True
    wanted[74:78, 60:66] = True  # close to it, and not tiny
    mask = wanted.copy()
    mask[50, 90] = mask[24:26, 70:72] = True  # specks
    mask[40:60, 120:123] = True  # far away
    mask[:, :20] = True  # the edge of a table
    assert np.array_equal(one_digit(mask), wanted)


def test_a_digit_that_runs_off_the_page_is_kept_if_it_is_all():
    mask = np.zeros((100, 150), bool)
    mask[:60, 40:50] = mask[99, 99] = True
    kept = one_digit(mask)
    assert kept[:60, 40:50].all()
    assert kept.sum() == 600


@pytest.mark.parametrize("lean", [0, 1, 2])
@pytest.mark.parametrize("upright", [False, True])
def test_ruled_lines_go_and_strokes_across_them_stay(lean, upright):
    digit = np.zeros((120, 160), bool)
    digit[20:100, 70:78] = digit[20:28, 40:78] = True
    lines = np.zeros_like(digit)
    for row in range(15, 110, 20):
        for column in range(160):
            shift = lean * column // 160
            lines[row + shift : row + shift + 2, column] = True
    mask, expected = digit | lines, digit
    if upright:
        mask, expected = mask.T, expected.T
    found = without_lines(mask)
    assert (found != expected).sum() <= 20, "but for pixels where the two touch"
    assert np.array_equal(without_lines(digit), digit)


def test_a_table_around_the_sheet_is_painted_over():
    rng = np.random.default_rng(0)
    photo = np.full((120, 160), 0.25) + rng.normal(0, 0.02, (120, 160))
    photo[14:110, 12:150] = 0.9 - 0.7 * ring()[14:110, 12:150]
    photo = photo.astype(np.float32)
    cleared = without_table(photo)
    assert np.array_equal(cleared < 0.5, ring() > 0)
    for other in (cleared, 1 - photo, PAPERS["under half a shadow"](ring())):
        assert without_table(other) is other, "no bright sheet on a dark table"


def test_the_middle_of_a_large_zero_is_no_sheet():
    y, x = np.mgrid[-1:1:80j, -1:1:60j]
    zero = np.where(np.hypot(y, x) > 0.75, 0.1, 0.9)  # so fat that it fills the picture
    assert without_table(zero) is zero
