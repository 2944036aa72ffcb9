"""softmax_cross_entropy: against 50-digit arithmetic, its label formats, and what it refuses."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicnn import functional as F
from minicnn import kernels
from minicnn.errors import SettingError, ShapeError
from minicnn.gradient_check import gradcheck
from minicnn.tensor import Tensor

from . import naive
from .draws import between, both_sets, seeds, some

sizes = st.tuples(st.integers(1, 5), st.integers(1, 6))
magnitudes = st.sampled_from([0.0, 1.0, 100.0, 1e4])
smoothings = st.sampled_from([0.0, 0.1, 0.5])


def drawn(seed, size, magnitude):
    """Logits and integer labels."""
    rng = np.random.default_rng(seed)
    return magnitude * between(rng, size), rng.integers(0, size[1], size[0])


def smoothed(labels, classes, smoothing):
    """Szegedy et al., 2016, section 7, word for word: (1 - e) * one-hot + e / K."""
    targets = np.full((len(labels), classes), smoothing / classes)
    for row, label in zip(targets, labels, strict=True):
        row[label] += 1 - smoothing
    return targets


@both_sets
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@some
@given(size=sizes, magnitude=magnitudes, smoothing=smoothings, seed=seeds)
def test_the_loss_is_that_of_50_digit_arithmetic(
    kernel_set, dtype, size, magnitude, smoothing, seed
):
    logits, labels = drawn(seed, size, magnitude)
    logits = logits.astype(dtype)
    with kernels.use(kernel_set), warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = F.softmax_cross_entropy(logits, labels, smoothing)
    losses, _ = naive.softmax_cross_entropy(logits, smoothed(labels, size[1], smoothing))
    # The targets, a difference of logits, log, product and two sums are rounded once each.
    off = 6 * float(np.finfo(dtype).eps)
    assert loss.dtype == dtype
    assert loss.item() == pytest.approx(np.mean(losses), rel=off, abs=off)


@both_sets
@some
@given(size=sizes, magnitude=magnitudes, smoothing=smoothings, seed=seeds)
def test_the_gradient_is_softmax_less_target_over_the_batch(
    kernel_set, size, magnitude, smoothing, seed
):
    values, labels = drawn(seed, size, magnitude)
    logits = Tensor(values, requires_grad=True)
    with kernels.use(kernel_set):
        (F.softmax_cross_entropy(logits, labels, smoothing) * 3).backward()
    wrong = naive.softmax(values) - smoothed(labels, size[1], smoothing)
    np.testing.assert_allclose(logits.grad, 3 * wrong / size[0], rtol=1e-15, atol=2e-15)


@both_sets
@some
@given(size=sizes, smoothing=smoothings, seed=seeds)
def test_the_gradient_is_the_numerical_one_for_all_label_formats(kernel_set, size, smoothing, seed):
    values, labels = drawn(seed, size, 1.0)
    mixed = naive.softmax(between(np.random.default_rng(seed), size))
    with kernels.use(kernel_set):
        for given_as in (labels, np.eye(size[1])[labels], mixed):
            gradcheck(
                lambda z, given_as=given_as: F.softmax_cross_entropy(z, given_as, smoothing), values
            )


@some
@given(size=sizes, magnitude=magnitudes, smoothing=smoothings, seed=seeds)
def test_integers_and_one_hot_rows_mean_the_same(size, magnitude, smoothing, seed):
    logits, labels = drawn(seed, size, magnitude)
    one_hot = np.eye(size[1])[labels]
    expected = F.softmax_cross_entropy(logits, labels, smoothing).item()
    formats = (labels.astype(np.uint8), list(labels), one_hot, one_hot.astype(int), one_hot > 0.5)
    for given_as in formats:
        assert F.softmax_cross_entropy(logits, given_as, smoothing).item() == expected


@both_sets
def test_by_hand(kernel_set):
    """Equal logits: log 3. Logits log(1), log(2), log(5), label 2: -log(5/8)."""
    logits = np.array([[7.0, 7, 7], [0, math.log(2), math.log(5)]])
    with kernels.use(kernel_set):
        loss = F.softmax_cross_entropy(logits, np.array([0, 2]))
    assert loss.item() == pytest.approx((math.log(3) + math.log(8 / 5)) / 2, rel=1e-15)


@both_sets
def test_logits_of_ten_thousand_neither_overflow_nor_lose_the_answer(kernel_set):
    logits = Tensor(np.array([[1e4, -1e4], [1e4, -1e4]], np.float32), requires_grad=True)
    with kernels.use(kernel_set), warnings.catch_warnings():
        warnings.simplefilter("error")
        loss = F.softmax_cross_entropy(logits, np.array([0, 1]))
        loss.backward()
    assert loss.item() == 1e4  # the mean of 0 and 20000
    assert logits.grad.tolist() == [[0, 0], [0.5, -0.5]]


REFUSED = {
    "a label beyond the last class": (np.array([0, 3]), r"0\.\.2 for 3 classes, got 0\.\.3"),
    "a label below 0": (np.array([0, -1]), r"0\.\.2 for 3 classes, got -1\.\.0"),
    "labels that are not integers": (np.array([0.0, 1.0]), r"got float64 of shape \(2,\)"),
    "rows for another number of classes": (np.eye(2), r"\(N, 3\), got float64 of shape \(2, 2\)"),
    "rows that do not sum to 1": (np.ones((2, 3)), "sum to 1"),
    "rows that are not numbers": (np.full((2, 3), np.nan), "sum to 1"),
    "fewer labels than logits": (np.array([0]), r"logits \(2, 3\) and labels \(1,\)"),
    "fewer rows than logits": (np.eye(3), r"logits \(2, 3\) and labels \(3, 3\)"),
    "labels of three axes": (np.zeros((2, 3, 1)), r"got float64 of shape \(2, 3, 1\)"),
}


@pytest.mark.parametrize(("labels", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ShapeError, match=message):
        F.softmax_cross_entropy(np.zeros((2, 3)), labels)


@pytest.mark.parametrize("shape", [(3,), (2, 3, 1), ()])
def test_logits_must_be_rows(shape):
    with pytest.raises(ShapeError, match="logits must be"):
        F.softmax_cross_entropy(np.zeros(shape), np.array([0, 1]))


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 1.5, math.nan, math.inf])
def test_smoothing_that_is_no_share_is_refused(smoothing):
    with pytest.raises(SettingError, match=rf"smoothing must be in \[0, 1\), got {smoothing}"):
        F.softmax_cross_entropy(np.zeros((2, 3)), np.array([0, 1]), smoothing)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_an_empty_batch_has_no_mean(shape):
    with pytest.raises(ShapeError, match=rf"logits \({shape[0]}, {shape[1]}\); need at least one"):
        F.softmax_cross_entropy(np.zeros(shape), np.zeros(shape[0], int))
