"""A set of labelled pictures, checked once so that nothing after it has to doubt its arrays."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minicnn.errors import DataError, SettingError
from minicnn.nn.pixels import wrong_range

Index = slice | Sequence[int] | np.ndarray

# Past this many, a label is more likely to be damaged than a class that nobody named.
MOST_NUMBERED_CLASSES = 10_000

# So many pictures of nothing but 0 and 1 are black and white, not all but black.
ENOUGH_TO_TELL = 10


@dataclass(frozen=True, eq=False)
class Dataset:
    """Pictures and the class of each.

    The arrays that it holds are contiguous and read-only, so that a slice may share its parent's.
    What `scaled`, `one_hot` and `batches` give is new and may be written to.

    - `images`: (N, H, W, C), uint8 in 0 to 255, or float32 that is already in [0, 1]; any byte
      order.
    - `labels`: (N,), any integer type, kept as int64; `labels[i]` is an index of `class_names`.
    - `class_names`: left out, the classes are named "0", "1", … up to the largest label.

    Raises `DataError` where the arrays are empty, of another rank or dtype, of different lengths,
    not finite or out of range, or where a label has no class.

    >>> blank = np.zeros((3, 28, 28, 1), np.uint8)
    >>> Dataset(blank, [0, 2, 1])
    Dataset(3 images (28, 28, 1) uint8, 3 classes)
    >>> Dataset(blank, [0, 2, 1], ("cat", "dog"))
    Traceback (most recent call last):
    minicnn.errors.DataError: labels go from 0 to 2; the 2 classes (cat, dog) need labels 0 to 1
    """

    images: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        images, labels = _array(self.images, "images"), _array(self.labels, "labels")
        _check_images(images)
        _check_labels(labels, len(images))
        names = tuple(self.class_names) or numbered_classes(max(int(labels.max()), 0))
        _check_classes(labels, names)
        self._hold(images, labels.astype(np.int64), names)

    def __repr__(self) -> str:
        images = f"{len(self)} images {self.image_shape} {self.images.dtype}"
        return f"Dataset({images}, {self.classes} classes)"

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Index) -> "Dataset":
        """Give the part that a slice, an array of positions or a boolean mask (N,) chooses.

        >>> digits = Dataset(np.zeros((4, 2, 2, 1), np.uint8), [0, 1, 1, 0])
        >>> digits[digits.labels == 1]
        Dataset(2 images (2, 2, 1) uint8, 2 classes)
        """
        if isinstance(index, (int, np.integer)):
            raise DataError(
                f"dataset[{index}] would be one picture; a Dataset needs a slice, an array of "
                "positions or a mask. One picture is dataset.images[i]"
            )
        images, labels = self.images[index], self.labels[index]
        if not len(images):
            raise DataError(f"images have shape {images.shape}, which is empty; need at least one")
        part = object.__new__(Dataset)  # the whole set was checked, and each part need not be
        part._hold(images, labels, self.class_names)
        return part

    def _hold(self, images: np.ndarray, labels: np.ndarray, names: tuple[str, ...]) -> None:
        # The dataclass is frozen to its users; this is the one place that may still set a field.
        object.__setattr__(self, "images", _read_only(images))
        object.__setattr__(self, "labels", _read_only(labels))
        object.__setattr__(self, "class_names", names)

    @property
    def classes(self) -> int:
        """The number of classes, with those that have no picture here."""
        return len(self.class_names)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every picture."""
        _, height, width, channels = self.images.shape
        return height, width, channels

    def checksum(self) -> str:
        """Return 16 hexadecimal digits that tell this set's pictures and labels from any other's.

        >>> Dataset(np.zeros((3, 28, 28, 1), np.uint8), [0, 2, 1]).checksum()
        '99b5f3c4a4767d28'
        """
        about = f"{self.images.shape} {self.images.dtype} {self.classes}"
        digest = hashlib.sha256(about.encode())
        digest.update(self.images.data)
        digest.update(self.labels.astype("<i8", copy=False).data)
        return digest.hexdigest()[:16]

    def scaled(self, index: Index | None = None) -> np.ndarray:
        """Give the pictures, or those at `index`, as a new float32 array (n, H, W, C) in [0, 1].

        uint8 is divided by 255; float32 is taken as scaled already.

        >>> greys = np.array([0, 51, 255], np.uint8).reshape(3, 1, 1, 1)
        >>> Dataset(greys, [0, 1, 2]).scaled().ravel()
        array([0. , 0.2, 1. ], dtype=float32)
        """
        images = self.images if index is None else self.images[index]
        full_scale = 255 if images.dtype == np.uint8 else 1
        scaled: np.ndarray = np.divide(images, full_scale, dtype=np.float32)
        return scaled

    def one_hot(self) -> np.ndarray:
        """Give the labels as float32 (N, classes): 1 in the column of the class, 0 elsewhere.

        >>> Dataset(np.zeros((2, 1, 1, 1), np.uint8), [2, 0]).one_hot()
        array([[0., 0., 1.],
               [1., 0., 0.]], dtype=float32)
        """
        one_hot = np.zeros((len(self), self.classes), np.float32)
        one_hot[np.arange(len(self)), self.labels] = 1
        return one_hot

    def split(self, fraction: float, rng: np.random.Generator) -> "tuple[Dataset, Dataset]":
        """Part the set at random, the classes as they fall: `(rest, held_out)`.

        `held_out` has `round(fraction * N)` pictures. Raises `DataError` if either side has none.

        >>> digits = Dataset(np.zeros((50, 2, 2, 1), np.uint8), np.arange(50) % 10)
        >>> train, validation = digits.split(0.1, np.random.default_rng(0))
        >>> len(train), len(validation)
        (45, 5)
        """
        _check_rng(rng)
        if not 0 < fraction < 1:
            raise SettingError(f"fraction is {fraction}; need one between 0 and 1")
        held = round(fraction * len(self))
        if held in (0, len(self)):
            raise DataError(
                f"fraction {fraction} of {len(self):,} images holds out {held:,} and leaves "
                f"{len(self) - held:,}; each side needs at least one"
            )
        order = rng.permutation(len(self))
        return self[order[held:]], self[order[:held]]

    def batches(
        self, batch_size: int, rng: np.random.Generator | None = None, drop_last: bool = False
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Walk over the set once, in batches of `(images, labels)`.

        `images` are float32 (n, H, W, C) in [0, 1], `labels` int64 (n,), both new. The order is
        drawn from `rng`; without one it is the order of the set. The last batch holds what is left
        over, unless `drop_last`. Raises `SettingError` for a `batch_size` outside 1 to N.

        >>> digits = Dataset(np.zeros((5, 2, 2, 1), np.uint8), [0, 1, 2, 3, 4])
        >>> [labels.tolist() for images, labels in digits.batches(2)]
        [[0, 1], [2, 3], [4]]
        """
        if not isinstance(batch_size, (int, np.integer)) or not 1 <= batch_size <= len(self):
            raise SettingError(
                f"batch_size is {batch_size}; need a whole number from 1 to {len(self):,}, the "
                "images of the set"
            )
        if rng is not None:
            _check_rng(rng)
        # The order is drawn now, not at the first `next`: two walks then use `rng` in call order.
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        stop = len(self) - len(self) % batch_size if drop_last else len(self)
        chosen = (order[start : start + batch_size] for start in range(0, stop, batch_size))
        return ((self.scaled(index), self.labels[index]) for index in chosen)


def numbered_classes(largest_label: int) -> tuple[str, ...]:
    """Name the classes "0" to the largest label; `DataError` if that is absurdly many.

    >>> numbered_classes(3)
    ('0', '1', '2', '3')
    """
    if largest_label >= MOST_NUMBERED_CLASSES:
        raise DataError(
            f"labels go up to {largest_label:,}; more than {MOST_NUMBERED_CLASSES:,} classes "
            "need class_names"
        )
    return tuple(str(label) for label in range(largest_label + 1))


def _array(values: Any, name: str) -> np.ndarray:
    """Return the values as an array in this machine's byte order."""
    try:
        array = np.asarray(values)
    except ValueError as error:  # lists of different lengths
        raise DataError(f"{name} are no array: {error}") from error
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _check_images(images: np.ndarray) -> None:
    if images.ndim != 4:
        hint = "; add the channel axis with images[..., None]" if images.ndim == 3 else ""
        raise DataError(f"images have shape {images.shape}; need (N, H, W, C){hint}")
    if images.dtype not in (np.uint8, np.float32):
        raise DataError(f"images are {images.dtype}; need uint8 (0 to 255) or float32 (0 to 1)")
    if images.size == 0:
        raise DataError(f"images have shape {images.shape}, which is empty; need at least one")
    # NaN and infinity both survive into the extremes, which need no array of N·H·W·C answers.
    low, high = float(images.min()), float(images.max())
    if not np.isfinite([low, high]).all():
        bad = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
        raise DataError(
            f"{len(bad):,} of {len(images):,} images hold NaN or infinity, the first at "
            f"index {bad[0]}; need finite values"
        )
    if images.dtype == np.float32 and (wrong := wrong_range(low, high)):
        raise DataError(f"images are float32, and {wrong}")
    if images.dtype == np.uint8 and (low, high) == (0, 1) and len(images) >= ENOUGH_TO_TELL:
        raise DataError(
            "images are uint8, and pixels go from 0 to 1; need 0 to 255: multiply them by 255, or "
            "give them as float32"
        )


def _check_labels(labels: np.ndarray, count: int) -> None:
    if labels.ndim != 1:
        hint = "; one-hot labels become that with labels.argmax(axis=1)" if labels.ndim == 2 else ""
        raise DataError(f"labels have shape {labels.shape}; need (N,){hint}")
    if len(labels) != count:
        raise DataError(f"{count:,} images have {len(labels):,} labels; need one label each")
    if labels.dtype.kind not in "iu":
        raise DataError(f"labels are {labels.dtype}; need whole numbers")


def _check_classes(labels: np.ndarray, names: tuple[str, ...]) -> None:
    least, largest = labels.min(), labels.max()
    if least < 0 or largest >= len(names):
        listed = ", ".join(names if len(names) <= 10 else (*names[:9], "…"))
        raise DataError(
            f"labels go from {least} to {largest}; the {len(names)} classes ({listed}) need "
            f"labels 0 to {len(names) - 1}"
        )


def _check_rng(rng: np.random.Generator) -> None:
    if not isinstance(rng, np.random.Generator):
        raise SettingError(
            f"rng is {rng!r}; need a numpy.random.Generator, such as numpy.random.default_rng(0)"
        )


def _read_only(array: np.ndarray) -> np.ndarray:
    """Give a contiguous view that cannot be written to; the caller's own array stays writable."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view
