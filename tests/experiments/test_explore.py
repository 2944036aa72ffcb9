"""The statistics of a data set against NumPy, SciPy, scikit-learn and calculations by hand."""

import json
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import mahalanobis
from sklearn.decomposition import PCA

import minicnn as mc
from minicnn.data import Dataset
from minicnn.errors import DataError
from minicnn.experiments.explore import blocks, explore
from minicnn.experiments.explore.balance import balance
from minicnn.experiments.explore.duplicates import duplicates
from minicnn.experiments.explore.near_duplicates import near_duplicates
from minicnn.experiments.explore.pca import components, distances
from minicnn.experiments.explore.pixels import class_pictures, pixels
from minicnn.experiments.explore.strokes import QUANTILES, class_quantiles, strokes

NEAR = import_module("minicnn.experiments.explore.near_duplicates")
THREE = ("a", "b", "c")


def noise(count: int, *shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def of_counts(counts, names=THREE) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), counts)
    return Dataset(np.zeros((len(labels), 1, 1, 1), np.uint8), labels, names)


@pytest.fixture(scope="module")
def mnist() -> tuple[Dataset, Dataset]:
    return mc.data.mnist()


# Balance


@given(st.lists(st.integers(1, 500), min_size=3, max_size=3), st.data())
def test_balance_is_pearsons_test(train, data):
    # With two degrees of freedom the chi-squared distribution is exponential: p = exp(-χ² / 2).
    test = data.draw(st.lists(st.integers(1, 500), min_size=3, max_size=3))
    found = balance(of_counts(train), of_counts(test))
    np.testing.assert_array_equal(found.train, train)
    np.testing.assert_array_equal(found.test, test)
    assert found.ratio == max(train) / min(train)

    mean = sum(train) / 3
    statistic = sum((count - mean) ** 2 / mean for count in train)
    assert found.uniform.degrees == 2
    assert found.uniform.statistic == pytest.approx(statistic, rel=1e-9, abs=1e-12)
    assert found.uniform.p_value == pytest.approx(np.exp(-statistic / 2), rel=1e-9)
    assert found.uniform.smallest_expected == mean

    statistic, smallest, whole = 0.0, np.inf, sum(train) + sum(test)
    for counts in (train, test):
        for count, both in zip(counts, np.add(train, test), strict=True):
            expected = sum(counts) * both / whole
            statistic += (count - expected) ** 2 / expected
            smallest = min(smallest, expected)
    assert found.test_follows_train.degrees == 2
    assert found.test_follows_train.statistic == pytest.approx(statistic, rel=1e-9, abs=1e-12)
    assert found.test_follows_train.p_value == pytest.approx(np.exp(-statistic / 2), rel=1e-9)
    assert found.test_follows_train.smallest_expected == pytest.approx(smallest)


def test_classes_without_pictures_take_no_part_in_the_tests():
    names = ("a", "b", "c", "nobody")
    gaps = balance(of_counts([30, 0, 50, 0], names), of_counts([10, 5, 10, 0], names))
    assert gaps.uniform == balance(of_counts([30, 50]), of_counts([1])).uniform
    assert gaps.uniform.degrees == 1
    assert gaps.test_follows_train.degrees == 2
    assert gaps.ratio == 50 / 30


def test_two_classes_are_tested_without_a_correction():
    # 60 (10 · 10 - 20 · 20)² / 30⁴, by hand
    found = balance(of_counts([10, 20], ("a", "b")), of_counts([20, 10], ("a", "b")))
    assert found.test_follows_train.statistic == pytest.approx(20 / 3)


def test_one_class_is_balanced_in_itself():
    found = balance(of_counts([7], ("a",)), of_counts([2], ("a",)))
    assert (found.uniform.degrees, found.uniform.p_value) == (0, 1)
    assert (found.test_follows_train.degrees, found.test_follows_train.p_value) == (0, 1)


# Pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pixels_equal_numpy(dtype):
    images = noise(50, 7, 5, 3) if dtype == np.uint8 else noise(50, 7, 5, 3) / np.float32(300)
    found = pixels(Dataset(images, np.arange(50) % 3))
    scaled = images.astype(np.float64) / (255 if dtype == np.uint8 else 1)
    assert (found.shape, found.dtype) == ((50, 7, 5, 3), np.dtype(dtype).name)
    assert (found.minimum, found.maximum) == (images.min(), images.max())
    assert found.mean == pytest.approx(scaled.mean(), rel=1e-7)
    assert found.deviation == pytest.approx(scaled.std(), rel=1e-7)
    limits = (0, 256) if dtype == np.uint8 else (images.min(), images.max())
    counts, edges = np.histogram(images, 256, limits)
    np.testing.assert_array_equal(found.counts, counts)
    np.testing.assert_allclose(found.edges, edges, atol=1e-6)


