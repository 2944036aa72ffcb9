"""Pictures move as SciPy moves them, and differently each time."""

import json
from dataclasses import asdict

import numba
import numpy as np
import pytest
from scipy import ndimage

import minicnn as mc
from minicnn import kernels, nn
from minicnn.data import Dataset
from minicnn.data.augmentation import (
    Augmentation,
    bilinear,
    jitter,
    rotate,
    shear,
    shift,
    warp,
    zoom,
)
from minicnn.errors import DataError, SettingError

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


def test_zoom_enlarges_about_the_middle(images):
    down, across = [2.0, 1.0, 0.8], [2.0, 0.5, 1.3]
    y = warp(images, zoom(down, across))
    middle = np.array([3.0, 4.5, 0])
    for n in range(3):
        matrix = [1 / down[n], 1 / across[n], 1]
        offset = middle - middle * matrix
        expected = ndimage.affine_transform(images[n], matrix, offset, **LINEAR)
        np.testing.assert_allclose(y[n], expected, atol=1e-12)


def test_shear_lets_an_upright_line_lean_to_the_right():
    line = np.zeros((1, 5, 9, 1))
    line[:, :, 4] = 1
    y = warp(line, shear([45.0]))[0, :, :, 0]
    np.testing.assert_allclose(y, np.fliplr(np.eye(9))[2:7], atol=1e-12)


# ------------------------------------------------------------------ the kernel

both_sets = pytest.mark.parametrize("kernel_set", kernels.SETS)


def nothing(n: int) -> list[np.ndarray]:
    """Maps, bends, strokes and boxes that leave n pictures as they are."""
    return [
        np.tile(np.eye(3), (n, 1, 1)),
        np.zeros((n, 1, 1, 2)),
        np.zeros(n),
        np.zeros((n, 4), int),
    ]


def augment(kernel_set, images, **changes):
    arguments = dict(zip(("maps", "bends", "strokes", "boxes"), nothing(len(images)), strict=True))
    with kernels.use(kernel_set):
        return kernels.augment(images, *(arguments | changes).values())


@pytest.fixture
def greys() -> np.ndarray:
    """Every grey, on pictures that are not square."""
    return np.random.default_rng(0).permutation(768).reshape(4, 8, 12, 2).astype(np.uint8)


@both_sets
def test_nothing_to_change_gives_the_scaled_pictures_bit_for_bit(kernel_set, greys):
    scaled = Dataset(greys, [0] * 4).scaled()
    for images in greys, scaled:
        found = augment(kernel_set, images)
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, scaled)


@both_sets
def test_a_shift_by_whole_pixels_is_exact(kernel_set, greys):
    found = augment(kernel_set, greys, maps=shift([0, 2, -3, 8], [0, -1, 4, 0]))
    scaled = Dataset(greys, [0] * 4).scaled()
    np.testing.assert_array_equal(found[0], scaled[0])
    np.testing.assert_array_equal(found[1, 2:, :-1], scaled[1, :-2, 1:])
    np.testing.assert_array_equal(found[2, :-3, 4:], scaled[2, 3:, :-4])
    assert not found[1, :2].any()
    assert not found[1, :, -1].any()
    assert not found[3].any(), "all of it is outside"


@both_sets
def test_a_right_angle_is_rot90(kernel_set):
    images = np.random.default_rng(0).random((3, 9, 9, 2))
    found = augment(kernel_set, images, maps=rotate([90.0, 180.0, -90.0]))
    for n, times in enumerate((1, 2, -1)):
        np.testing.assert_allclose(found[n], np.rot90(images[n], times), atol=1e-13)


@both_sets
def test_a_map_is_scipys_affine_transform(kernel_set, images):
    rng = np.random.default_rng(1)
    maps = np.tile(np.eye(3), (3, 1, 1))
    maps[:, :2] += rng.normal(0, 0.4, (3, 2, 3))
    found = augment(kernel_set, images, maps=maps)
    middle = np.array([3.0, 4.5])
    for n in range(3):
        for c in range(2):
            linear = maps[n, :2, :2]
            offset = maps[n, :2, 2] + middle - linear @ middle
            expected = ndimage.affine_transform(images[n, :, :, c], linear, offset, **LINEAR)
            np.testing.assert_allclose(found[n, :, :, c], expected, atol=1e-12)


