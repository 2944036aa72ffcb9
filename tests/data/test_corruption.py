"""Corruptions against SciPy and against what must be kept."""

import numpy as np
import pytest
from scipy import ndimage

from minicnn.data import mnist
from minicnn.data.corruption import CORRUPTIONS, blur, contrast, noise, occlusion, rotation, shift

DIGITS = mnist()[1].scaled(slice(0, 40))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("shape", [(5, 28, 28, 1), (4, 6, 9, 3), (3, 1, 1, 2)])
def test_pictures_stay_pictures_and_the_seed_decides(name, shape):
    pictures = rng().random(shape, np.float32)
    before = pictures.copy()
    for severity in CORRUPTIONS[name].severities:
        worse = CORRUPTIONS[name].apply(pictures, severity, rng(1))
        assert (worse.dtype, worse.shape) == (np.float32, shape)
        assert worse.size == 0 or (worse.min() >= 0 and worse.max() <= 1 + 1e-6)
        np.testing.assert_array_equal(worse, CORRUPTIONS[name].apply(pictures, severity, rng(1)))
    np.testing.assert_array_equal(pictures, before)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_it_is_worse_from_one_severity_to_the_next(name):
    distances = [
        np.abs(CORRUPTIONS[name].apply(DIGITS, severity, rng()) - DIGITS).mean()
        for severity in CORRUPTIONS[name].severities
    ]
    assert distances[0] > 0
    assert distances == sorted(distances)
    assert len(CORRUPTIONS[name].severities) == 4


def test_noise_has_its_deviation_where_nothing_is_cut_off():
    grey = np.full((4, 50, 50, 1), 0.5, np.float32)
    drawn = noise(grey, 0.1, rng()) - grey
    assert drawn.std() == pytest.approx(0.1, rel=0.05)
    assert drawn.mean() == pytest.approx(0, abs=0.005)
    assert abs(np.corrcoef(drawn[0].ravel(), drawn[1].ravel())[0, 1]) < 0.05


def test_blur_is_that_of_scipy_within_each_picture_and_channel():
    pictures = rng().random((3, 12, 10, 2), np.float32)
    worse = blur(pictures, 1.5, rng())
    for i, c in np.ndindex(3, 2):
        expected = ndimage.gaussian_filter(pictures[i, :, :, c].astype(float), 1.5)
        np.testing.assert_allclose(worse[i, :, :, c], expected, atol=1e-6)


def test_shift_moves_every_picture_one_of_four_ways_by_whole_pixels():
    worse = shift(DIGITS, 3, rng())
    ways = [(3, 0), (-3, 0), (0, 3), (0, -3)]
    moved = np.stack([ndimage.shift(DIGITS, (0, *way, 0), order=0) for way in ways])
    same = (moved == worse).all(axis=(2, 3, 4))  # (ways, pictures)
    np.testing.assert_array_equal(same.sum(axis=0), 1)
    assert same.any(axis=1).all()


def test_rotation_is_that_of_scipy_to_either_side():
    worse = rotation(DIGITS, 30, rng())
    turned = np.stack(
        [ndimage.rotate(DIGITS, a, axes=(2, 1), reshape=False, order=1) for a in (30, -30)]
    )
    # Only in a corner of the frame do the two differ in what stands outside.
    same = (np.abs(turned - worse)[:, :, 3:-3, 3:-3] < 1e-5).all(axis=(2, 3, 4))
    np.testing.assert_array_equal(same.sum(axis=0), 1)
    assert same.any(axis=1).all()


def test_contrast_keeps_the_mean_of_a_picture_and_scales_its_deviation():
    worse = contrast(DIGITS, 0.3, rng())
    axes = (1, 2, 3)
    np.testing.assert_allclose(worse.mean(axis=axes), DIGITS.mean(axis=axes), rtol=1e-4)
    np.testing.assert_allclose(worse.std(axis=axes), 0.3 * DIGITS.std(axis=axes), rtol=1e-4)


def test_occlusion_covers_one_square_in_all_channels():
    ones = np.ones((200, 12, 9, 2), np.float32)
    covered = occlusion(ones, 4, rng()) == 0
    np.testing.assert_array_equal(covered[..., 0], covered[..., 1])
    corners = set()
    for each in covered[..., 0]:
        rows, columns = np.nonzero(each)
        assert each.sum() == 16
        assert (np.ptp(rows), np.ptp(columns)) == (3, 3)
        corners.add((rows.min(), columns.min()))
    rows, columns = zip(*corners, strict=True)
    assert ({*rows}, {*columns}) == ({*range(9)}, {*range(6)})


def test_a_square_larger_than_the_picture_covers_all_of_it():
    assert not occlusion(np.ones((2, 5, 7, 1), np.float32), 10, rng()).any()
