"""Pictures move as SciPy moves them, and differently each time."""

import numpy as np
import pytest
from scipy import ndimage

from minicnn.data.augmentation import bilinear, jitter, rotate, shift, warp

# Between the last pixel and the zeros outside, `grid-constant` interpolates, `constant` cuts.
LINEAR = {"order": 1, "mode": "grid-constant"}


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((3, 7, 10, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bilinear_is_scipys_linear_interpolation(images, dtype):
    rng = np.random.default_rng(1)
    images = images.astype(dtype)
    rows, columns = rng.uniform(-3, 10, (3, 4, 5)), rng.uniform(-3, 13, (3, 4, 5))
    rows[0, 0], columns[0, 0] = [-1, 0, 6, 7, 6.5], [0, 9, 9.5, -1, 10]  # the very edge
    y = bilinear(images, rows, columns)
    assert y.dtype == dtype
    assert y.shape == (3, 4, 5, 2)
    for n in range(3):
        for c in range(2):
            expected = ndimage.map_coordinates(
                images[n, :, :, c], [rows[n], columns[n]], dtype, **LINEAR
            )
            np.testing.assert_allclose(y[n, :, :, c], expected, atol=1e-6)


def test_each_picture_is_shifted_by_its_own_amount(images):
    down, right = [0.0, 2.0, -1.25], [0.0, -3.0, 0.5]
    y = warp(images, shift(down, right))
    for n, amount in enumerate(zip(down, right, strict=True)):
        np.testing.assert_allclose(
            y[n], ndimage.shift(images[n], (*amount, 0), **LINEAR), atol=1e-12
        )
    np.testing.assert_array_equal(y[1, 2:, :7], images[1, :-2, 3:])
    assert not y[1, :2].any(), "nothing comes from outside"


def test_each_picture_turns_counterclockwise_by_its_own_angle(images):
    degrees = [90.0, 20.0, -133.0]
    y = warp(images, rotate(degrees))
    for n, angle in enumerate(degrees):
        expected = ndimage.rotate(images[n], angle, (0, 1), reshape=False, **LINEAR)
        np.testing.assert_allclose(y[n], expected, atol=1e-9)
    square = images[:, :, :7]
    np.testing.assert_allclose(
        warp(square, rotate([90.0] * 3)), np.rot90(square, axes=(1, 2)), atol=1e-9
    )


def test_joined_maps_act_from_the_left_and_interpolate_once(images):
    wide = np.pad(images, ((0, 0), (8, 8), (8, 8), (0, 0)))
    one_by_one = warp(warp(wide, rotate([90.0] * 3)), shift([2.0] * 3, [-3.0] * 3))
    joined = warp(wide, rotate([90.0] * 3) @ shift([2.0] * 3, [-3.0] * 3))
    assert joined.shape == (3, 23, 26, 2)
    np.testing.assert_allclose(joined[:, 4:-4, 4:-4], one_by_one[:, 4:-4, 4:-4], atol=1e-9)
    thirds = rotate([30.0] * 3) @ rotate([60.0] * 3) @ rotate([-90.0] * 3)
    np.testing.assert_allclose(warp(images, thirds), images, atol=1e-9)


def test_jitter_draws_from_its_generator_alone(images):
    first, same = (jitter(images, np.random.default_rng(5)) for _ in range(2))
    other = jitter(images, np.random.default_rng(6))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.1
    assert first.dtype == images.dtype


def test_jitter_stays_within_its_limits():
    dot = np.zeros((400, 21, 21, 1))
    dot[:, 10, 10] = 1  # the middle, which turning leaves where it is
    moved = jitter(dot, np.random.default_rng(0), pixels=3, degrees=180)[..., 0]
    mass = np.array([ndimage.center_of_mass(each) for each in moved]) - 10
    turned_back = np.hypot(*mass.T)
    assert turned_back.max() < 3 * np.sqrt(2)
    assert turned_back.max() > 3
    still = jitter(dot, np.random.default_rng(0), pixels=0, degrees=0)
    np.testing.assert_array_equal(still, dot)


def test_bytes_come_back_as_bytes_rounded():
    images = np.random.default_rng(0).integers(0, 256, (5, 9, 9, 1)).astype(np.uint8)
    moved = jitter(images, np.random.default_rng(1))
    exact = jitter(images.astype(np.float64), np.random.default_rng(1))
    assert moved.dtype == np.uint8
    assert np.abs(moved - exact).max() <= 0.5 + 1e-3