@both_sets
@pytest.mark.parametrize("points", [(2, 2), (3, 5), (9, 12)])
def test_a_grid_bends_as_it_is_interpolated_between_its_points(kernel_set, images, points):
    bends = np.random.default_rng(1).uniform(-2, 2, (3, *points, 2))
    found = augment(kernel_set, images, bends=bends)
    ends = np.mgrid[: points[0] - 1 : 7j, : points[1] - 1 : 10j]
    for n in range(3):
        further = [ndimage.map_coordinates(bends[n, :, :, axis], ends, order=1) for axis in (0, 1)]
        for c in range(2):
            expected = ndimage.map_coordinates(
                images[n, :, :, c], np.indices((7, 10)) + further, **LINEAR
            )
            np.testing.assert_allclose(found[n, :, :, c], expected, atol=1e-12)


@both_sets
def test_strokes_go_towards_dilation_and_erosion(kernel_set, images):
    found = augment(kernel_set, images, strokes=np.array([1.0, -0.25, 0.5]))
    around = {"size": (3, 3, 1), "mode": "nearest"}
    np.testing.assert_allclose(found[0], ndimage.grey_dilation(images[0], **around), atol=1e-15)
    thinner = 0.75 * images[1] + 0.25 * ndimage.grey_erosion(images[1], **around)
    np.testing.assert_allclose(found[1], thinner, atol=1e-15)
    thicker = 0.5 * images[2] + 0.5 * ndimage.grey_dilation(images[2], **around)
    np.testing.assert_allclose(found[2], thicker, atol=1e-15)


@both_sets
def test_a_box_is_erased_last(kernel_set, images):
    boxes = np.array([[0, 0, 0, 0], [1, 3, 2, 9], [0, 7, 0, 10]])
    found = augment(kernel_set, images, boxes=boxes, strokes=np.ones(3))
    expected = augment(kernel_set, images, strokes=np.ones(3))
    assert expected.all(), "something is everywhere"
    np.testing.assert_array_equal(found[0], expected[0])
    expected[1, 1:3, 2:9] = 0
    np.testing.assert_array_equal(found[1], expected[1])
    assert not found[2].any()


