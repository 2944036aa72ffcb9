"""The data set: what it refuses, how it is cut up, scaled and walked over."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn.data import Dataset
from minicnn.errors import DataError, SettingError


def numbered(count: int, dtype: type = np.uint8, classes: int = 10) -> Dataset:
    """Pictures (count, 2, 3, 1) that carry their position, so that none can pass for another."""
    images = np.zeros((count, 2, 3, 1), dtype)
    images[:, 0, 0, 0] = np.arange(count) % 251
    images[:, 1, 2, 0] = np.arange(count) // 251
    names = tuple(f"class {i}" for i in range(classes))
    if dtype is np.float32:
        images /= 255
    return Dataset(images, np.arange(count) % classes, names)


def positions(images: np.ndarray) -> np.ndarray:
    """The positions that `numbered` wrote, from uint8 or from scaled uint8."""
    unit = 1 if images.dtype == np.uint8 else 255
    corners = np.rint(images[:, [0, 1], [0, 2], 0] * unit).astype(np.int64)
    return corners[:, 0] + 251 * corners[:, 1]


IMAGES = np.zeros((3, 4, 5, 1), np.uint8)


# --- construction


def test_fields_and_properties():
    images = np.arange(3 * 4 * 5 * 2, dtype=np.uint8).reshape(3, 4, 5, 2)
    dataset = Dataset(images, np.array([1, 0, 1], np.uint8), ("cat", "dog", "owl"))
    np.testing.assert_array_equal(dataset.images, images)
    assert dataset.labels.tolist() == [1, 0, 1]
    assert dataset.labels.dtype == np.int64
    assert dataset.class_names == ("cat", "dog", "owl")
    assert (len(dataset), dataset.classes, dataset.image_shape) == (3, 3, (4, 5, 2))


def test_classes_are_numbered_up_to_the_largest_label():
    assert Dataset(IMAGES, [0, 3, 1]).class_names == ("0", "1", "2", "3")


@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), (np.int8, 127), (np.uint64, 9)])
def test_the_largest_label_of_a_small_type_does_not_overflow(dtype, largest):
    assert Dataset(IMAGES, np.array([0, largest, 1], dtype)).classes == largest + 1


def test_class_names_may_be_a_list_and_are_kept_as_a_tuple():
    assert Dataset(IMAGES, [0, 1, 0], ["a", "b"]).class_names == ("a", "b")


def test_images_in_another_memory_order_become_contiguous():
    images = np.random.default_rng(0).integers(0, 256, (3, 1, 5, 4), np.uint8)
    transposed = images.transpose(0, 3, 2, 1)
    dataset = Dataset(transposed, [0, 0, 0])
    assert dataset.images.flags.c_contiguous
    np.testing.assert_array_equal(dataset.images, transposed)


def test_arrays_are_read_only_and_the_callers_stay_writable():
    images, labels = IMAGES.copy(), np.zeros(3, np.int64)
    dataset = Dataset(images, labels)
    with pytest.raises(ValueError, match="read-only"):
        dataset.images[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        dataset.labels[0] = 1
    assert images.flags.writeable
    assert labels.flags.writeable


def test_fields_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Dataset(IMAGES, [0, 0, 0]).labels = np.ones(3)


def with_one(value: float) -> np.ndarray:
    images = np.zeros((3, 4, 5, 1), np.float32)
    images[1, 2, 3, 0] = value
    return images


@pytest.mark.parametrize(
    ("images", "labels", "names", "message"),
    [
        (IMAGES[0], [0] * 4, (), r"shape \(4, 5, 1\); need \(N, H, W, C\); add the channel axis"),
        (IMAGES[0, 0], [0] * 5, (), r"shape \(5, 1\); need \(N, H, W, C\)$"),
        (IMAGES[None], [0], (), r"shape \(1, 3, 4, 5, 1\); need"),
        (IMAGES.astype(np.float64), [0] * 3, (), "float64; need uint8 .* or float32"),
        (IMAGES.astype(np.int64), [0] * 3, (), "int64; need uint8"),
        (IMAGES[:0], [], (), r"\(0, 4, 5, 1\), which is empty"),
        (IMAGES[:, :0], [0] * 3, (), r"\(3, 0, 5, 1\), which is empty"),
        (with_one(np.nan), [0] * 3, (), "1 of 3 images hold NaN or infinity, .* at index 1"),
        (with_one(np.inf), [0] * 3, (), "1 of 3 images hold NaN or infinity"),
        (with_one(-np.inf), [0] * 3, (), "1 of 3 images hold NaN or infinity"),
        (
            np.full_like(with_one(0), np.nan),
            [0] * 3,
            (),
            "3 of 3 images hold NaN or infinity, .* at index 0",
        ),
        (IMAGES, [0, 0], (), "3 images have 2 labels"),
        (IMAGES, [[0]] * 3, (), r"labels have shape \(3, 1\); need \(N,\); one-hot labels"),
        (IMAGES, 0, (), r"labels have shape \(\); need \(N,\)$"),
        (IMAGES, [0.0, 1.0, 2.0], (), "labels are float64; need whole numbers"),
        (IMAGES, [True, False, True], (), "labels are bool; need whole numbers"),
        (IMAGES, ["0", "1", "2"], (), "labels are <U1; need whole numbers"),
        (IMAGES, [0, 1, 2], ("a", "b"), r"from 0 to 2; the 2 classes \(a, b\) need labels 0 to 1"),
        (IMAGES, [0, -1, 2], (), "from -1 to 2; the 3 classes"),
        (IMAGES, [-1, -1, -1], (), "from -1 to -1"),
        (IMAGES, [0, 1, 10], tuple("abcdefghijk")[:10], "from 0 to 10; the 10 classes"),
        (IMAGES, [0, 1, 12], "abcdefghijkl", "the 12 classes .*i, …. need labels 0 to 11"),
        (IMAGES, np.array([0, 1, 2**63], np.uint64), ("a", "b"), "to 9223372036854775808"),
        (IMAGES, [0, 1, 2**40], (), "labels go up to 1,099,511,627,776; .* need class_names"),
        (IMAGES, [0, 1, 10_000], (), "more than 10,000 classes"),
    ],
)
def test_refuses(images, labels, names, message):
    with pytest.raises(DataError, match=message):
        Dataset(images, labels, names)


# --- indexing


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (slice(2, 5), [2, 3, 4]),
        (slice(None, None, -3), [6, 3, 0]),
        (np.array([4, 4, 1]), [4, 4, 1]),
        ([5, -1], [5, 6]),
        (np.arange(7) % 2 == 1, [1, 3, 5]),
    ],
)
def test_indexing_takes_images_with_their_labels(index, expected):
    part = numbered(7)[index]
    assert positions(part.images).tolist() == expected
    assert part.labels.tolist() == expected
    assert part.classes == 10
    assert part.images.flags.c_contiguous
    assert not part.images.flags.writeable


def test_a_slice_shares_memory():
    dataset = numbered(7)
    assert np.shares_memory(dataset[2:5].images, dataset.images)


@pytest.mark.parametrize("index", [3, -1, np.int64(3)])
def test_one_position_is_refused(index):
    with pytest.raises(DataError, match=r"dataset\[-?\d\] would be one picture"):
        numbered(7)[index]


@pytest.mark.parametrize("index", [slice(7, None), np.zeros(7, bool), []])
def test_an_empty_part_is_refused(index):
    with pytest.raises(DataError, match="empty"):
        numbered(7)[index]


@pytest.mark.parametrize("index", [[7], np.ones(6, bool)])
def test_what_lies_outside_is_an_index_error(index):
    with pytest.raises(IndexError):
        numbered(7)[index]


# --- scaled and one-hot


def test_every_grey_is_scaled_to_the_nearest_float32():
    greys = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)
    scaled = Dataset(greys, [0] * 4).scaled()
    assert scaled.dtype == np.float32
    assert scaled.shape == greys.shape
    assert scaled.ravel().tolist() == [float(np.float32(grey / 255)) for grey in range(256)]
    assert (scaled.min(), scaled.max()) == (0, 1)


def test_float_images_are_taken_as_scaled():
    images = np.random.default_rng(0).random((3, 4, 5, 2), np.float32)
    scaled = Dataset(images, [0] * 3).scaled()
    assert scaled.dtype == np.float32
    np.testing.assert_array_equal(scaled, images)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("index", [None, slice(0, 2), np.array([0, 1])])
def test_scaled_is_new_memory(dtype, index):
    dataset = Dataset(np.ones((3, 4, 5, 1), dtype), [0] * 3)
    scaled = dataset.scaled(index)
    assert scaled.flags.c_contiguous
    assert not np.shares_memory(scaled, dataset.images)
    scaled[:] = 7
    assert (dataset.images == 1).all()


def test_scaled_takes_the_pictures_at_an_index():
    assert positions(numbered(300).scaled(np.array([299, 4]))).tolist() == [299, 4]
    assert positions(numbered(300).scaled(slice(250, 253))).tolist() == [250, 251, 252]


def test_one_hot():
    one_hot = Dataset(IMAGES, [2, 0, 2], tuple("abcd")).one_hot()
    assert one_hot.dtype == np.float32
    assert one_hot.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0]]


# --- split


@given(count=st.integers(2, 400), fraction=st.floats(0.01, 0.99), seed=st.integers(0, 99))
def test_split_parts_the_set(count, fraction, seed):
    held = round(fraction * count)
    dataset = numbered(count)
    if held in (0, count):
        with pytest.raises(DataError, match="each side needs at least one"):
            dataset.split(fraction, np.random.default_rng(seed))
        return
    rest, held_out = dataset.split(fraction, np.random.default_rng(seed))
    assert (len(rest), len(held_out)) == (count - held, held)
    both = np.concatenate([positions(rest.images), positions(held_out.images)])
    assert sorted(both) == list(range(count))
    for part in rest, held_out:
        np.testing.assert_array_equal(part.labels, positions(part.images) % 10)
        assert part.class_names == dataset.class_names


def test_split_draws_from_its_generator():
    dataset = numbered(100)
    first, again, other = (
        positions(dataset.split(0.3, np.random.default_rng(seed))[1].images) for seed in (1, 1, 2)
    )
    assert first.tolist() == again.tolist()
    assert set(first) != set(other)
    assert set(first) != set(range(30))


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, 10, float("nan"), float("inf")])
def test_split_refuses_the_fraction(fraction):
    with pytest.raises(SettingError, match="need one between 0 and 1"):
        numbered(10).split(fraction, np.random.default_rng(0))


def test_split_refuses_an_empty_side():
    with pytest.raises(DataError, match=r"0.04 of 10 images holds out 0 and leaves 10"):
        numbered(10).split(0.04, np.random.default_rng(0))
    with pytest.raises(DataError, match=r"0.96 of 10 images holds out 10 and leaves 0"):
        numbered(10).split(0.96, np.random.default_rng(0))


# --- batches


@given(
    count=st.integers(1, 400),
    share=st.floats(0, 1),
    seed=st.none() | st.integers(0, 99),
    drop_last=st.booleans(),
)
def test_batches_give_every_picture_once(count, share, seed, drop_last):
    batch_size = max(1, round(share * count))
    rng = None if seed is None else np.random.default_rng(seed)
    batches = list(numbered(count).batches(batch_size, rng, drop_last))
    left = count % batch_size
    sizes = [batch_size] * (count // batch_size) + [left] * (left > 0 and not drop_last)
    assert [len(labels) for _, labels in batches] == sizes
    seen = np.concatenate([positions(images) for images, _ in batches])
    labels = np.concatenate([labels for _, labels in batches])
    np.testing.assert_array_equal(labels, seen % 10)
    assert len(set(seen)) == len(seen) == sum(sizes)
    if rng is None:
        assert seen.tolist() == list(range(len(seen)))


@pytest.mark.parametrize("rng", [None, np.random.default_rng(0)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_batch_is_float32_and_int64_and_its_own(dtype, rng):
    dataset = numbered(10, dtype)
    images, labels = next(dataset.batches(4, rng))
    assert (images.dtype, images.shape) == (np.float32, (4, 2, 3, 1))
    assert (labels.dtype, labels.shape) == (np.int64, (4,))
    for batch, whole in (images, dataset.images), (labels, dataset.labels):
        assert batch.flags.writeable
        assert batch.flags.c_contiguous
        assert not np.shares_memory(batch, whole)


def order(dataset: Dataset, rng: np.random.Generator) -> list[int]:
    return [int(p) for images, _ in dataset.batches(32, rng) for p in positions(images)]


def test_the_same_seed_gives_the_same_order_and_each_epoch_another():
    dataset = numbered(100)
    rng, again = np.random.default_rng(5), np.random.default_rng(5)
    first, second = order(dataset, rng), order(dataset, rng)
    assert [first, second] == [order(dataset, again), order(dataset, again)]
    assert first != second
    assert list(range(100)) not in (first, second)
    assert first != order(dataset, np.random.default_rng(6))


def test_the_order_is_drawn_at_the_call():
    dataset = numbered(100)
    rng, again = np.random.default_rng(5), np.random.default_rng(5)
    batches, later = dataset.batches(100, rng), rng.random()
    expected = order(dataset, again)
    assert later == again.random()
    assert positions(next(batches)[0]).tolist() == expected


@pytest.mark.parametrize("batch_size", [0, -1, 11, 2.5, "4", None])
def test_batches_refuses_the_size_at_the_call(batch_size):
    with pytest.raises(SettingError, match=f"batch_size is {batch_size}; .* from 1 to 10"):
        numbered(10).batches(batch_size)


def test_a_batch_size_may_be_a_numpy_integer_and_the_whole_set():
    assert [len(labels) for _, labels in numbered(10).batches(np.int64(10))] == [10]


@pytest.mark.parametrize("rng", [0, np.random.RandomState(0), np.random])
def test_only_a_generator_is_taken(rng):
    with pytest.raises(SettingError, match=r"need a numpy\.random\.Generator"):
        numbered(10).batches(5, rng)
    with pytest.raises(SettingError, match=r"need a numpy\.random\.Generator"):
        numbered(10).split(0.5, rng)