def test_pixels_of_one_value_have_a_histogram():
    found = pixels(Dataset(np.full((2, 3, 3, 1), 0.25, np.float32), [0, 1]))
    assert (found.deviation, found.counts[0], found.counts.sum()) == (0, 18, 18)


def test_class_pictures_equal_numpy():
    images, labels = noise(60, 4, 6, 2), np.arange(60) % 4 * 2  # no picture of classes 1, 3, 5
    found = class_pictures(Dataset(images, labels))
    for label in range(7):
        mine = images[labels == label] / 255
        if label % 2:
            assert np.isnan(found.mean[label]).all()
            assert np.isnan(found.variance[label]).all()
        else:
            np.testing.assert_allclose(found.mean[label], mine.mean(axis=0), rtol=1e-6)
            np.testing.assert_allclose(found.variance[label], mine.var(axis=0), rtol=1e-5)


# Ink, slant and aspect


def test_strokes_equal_a_weighted_covariance():
    images = noise(40, 9, 6, 1)
    images[:, 0] = images[:, -1] = 0  # a dark border, so that ink is what is bright
    images[:, :, 0] = images[:, :, -1] = 0
    found = strokes(Dataset(images, [0] * 40))
    y, x = np.mgrid[:9, :6]
    for i, image in enumerate(images[..., 0].astype(float)):
        covariance = np.cov([x.ravel(), y.ravel()], aweights=image.ravel())
        slant = np.degrees(np.arctan2(-covariance[0, 1], covariance[1, 1]))
        rows, columns = np.nonzero(image >= image.max() / 2)
        assert found.slant[i] == pytest.approx(slant, abs=1e-4)
        assert found.aspect[i] == (np.ptp(columns) + 1) / (np.ptp(rows) + 1)
        assert found.ink[i] == pytest.approx(image.mean() / 255, rel=1e-6)
    assert not found.dark_on_light


def test_strokes_of_a_negative_are_the_same(mnist):
    digits = mnist[0][:200]
    negative = Dataset(255 - digits.images, digits.labels)
    found, other = strokes(digits), strokes(negative)
    assert (found.dark_on_light, other.dark_on_light) == (False, True)
    for measure in ("ink", "slant", "aspect"):
        mine, theirs = getattr(found, measure), getattr(other, measure)
        np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-4)


def test_shearing_a_digit_by_its_slant_sets_it_upright(mnist):
    digits = mnist[0][:50]
    y, x = np.mgrid[:28, :28]
    for image, slant in zip(digits.images[..., 0], strokes(digits).slant, strict=True):
        upright = x + np.tan(np.radians(slant)) * y  # each row shifted against the slant
        covariance = np.cov([upright.ravel(), y.ravel()], aweights=image.ravel() / 255)
        assert covariance[0, 1] == pytest.approx(0, abs=1e-3)


def test_a_picture_without_ink_has_no_slant():
    images = np.zeros((3, 5, 5, 1), np.uint8)
    images[1, 2, 1:4] = 200  # all ink in one row: no vertical to lean from
    images[2, 1:4, 2] = 200
    found = strokes(Dataset(images, [0, 0, 0]))
    np.testing.assert_array_equal(found.slant, [np.nan, np.nan, 0])
    np.testing.assert_array_equal(found.aspect, [np.nan, 3, 1 / 3])


def test_quantiles_leave_out_what_is_not_a_number():
    values = np.random.default_rng(0).normal(size=300)
    values[::7] = np.nan
    labels = np.arange(300) % 3
    found = class_quantiles(values, labels, 4)
    for label in range(3):
        expected = np.nanquantile(values[labels == label], QUANTILES)
        np.testing.assert_allclose(found[label], expected)
    assert np.isnan(found[3]).all()


# Principal components


