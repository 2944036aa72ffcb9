"""The metrics against scikit-learn, SciPy, published tables and calculations by hand."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sklearn

from minicnn import metrics
from minicnn.errors import SettingError, ShapeError

unhurried = settings(deadline=None)  # a busy machine is no fault of a metric

CLASSES = 6
ALL = list(range(CLASSES))

# Each entry is (true, predicted). Short lists leave classes out: never true, never predicted, both.
label_pairs = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=30
).map(lambda pairs: np.array(pairs).T)

probability_rows = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 30), st.just(3)), elements=st.floats(0, 1)
)


@unhurried
@given(label_pairs)
def test_accuracy_equals_sklearn(pair):
    labels, predictions = pair
    expected = sklearn.accuracy_score(labels, predictions)
    assert metrics.accuracy(labels, predictions) == pytest.approx(expected, rel=1e-15)


@unhurried
@given(label_pairs)
def test_confusion_matrix_equals_sklearn(pair):
    labels, predictions = pair
    matrix = metrics.confusion_matrix(labels, predictions, CLASSES)
    assert matrix.dtype == np.int64
    np.testing.assert_array_equal(matrix, sklearn.confusion_matrix(labels, predictions, labels=ALL))


def test_confusion_matrix_has_true_classes_in_rows_and_ends_at_the_highest_seen():
    matrix = metrics.confusion_matrix([0, 0, 0, 2], [0, 3, 3, 2])
    np.testing.assert_array_equal(matrix, [[1, 0, 0, 2], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint64, np.int64])
def test_small_integer_types_do_not_overflow(dtype):
    labels = np.array([99, 99, 3], dtype)
    matrix = metrics.confusion_matrix(labels, labels[::-1], 100)
    assert (matrix[99, 99], matrix[99, 3], matrix[3, 99], matrix.sum()) == (1, 1, 1, 3)


@unhurried
@given(label_pairs)
def test_classification_report_equals_sklearn(pair):
    labels, predictions = pair
    report = metrics.classification_report(labels, predictions, ["class"] * CLASSES)

    def expected(average):
        return sklearn.precision_recall_fscore_support(
            labels, predictions, labels=ALL, average=average, zero_division=0.0
        )

    precision, recall, f1, support = expected(None)
    np.testing.assert_allclose(report.precision, precision, rtol=1e-14)
    np.testing.assert_allclose(report.recall, recall, rtol=1e-14)
    np.testing.assert_allclose(report.f1, f1, rtol=1e-14)
    np.testing.assert_array_equal(report.support, support)
    np.testing.assert_allclose(report.macro, expected("macro")[:3], rtol=1e-14)
    np.testing.assert_allclose(report.weighted, expected("weighted")[:3], rtol=1e-14)
    assert report.accuracy == metrics.accuracy(labels, predictions)


def test_classification_report_by_hand_with_classes_that_never_occur():
    # Class 1 is never predicted, class 2 is neither true nor predicted, class 3 is never true.
    report = metrics.classification_report([0, 0, 1, 1], [0, 0, 0, 3])
    assert report.class_names == ("0", "1", "2", "3")
    np.testing.assert_array_equal(report.precision, [2 / 3, 0, 0, 0])
    np.testing.assert_array_equal(report.recall, [1, 0, 0, 0])
    np.testing.assert_array_equal(report.f1, [0.8, 0, 0, 0])
    np.testing.assert_array_equal(report.support, [2, 2, 0, 0])
    assert report.macro == pytest.approx((1 / 6, 1 / 4, 0.2))
    assert report.weighted == pytest.approx((1 / 3, 1 / 2, 0.4))


def test_classification_report_prints_an_aligned_table():
    report = metrics.classification_report(
        [0] * 120_000 + [1] * 2, [0] * 120_000 + [0, 1], ["an extraordinarily long name", "b"]
    )
    assert str(report).splitlines() == [
        "                              precision  recall     f1  support",
        "an extraordinarily long name      1.000   1.000  1.000   120000",
        "b                                 1.000   0.500  0.667        2",
        "",
        "accuracy                                         1.000   120002",
        "macro average                     1.000   0.750  0.833   120002",
        "weighted average                  1.000   1.000  1.000   120002",
    ]


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_equals_the_published_table(correct, total, low, high):
    # R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of
    # seven methods", Statistics in Medicine 17 (1998), table I, method 3.
    assert metrics.wilson_interval(correct, total) == pytest.approx((low, high), abs=5e-5)


@unhurried
@given(st.integers(1, 10**6), st.data(), st.floats(0.01, 0.999))
def test_wilson_interval_solves_the_equation_of_the_score(total, data, confidence):
    correct = data.draw(st.integers(0, total))
    interval = metrics.wilson_interval(correct, total, confidence)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    for end in interval:
        reach = z * math.sqrt(end * (1 - end) / total)
        assert abs(correct / total - end) == pytest.approx(reach, rel=1e-6, abs=1e-12)
    assert 0 <= interval.low <= correct / total <= interval.high <= 1


def test_wilson_interval_of_all_right_and_all_wrong_reaches_the_end_exactly():
    z2 = 1.959963984540054**2
    assert metrics.wilson_interval(7, 7) == (pytest.approx(7 / (7 + z2)), 1)
    assert metrics.wilson_interval(0, 7) == (0, pytest.approx(z2 / (7 + z2)))


def test_reliability_and_calibration_error_by_hand():
    probabilities = [
        [0.6, 0.4],  # right, bin (0.5, 0.75]
        [0.3, 0.7],  # wrong, the same bin
        [0.75, 0.25],  # right, the same bin, for its upper end belongs to it
        [0.1, 0.9],  # right, bin (0.75, 1]
        [0.5, 0.5],  # wrong, bin (0.25, 0.5]; the first of two equals is the prediction
    ]
    found = metrics.reliability(probabilities, [0, 0, 0, 1, 1], bins=4)
    np.testing.assert_array_equal(found.count, [0, 1, 3, 1])
    np.testing.assert_allclose(found.confidence, [np.nan, 0.5, 2.05 / 3, 0.9])
    np.testing.assert_allclose(found.accuracy, [np.nan, 0, 2 / 3, 1])
    expected = (1 * 0.5 + 3 * (2.05 - 2) / 3 + 1 * 0.1) / 5
    error = metrics.expected_calibration_error(probabilities, [0, 0, 0, 1, 1], bins=4)
    assert error == pytest.approx(expected, rel=1e-12)


@unhurried
@given(probability_rows, st.integers(1, 20), st.data())
def test_calibration_error_equals_the_definition(probabilities, bins, data):
    labels = data.draw(hnp.arrays(np.int64, len(probabilities), elements=st.integers(0, 2)))
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    expected = 0.0
    for m in range(1, bins + 1):
        inside = (confidence > (m - 1) / bins) & (confidence <= m / bins)
        if m == 1:
            inside |= confidence == 0
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    error = metrics.expected_calibration_error(probabilities, labels, bins)
    assert error == pytest.approx(expected, abs=1e-12)


def test_calibration_takes_a_softmax_that_rounds_above_one():
    above = np.nextafter(np.float32(1), np.float32(2))
    rows = np.array([[above, 0]], np.float32)
    assert metrics.reliability(rows, [0]).count[-1] == 1


@unhurried
@given(probability_rows, st.data())
def test_worst_mistakes_are_the_wrong_answers_by_their_probability(probabilities, data):
    labels = data.draw(hnp.arrays(np.int64, len(probabilities), elements=st.integers(0, 2)))
    wrong = [i for i, row in enumerate(probabilities) if list(row).index(max(row)) != labels[i]]
    expected = sorted(wrong, key=lambda i: -max(probabilities[i]))  # which keeps equals in order
    assert metrics.worst_mistakes(labels, probabilities).tolist() == expected


@unhurried
@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=40))
def test_mcnemar_is_the_binomial_test_of_the_examples_that_one_alone_gets_right(triples):
    labels, first, second = np.array(triples).T
    found = metrics.mcnemar(labels, first, second)
    ones = sum(a == label != b for label, a, b in triples)
    others = sum(b == label != a for label, a, b in triples)
    assert (found.only_first, found.only_second) == (ones, others)
    n, fewer = ones + others, min(ones, others)
    tail = sum(math.comb(n, k) for k in range(fewer + 1)) / 2**n
    assert found.p_value == pytest.approx(min(1, 2 * tail))
    assert metrics.mcnemar(labels, second, first).p_value == pytest.approx(found.p_value)


def first_and_second(labels, predictions):
    return metrics.mcnemar(labels, labels, predictions)


@pytest.mark.parametrize("measure", [metrics.accuracy, metrics.confusion_matrix, first_and_second])
@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([], [], "labels: got none"),
        ([0, 1], [0], "2 labels, but 1 predictions"),
        ([0, -1], [0, 0], "labels: got -1"),
        ([0, 1], [0.0, 1.0], "predictions: got float64, need integers"),
        ([True, False], [0, 1], "labels: got bool"),
        ([0, 1], [[0.9, 0.1], [0.2, 0.8]], r"predictions: got shape \(2, 2\).*argmax"),
        (3, 3, r"labels: got shape \(\)"),
    ],
)
def test_labels_that_are_no_class_numbers_are_refused(measure, labels, predictions, message):
    with pytest.raises(ShapeError, match=message):
        measure(labels, predictions)


def test_a_class_beyond_those_that_were_named_is_refused():
    with pytest.raises(ShapeError, match="labels: got class 2, but there are 2 classes"):
        metrics.confusion_matrix([2], [0], classes=2)
    with pytest.raises(ShapeError, match="predictions: got class 7, but there are 2 classes"):
        metrics.classification_report([0], [7], ["cat", "dog"])
    with pytest.raises(ShapeError, match="labels: got class 3, but there are 2 classes"):
        metrics.reliability([[0.5, 0.5]], [3])


@pytest.mark.parametrize(
    ("probabilities", "message"),
    [
        ([[0.5, 0.5]] * 2, "2 probabilities, but 1 labels"),
        ([0.5], r"got shape \(1,\), need \(N, C\)"),
        ([[]], r"got shape \(1, 0\)"),
        ([[np.nan, 0.5]], "1 of them are not finite"),
        ([[3.2, -1.5]], "from -1.5 to 3.2.*logits"),
    ],
)
def test_what_is_no_probability_is_refused(probabilities, message):
    with pytest.raises(ShapeError, match=message):
        metrics.expected_calibration_error(probabilities, [0])


def test_bins_are_at_least_one_whole_number():
    for bins in (0, -3, 2.5):
        with pytest.raises(SettingError, match="bins: got"):
            metrics.reliability([[0.5, 0.5]], [0], bins)


@pytest.mark.parametrize(
    ("correct", "total", "confidence"),
    [(5, 4, 0.95), (-1, 4, 0.95), (0, 0, 0.95), (0.5, 4, 0.95), (1, 4, 0.0), (1, 4, 1), (1, 4, 95)],
)
def test_wilson_interval_refuses_what_is_no_count(correct, total, confidence):
    with pytest.raises(SettingError):
        metrics.wilson_interval(correct, total, confidence)