EVERYTHING = Augmentation(
    rotation=40, zoom=0.3, shift=0.2, shear=20, elastic=2, erasing=0.5, stroke=0.8
)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 28, 28, 1), (5, 1, 9, 3), (6, 13, 8, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_both_sets_and_any_number_of_threads_make_the_same_pictures(shape, dtype):
    images = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    images = images if dtype == np.uint8 else images / np.float32(255)
    images.flags.writeable = False
    before = images.copy()

    def made(kernel_set):
        with kernels.use(kernel_set):
            return EVERYTHING(images, np.random.default_rng(3))

    fast = made("fast")
    assert (fast.shape, fast.dtype) == (shape, np.float32)
    assert 0 <= fast.min() <= fast.max() <= 1
    np.testing.assert_allclose(fast, made("reference"), rtol=0, atol=5e-7)
    np.testing.assert_array_equal(images, before)
    team = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        np.testing.assert_array_equal(made("fast"), fast)
    finally:
        numba.set_num_threads(team)


def test_several_threads_make_the_same_bits(run_python):
    """Enough pictures for each of three threads, with whatever the compiler makes of one."""
    program = """
import numba, numpy as np
from minicnn.data.augmentation import Augmentation
rng = np.random.default_rng(0)
settings = Augmentation(rotation=20, zoom=0.2, elastic=2, erasing=0.5, stroke=0.8)
images = rng.random((90, 28, 28, 1), np.float32)
made = []
for threads in 1, 2, 3:
    numba.set_num_threads(threads)
    made.append(settings(images, np.random.default_rng(1)))
print(all((each == made[0]).all() for each in made), made[0].std() > 0.1)
"""
    assert run_python("-c", program, NUMBA_NUM_THREADS="3") == "True True\n"


# ------------------------------------------------------------------ Augmentation


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return mc.data.mnist()[0].images[:400]


def test_the_seed_says_it_all_and_every_picture_changes_by_itself(digits):
    same = np.repeat(digits[:1], 5, axis=0)
    first = EVERYTHING(same, np.random.default_rng(1))
    np.testing.assert_array_equal(first, EVERYTHING(same, np.random.default_rng(1)))
    assert len({picture.tobytes() for picture in first}) == 5
    assert (first != EVERYTHING(same, np.random.default_rng(2))).any()


def test_floats_become_what_bytes_become(digits):
    scaled = digits / 255
    expected = EVERYTHING(digits, np.random.default_rng(1))
    for images in scaled, scaled.astype(np.float32):
        found = EVERYTHING(images, np.random.default_rng(1))
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_nothing_asked_for_changes_nothing_and_draws_nothing(digits):
    rng = np.random.default_rng(1)
    found = Augmentation()(digits, rng)
    np.testing.assert_array_equal(found, Dataset(digits, [0] * 400).scaled())
    assert rng.bit_generator.state == np.random.default_rng(1).bit_generator.state


@pytest.mark.parametrize(
    ("settings", "of_map", "limits"),
    [
        ({"rotation": 30}, lambda m: np.degrees(np.arctan2(m[:, 0, 1], m[:, 0, 0])), (-30, 30)),
        ({"shear": 20}, lambda m: np.degrees(np.arctan(m[:, 1, 0])), (-20, 20)),
        ({"zoom": 0.2}, lambda m: 1 / m[:, 0, 0], (0.8, 1.2)),
        ({"zoom": 0.2}, lambda m: 1 / m[:, 1, 1], (0.8, 1.2)),
        ({"shift": 0.1}, lambda m: -m[:, 0, 2], (-2, 2)),
        ({"shift": 0.1}, lambda m: -m[:, 1, 2], (-3, 3)),
    ],
)
def test_amounts_are_drawn_evenly_up_to_the_setting(settings, of_map, limits):
    maps, *_ = Augmentation(**settings).draw((4000, 20, 30, 1), np.random.default_rng(0))
    amounts = (of_map(maps) - limits[0]) / (limits[1] - limits[0])
    assert 0 <= amounts.min() < 0.005
    assert 0.995 < amounts.max() <= 1
    assert amounts.mean() == pytest.approx(0.5, abs=5 * (1 / 12 / 4000) ** 0.5)
    assert amounts.std() == pytest.approx((1 / 12) ** 0.5, rel=0.03)


def test_bends_and_strokes_are_drawn_evenly_and_the_grid_is_as_fine_as_asked():
    settings = Augmentation(elastic=1.5, elastic_spacing=5, stroke=0.4)
    _, bends, strokes, _ = settings.draw((3000, 21, 28, 1), np.random.default_rng(0))
    assert bends.shape == (3000, 6, 7, 2)  # 4 and 4.5 pixels apart
    for amounts, most in (bends, 1.5), (strokes, 0.4):
        assert 0.99 * most < -amounts.min() <= most
        assert 0.99 * most < amounts.max() <= most
        assert amounts.std() == pytest.approx(most / 3**0.5, rel=0.03)


def test_erased_boxes_lie_inside_and_are_as_frequent_as_asked():
    settings = Augmentation(erasing=0.3, erasing_size=0.5)
    images = np.ones((4000, 20, 30, 1), np.float32)
    found = settings(images, np.random.default_rng(0))[..., 0]
    _, _, _, boxes = settings.draw(images.shape, np.random.default_rng(0))
    top, bottom, left, right = boxes.T
    area = (bottom - top) * (right - left)
    np.testing.assert_array_equal((found == 0).sum(axis=(1, 2)), area)
    assert (area > 0).mean() == pytest.approx(0.3, abs=5 * (0.21 / 4000) ** 0.5)
    assert {*(bottom - top)[area > 0]} == {*range(1, 11)}
    assert {*(right - left)[area > 0]} == {*range(1, 16)}
    erased = (found == 0).mean(axis=0)
    assert erased.min() > 0, "a box may lie anywhere"
    assert bottom.max() == 20
    assert right.max() == 30


@pytest.mark.parametrize(
    ("settings", "share", "spread"),
    [
        ({"rotation": 20}, 1, 0.03),
        ({"shear": 15}, 1, 0.03),
        ({"shift": 0.07}, 1, 0.03),
        ({"elastic": 1.5}, 1, 0.2),
        ({"zoom": 0.1}, 1, 0.25),
    ],
)
def test_ink_is_about_kept(digits, settings, share, spread):
    found = Augmentation(**settings)(digits, np.random.default_rng(0))
    ratio = found.sum(axis=(1, 2, 3)) / (digits / 255).sum(axis=(1, 2, 3))
    assert ratio.mean() == pytest.approx(share, abs=0.01)
    assert np.quantile(abs(ratio - 1), 0.98) < spread
    assert (found != digits / np.float32(255)).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        *((name, -0.1, "") for name in asdict(Augmentation())),
        *((name, float("nan"), "nan") for name in asdict(Augmentation())),
        *((name, float("inf"), "inf") for name in asdict(Augmentation())),
        ("rotation", 181, "from 0 to 180, got 181"),
        ("zoom", 1, "in [0, 1), got 1"),
        ("shift", 1.0, "in [0, 1), got 1"),
        ("shear", 90, "in [0, 90), got 90"),
        ("elastic", 3.5, "at most half of elastic_spacing, 3 pixels"),
        ("erasing", 1.1, "from 0 to 1, got 1.1"),
        ("stroke", 2, "from 0 to 1, got 2"),
        ("elastic_spacing", 0.5, "at least 1, got 0.5"),
        ("erasing_size", 1, "in (0, 1), got 1"),
        ("erasing_size", 0, "got 0"),
        ("rotation", "15", "a number, got '15'"),
        ("rotation", None, "got None"),
        ("zoom", True, "got True"),
    ],
)
def test_a_setting_outside_its_range_is_refused_by_name(setting, value, says):
    with pytest.raises(SettingError, match=f"^{setting} must be .*") as refused:
        Augmentation(**{setting: value})
    assert says in str(refused.value)