def test_components_equal_sklearn(mnist):
    digits = mnist[0][:2000]
    found = components(digits)
    theirs = PCA(svd_solver="full").fit(digits.images.reshape(2000, -1) / 255)
    np.testing.assert_allclose(found.shares, theirs.explained_variance_ratio_, atol=1e-6)
    assert found.shares.sum() == pytest.approx(1)
    # They divide by one less than the number of pictures.
    np.testing.assert_allclose(found.variance, theirs.explained_variance_ * 1999 / 2000, atol=1e-5)
    np.testing.assert_allclose(found.mean, theirs.mean_, atol=1e-6)
    np.testing.assert_allclose(found.axes @ found.axes.T, np.eye(50), atol=1e-9)
    # The first ten are far enough apart to be the same, up to a sign.
    overlap = np.sum(found.axes[:10] * theirs.components_[:10], axis=1)
    np.testing.assert_allclose(np.abs(overlap), 1, atol=1e-4)
    largest = np.abs(found.axes).argmax(axis=1)
    assert (found.axes[np.arange(50), largest] > 0).all()
    centred = digits.images.reshape(2000, -1) / 255 - theirs.mean_
    np.testing.assert_allclose(found.points, centred @ found.axes.T, atol=1e-4)
    rest = centred - centred @ found.axes.T @ found.axes
    np.testing.assert_allclose(found.residuals, np.linalg.norm(rest, axis=1), atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "block"),
    [((28, 28, 1), 1), ((32, 32, 1), 1), ((32, 32, 3), 2), ((300, 200, 3), 14), ((1, 1, 2000), 1)],
)
def test_large_pictures_are_averaged_to_no_more_than_1024_numbers(shape, block):
    found = components(Dataset(noise(12, *shape), np.arange(12) % 2))
    assert found.block == block
    height, width, channels = shape
    assert len(found.mean) == -(-height // block) * -(-width // block) * channels
    assert len(found.mean) <= 1024 or shape == (1, 1, 2000)


def test_block_mean_takes_what_is_left_over_at_the_edges():
    images = np.random.default_rng(0).random((2, 7, 5, 3))
    found = blocks.block_mean(images, 3)
    assert found.shape == (2, 3, 2, 3)
    np.testing.assert_allclose(found[:, 0, 0], images[:, :3, :3].mean(axis=(1, 2)))
    np.testing.assert_allclose(found[:, 2, 1], images[:, 6:, 3:].mean(axis=(1, 2)))


def test_pictures_that_are_all_the_same_have_no_components():
    found = components(Dataset(np.full((9, 3, 3, 1), 7, np.uint8), [0] * 9))
    np.testing.assert_array_equal(found.shares, np.zeros(9))
    np.testing.assert_array_equal(distances(found.points, np.zeros(9, int)), np.zeros(9))


def test_distances_in_one_class_are_scipys():
    points = np.random.default_rng(0).normal(size=(80, 4)) @ np.diag([1, 2, 5, 0.1])
    found = distances(points, np.zeros(80, np.int64))
    inverse = np.linalg.inv(np.cov(points.T, bias=True))
    expected = [mahalanobis(point, points.mean(axis=0), inverse) for point in points]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_distances_draw_a_small_class_towards_the_others():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(60, 3)) * [1, 4, 2] + rng.normal(size=3)
    labels = np.repeat([0, 1, 2], [40, 17, 3])
    points[labels == 1] += 9
    found = distances(points, labels)
    own = {}
    for label in range(3):
        mine = points[labels == label]
        own[label] = mine - mine.mean(axis=0)
    shared = sum(each.T @ each for each in own.values()) / 60
    for label, each in own.items():
        covariance = (each.T @ each + 3 * shared) / (len(each) + 3)
        expected = np.sqrt(np.einsum("ni,ij,nj->n", each, np.linalg.inv(covariance), each))
        np.testing.assert_allclose(found[labels == label], expected, rtol=1e-8)


def test_a_picture_that_is_unlike_its_class_is_found_first(mnist):
    digits = mnist[0][:3000]
    images = digits.images.copy()
    ones = np.flatnonzero(digits.labels == 1)
    images[ones[5]] = 255 * (noise(1, 28, 28, 1) > 200)
    data = Dataset(images, digits.labels, digits.class_names)
    found = explore(data, data[:9], progress=False)
    assert found.unusual[1][0] == ones[5]
    for label, places in enumerate(found.unusual):
        mine = np.flatnonzero(data.labels == label)
        assert places.tolist() == sorted(mine, key=lambda i: -found.distance[i])[:10]


# Duplicates