def test_settings_pass_through_json():
    settings = Augmentation(rotation=np.float32(15), zoom=0.15, elastic=1)
    assert Augmentation(**json.loads(json.dumps(asdict(settings)))) == settings
    assert settings == Augmentation(15, 0.15, elastic=1.0)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((3, 28, 28), np.uint8), r"uint8 \(3, 28, 28\)"),
        (np.zeros((3, 28, 28, 1), int), "int64"),
        (np.zeros((0, 28, 28, 1), np.uint8), r"\(0, 28, 28, 1\)"),
    ],
)
def test_what_is_no_batch_of_pictures_is_refused(images, says):
    with pytest.raises(DataError, match=f"{says}.*; need"):
        EVERYTHING(images, np.random.default_rng(0))


def test_fit_takes_it_and_nothing_asked_for_is_training_without():
    rng = np.random.default_rng(0)
    data = Dataset(rng.integers(0, 256, (40, 6, 6, 1)).astype(np.uint8), np.arange(40) % 4)

    def trained(**settings):
        model = nn.Sequential(nn.Flatten(), nn.Dense(4), input_shape=(6, 6, 1))
        mc.fit(model, data, epochs=2, batch_size=16, validation=None, progress=False, **settings)
        return model.parameters()[0].data

    plain = trained()
    np.testing.assert_array_equal(trained(augment=Augmentation()), plain)
    moved = trained(augment=EVERYTHING)
    assert (moved != plain).any()
    np.testing.assert_array_equal(trained(augment=EVERYTHING), moved)