@given(st.lists(st.integers(0, 4), min_size=1, max_size=9), st.data())
def test_duplicates_are_found_as_by_comparing_each_with_each(values, data):
    others = data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=9))
    labels = data.draw(st.lists(st.integers(0, 2), min_size=18, max_size=18))
    sets = [
        Dataset(np.array(each, np.uint8).reshape(-1, 1, 1, 1), labels[place : place + len(each)])
        for place, each in ((0, values), (9, others))
    ]
    found = duplicates(*sets)

    def places(where, value):
        return tuple(i for i, each in enumerate(where) if each == value)

    distinct = list(dict.fromkeys(values))
    several = [places(values, value) for value in distinct if values.count(value) > 1]
    assert found.train == several
    assert sorted(found.test) == sorted(
        places(others, value) for value in set(others) if others.count(value) > 1
    )
    shared = [(places(values, v), places(others, v)) for v in distinct if v in others]
    assert found.between == shared
    named = list(zip([*values, *others], [*sets[0].labels, *sets[1].labels], strict=True))
    assert found.contradictions == sum(
        len({label for each, label in named if each == value}) > 1 for value in range(5)
    )


# Pictures that are nearly equal


def alike(train: Dataset, test: Dataset):
    return near_duplicates(train, test, components(train), duplicates(train, test))


def copies(count: int, seed: int) -> np.ndarray:
    """Copies of a few patterns, with noise from none to so much that little is left of them."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(40, 216, (6, 9, 7, 1))
    spread = rng.uniform(0, 40, (count, 1, 1, 1))
    noisy = patterns[rng.integers(0, 6, count)] + rng.normal(0, spread, (count, 9, 7, 1))
    return noisy.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("kept", [50, 3])  # components: with fewer of them more is left to the rest
def test_near_duplicates_are_those_that_numpy_finds_by_comparing_each_with_each(kept, monkeypatch):
    # By its name it is the function that the package has in the module's place.
    monkeypatch.setattr(import_module("minicnn.experiments.explore.pca"), "KEPT", kept)
    monkeypatch.setattr(NEAR, "BLOCK", 16)
    images, labels = copies(90, seed=kept), np.arange(90) % 4
    train, test = Dataset(images[:60], labels[:60]), Dataset(images[60:], labels[60:])
    found = alike(train, test)
    near = np.corrcoef(images.reshape(90, -1)) >= NEAR.ALIKE
    np.fill_diagonal(near, False)
    assert 20 < near.any(axis=1).sum() < 88
    other = near & (labels[:, np.newaxis] != labels)
    parts = (found.train, np.s_[:60, :60]), (found.test, np.s_[60:, 60:])
    for count, part in (*parts, (found.between, np.s_[60:, :60])):
        assert count.pictures == near[part].any(axis=1).sum()
        assert count.other_label == other[part].any(axis=1).sum()
    assert found.classes.tolist() == np.bincount(labels[near.any(axis=1)], minlength=4).tolist()
    assert found.compared == 90


def test_the_closest_pairs_are_named_with_their_places():
    images = noise(40, 8, 8, 1).astype(int)
    images[31] = images[4] // 2 + 60  # another brightness and contrast
    images[38] = images[5]
    images[38, 0, 0] += 128 if images[5, 0, 0] < 128 else -128
    images[20] = images[6] + noise(1, 8, 8, 1, seed=1)[0] // 8
    images = images.clip(0, 255).astype(np.uint8)
    labels = np.array([0, 1] * 20)
    labels[4] = 1
    found = alike(Dataset(images[:30], labels[:30]), Dataset(images[30:], labels[30:]))

    def pair(first, second):
        correlation = np.corrcoef(images[first].ravel(), images[second].ravel())[0, 1]
        places = (("train", i) if i < 30 else ("test", i - 30) for i in (first, second))
        return *places, pytest.approx(correlation, abs=1e-5)

    def plain(pairs):
        return [(each.first, each.second, each.correlation) for each in pairs]

    assert plain(found.contradictions) == [pair(5, 38)]
    assert plain(found.closest[0]) == [pair(6, 20)]
    assert plain(found.closest[1]) == [pair(4, 31)]
    assert found.closest[1][0].correlation > 0.999


def test_equal_and_blank_pictures_have_no_near_duplicates():
    images = noise(12, 6, 6, 1)
    images[[3, 7, 10]] = images[0]  # the last of them in the test set
    images[[4, 5, 11]] = np.array([0, 255, 9])[:, np.newaxis, np.newaxis, np.newaxis]
    found = alike(Dataset(images[:9], np.arange(9) % 2), Dataset(images[9:], [0, 1, 0]))
    assert found.compared == 12 - 3 - 3
    assert (found.train.pictures, found.test.pictures, found.between.pictures) == (0, 0, 0)
    nothing = Dataset(np.zeros((5, 3, 3, 1), np.uint8), [0, 1, 0, 1, 0])
    assert alike(nothing, nothing).compared == 0


def test_where_all_pictures_are_alike_each_is_found_and_the_memory_is_not_filled(monkeypatch):
    monkeypatch.setattr(NEAR, "MOST_PARTNERS", 3)
    images = (noise(1, 8, 8, 1) // 2 + noise(300, 8, 8, 1) // 64).astype(np.uint8)
    sizes, original = [], NEAR._candidates

    def counting(*arguments):
        for pairs in original(*arguments):
            sizes.append(len(pairs))
            yield pairs

    monkeypatch.setattr(NEAR, "_candidates", counting)
    found = alike(Dataset(images[:200], [0] * 200), Dataset(images[200:], [0] * 100))
    assert found.classes.tolist() == [300]
    assert 250 < sum(sizes) <= 300 * 3


def test_of_very_many_pictures_some_are_compared_taken_evenly(monkeypatch):
    monkeypatch.setattr(NEAR, "MOST_COMPARED", 10)
    train, test = Dataset(noise(30, 4, 4, 1), [0] * 30), Dataset(noise(9, 4, 4, 1, seed=1), [0] * 9)
    assert alike(train, test).compared == 10
    places = NEAR._places(train, test, duplicates(train, test))
    assert (places[0], places[-1]) == (0, 38)
    assert set(np.diff(places)) == {4, 5}


# The whole


@pytest.mark.slow
def test_mnist_is_what_everybody_finds_it_to_be(mnist):
    found = explore(*mnist, progress=False)
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert found.balance.train.tolist() == counts
    assert found.balance.uniform.p_value < 1e-20
    assert found.balance.test_follows_train.p_value > 0.9
    # The two numbers of every tutorial on MNIST.
    assert (round(found.pixels.mean, 4), round(found.pixels.deviation, 4)) == (0.1307, 0.3081)
    assert found.components.shares[:2] == pytest.approx([0.0970, 0.0710], abs=1e-4)
    assert (found.duplicates.train, found.duplicates.test, found.duplicates.between) == ([], [], [])
    near = found.near_duplicates
    assert (near.compared, near.classes.argmax(), near.contradictions) == (70_000, 1, [])
    best = near.closest[1][0]
    pictures = (
        {"train": mnist[0], "test": mnist[1]}[s].images[i].ravel()
        for s, i in (best.first, best.second)
    )
    assert best.correlation == pytest.approx(np.corrcoef(*pictures)[0, 1], abs=1e-5)
    assert best.correlation > 0.99
    ink, _, aspect = (found.quantiles[measure][:, 2] for measure in ("ink", "slant", "aspect"))
    assert ink.argmin() == aspect.argmin() == 1
    assert ink.argmax() == 0


def test_walking_in_small_pieces_changes_nothing(mnist, monkeypatch):
    train, test = mnist[0][:300], mnist[1][:100]
    whole = explore(train, test, progress=False).to_dict()
    monkeypatch.setattr(blocks, "PIECE", 784 * 7)
    pieced = explore(train, test, progress=False).to_dict()
    assert pieced["balance"] == whole["balance"]
    assert pieced["train"]["histogram"] == whole["train"]["histogram"]
    for part in ("components", "strokes"):
        for name, values in whole[part].items():
            np.testing.assert_allclose(pieced[part][name], values, rtol=1e-4, atol=1e-6)


def test_numbers_are_plain_and_hold_no_nan():
    images = noise(9, 3, 3, 1)
    images[0] = 0
    train = Dataset(images, [0, 0, 0, 0, 2, 2, 2, 2, 3], ("a", "b", "c", "d"))
    found = explore(train, train[:2], progress=False)
    numbers = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert numbers["class_names"] == ["a", "b", "c", "d"]
    assert numbers["strokes"]["ink"][1] == [None] * 5
    assert [len(numbers["unusual"][name]) for name in "abcd"] == [4, 0, 4, 0]
    assert numbers["duplicates"]["between"] == [[[0], [0]], [[1], [1]]]
    assert numbers["near_duplicates"]["between"] == {"pictures": 0, "other_label": 0}
    assert numbers["near_duplicates"]["classes"] == [0] * 4


def test_sets_that_do_not_belong_together_are_refused():
    train = Dataset(noise(4, 3, 3, 1), [0, 1, 0, 1])
    with pytest.raises(DataError, match=r"training and test set differ.*\(3, 3, 1\).*\(3, 4, 1\)"):
        explore(train, Dataset(noise(4, 3, 4, 1), [0, 1, 0, 1]), progress=False)
    with pytest.raises(DataError, match=r"2 classes.*3 classes"):
        explore(train, Dataset(noise(4, 3, 3, 1), [0, 1, 2, 1]), progress=False)
