"""Traces against sums done by hand, numerical derivatives, and the gradients of `backward`."""

import numpy as np
import pytest

import minicnn as mc
from minicnn import functional as F
from minicnn import nn
from minicnn.errors import GradientError, ShapeError, WriteError
from minicnn.gradient_check import numerical_gradient
from minicnn.insight.trace import trace, trace_gradient
from minicnn.tape import no_grad
from minicnn.tensor import Tensor


def leaves(*shapes: tuple[int, ...]) -> list[Tensor]:
    rng = np.random.default_rng(0)
    return [Tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes]


def small_net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2D(4, 3, activation="relu"),
        nn.MaxPool2D(2),
        nn.Conv2D(3, 2, padding="same", activation="relu"),
        nn.Flatten(),
        nn.Dense(5),
        input_shape=(8, 8, 2),
    )


# --- one number


@pytest.mark.parametrize(("stride", "padding"), [((1, 1), "valid"), ((2, 1), "same")])
def test_an_output_of_a_convolution_is_its_window_times_the_weights(stride, padding):
    x, w, b = leaves((2, 6, 7, 2), (3, 3, 2, 4), (4,))
    y = F.conv2d(x, w, b, stride, padding)
    found = trace(y, (1, 2, 3, 1), {"x": x, "w": w, "b": b})
    top, left = (2, 3) if padding == "valid" else (2 * 2 - 0, 3 - 1)
    window = x.data[1, top : top + 3, left : left + 3]
    weights = w.data[: window.shape[0], :, :, 1]  # below the picture there is padding
    source = found.source("x")
    np.testing.assert_array_equal(source.values[1, top : top + 3, left : left + 3], window)
    np.testing.assert_array_equal(source.gradient[1, top : top + 3, left : left + 3], weights)
    assert np.count_nonzero(source.gradient) == window.size
    assert source.terms.box == (
        slice(1, 2),
        slice(top, top + len(window)),
        slice(left, left + 3),
        slice(0, 2),
    )
    by_hand = (window * weights).sum() + b.data[1]
    assert found.value == pytest.approx(by_hand, rel=1e-12)
    assert source.terms.total + b.data[1] == pytest.approx(by_hand, rel=1e-12)
    np.testing.assert_array_equal(found.source("w").gradient[: len(window), :, :, 1], window)
    assert found.source("b").gradient.tolist() == [0, 1, 0, 0]


def test_a_net_of_relus_is_the_sum_of_its_pixels_and_biases():
    """Scaling x and every bias scales such a net's output, so Euler's theorem splits it up."""
    model = small_net()
    rng = np.random.default_rng(1)
    model.set_weights({name: rng.normal(size=w.shape) for name, w in model.weights().items()})
    x = Tensor(rng.random((1, 8, 8, 2)), requires_grad=True)
    found = trace(model(x), (0, 2), {**dict(model.named_tensors()), "x": x})
    biases = [each for each in found.leaves if each.name.endswith(".bias")]
    assert len(biases) == 3
    shares = [each.terms.total for each in (found.source("x"), *biases)]
    assert sum(shares) == pytest.approx(found.value, rel=1e-5)
    slope = numerical_gradient(lambda a: float(model(a).data[0, 2]), x.data.copy())
    np.testing.assert_allclose(found.source("x").gradient, slope, rtol=1e-4, atol=1e-6)


def test_a_trace_uses_nothing_up_and_changes_no_gradient():
    model, labels = small_net(), np.array([1, 3])
    images = np.random.default_rng(2).random((2, 8, 8, 2), np.float32)
    expected = F.softmax_cross_entropy(model(images), labels)
    expected.backward()
    gradients = [p.grad for p in model.parameters()]
    model.zero_grad()
    logits = model(images)
    loss = F.softmax_cross_entropy(logits, labels)
    for index in (0, 1), (1, 4):  # the rules that share their work are asked anew each time
        trace(logits, index)
    trace_gradient(loss, model.layers[0].weight, (1, 1, 0, 2))
    assert all(p.grad is None for p in model.parameters())
    loss.backward()
    for p, gradient in zip(model.parameters(), gradients, strict=True):
        np.testing.assert_array_equal(p.grad, gradient)


def test_traces_of_two_numbers_differ_though_rules_share_their_work():
    x, w, b = leaves((2, 3), (3, 2), (2,))
    w[...] = np.abs(w.data)
    x[...], b[...] = np.abs(x.data), 1
    y = F.dense_relu(x, w, b)
    for row, column in (0, 0), (1, 1), (0, 1):
        gradient = trace(y, (row, column), {"x": x}).source("x").gradient
        np.testing.assert_array_equal(gradient[row], w.data[:, column])
        assert not gradient[1 - row].any()


def test_a_value_used_twice_is_one_source_behind_all_its_uses():
    (a,) = leaves(())
    y = a * a * a + a
    found = trace(y, names={"a": a})
    assert [each.name for each in found.sources][-1] == "a"
    assert found.source("a").depth == 3
    assert found.source("a").gradient == pytest.approx(3 * a.item() ** 2 + 1, rel=1e-12)


def test_a_dead_output_and_an_untraced_picture_are_said():
    x, w = np.ones((1, 4)), Tensor(-np.ones((4, 3)), requires_grad=True)
    y = F.dense_relu(Tensor(x), w, Tensor(np.zeros(3), requires_grad=True))
    text = str(trace(y, (0, 1)))
    assert "nothing moves it" in text
    assert "not traced: input 1 of dense_relu, (1, 4)" in text
    assert "input 2 of dense_relu (4, 3): none of its numbers matters" in text


def test_the_text_shows_window_weights_and_products():
    x = Tensor(np.arange(16.0).reshape(1, 4, 4, 1), requires_grad=True)
    w = Tensor(np.array([1.0, 2, 3, 4]).reshape(2, 2, 1, 1), requires_grad=True)
    b = Tensor(np.array([0.5]), requires_grad=True)
    lines = str(trace(F.conv2d(x, w, b), (0, 1, 2, 0), {"x": x, "w": w, "b": b})).splitlines()
    assert lines[0] == "y[0, 1, 2, 0] = 94.5, made by conv2d"
    assert lines[1] == (
        "x (1, 4, 4, 1): 4 of 16 numbers matter, within [0:1, 1:3, 2:4, 0:1]; their products sum "
        "to 94"
    )
    assert lines[3].split() == ["[[6,", "7],", "[[1,", "2],", "[[6,", "14],"]
    assert lines[4].split() == ["[10,", "11]]", "×", "[3,", "4]]", "=", "[30,", "44]]"]
    assert lines[-2:] == [
        "b (1,): value 0.5 × slope 1 = 0.5",
        "94.5 = 94 from x + 0.5 from elsewhere (a bias, or a slope that is no constant)",
    ]


@pytest.mark.parametrize("index", [(), 0, (0, 3), (2, 0), (0, 0, 0), (-3, 0), "ab", (0.5, 1), None])
def test_an_index_must_be_of_one_number(index):
    x, w = leaves((2, 3), (3, 3))
    with pytest.raises(ShapeError, match=r"index|not one number"):
        trace(x @ w, index)


def test_negative_indices_count_from_the_end():
    (x,) = leaves((2, 3))
    found = trace(x * 2.0, (-1, -3), {"x": x})
    assert found.index == (1, 0)
    assert np.argwhere(found.source("x").gradient).tolist() == [[1, 0]]


def test_without_a_tape_there_is_nothing_to_trace():
    (x,) = leaves((3,))
    with no_grad():
        y = x * 2.0
    with pytest.raises(GradientError, match="no tape"):
        trace(y, 0)
    with pytest.raises(GradientError, match="got ndarray"):
        trace(np.ones(3), 0)
    z = (x * 2.0).sum()
    z.backward()
    with pytest.raises(GradientError, match="used up"):
        trace(z)
    with pytest.raises(ShapeError, match="no source 'nobody', only a"):
        trace(x * 2.0, 0, {"a": x}).source("nobody")


# --- one gradient


@pytest.mark.parametrize("batch", [1, 3])
def test_the_outputs_that_feed_a_weight_of_a_convolution(batch):
    x, w, b = leaves((batch, 6, 5, 2), (3, 2, 2, 4), (4,))
    weights_of_loss = np.random.default_rng(5).normal(size=(batch, 4, 4, 4))
    weights_of_loss[:, 1, 2] = 0  # outputs that the loss does not look at
    loss = (F.conv2d(x, w, b) * weights_of_loss).sum()
    found = trace_gradient(loss, w, (2, 1, 0, 3), {"w": w})
    (feed,) = found.feeds
    np.testing.assert_allclose(feed.left, weights_of_loss)
    beneath = x.data[:, 2:6, 1:5, 0] * (weights_of_loss[..., 3] != 0)
    np.testing.assert_allclose(feed.right[..., 3], beneath)
    assert not feed.right[..., :3].any()
    loss.backward()
    assert found.value == pytest.approx(w.grad[2, 1, 0, 3], rel=1e-12)


def test_every_gradient_of_a_net_is_the_sum_of_what_feeds_it():
    model = small_net()
    images = np.random.default_rng(3).random((2, 8, 8, 2), np.float32)
    loss = F.softmax_cross_entropy(model(images), np.array([0, 4]))
    rng = np.random.default_rng(4)
    found = []
    for name, weight in model.named_tensors():
        index = tuple(int(rng.integers(size)) for size in weight.shape)
        found.append((weight, index, trace_gradient(loss, weight, index, model)))
        assert found[-1][2].name == name
    loss.backward()
    values = [trace.value for _, _, trace in found]
    expected = [weight.grad[index] for weight, index, _ in found]
    assert np.count_nonzero(expected) >= 4
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-7)


def test_a_weight_that_two_ops_use_is_fed_by_both():
    x, w = leaves((1, 3), (3, 3))
    loss = ((x @ w) @ w).sum()
    found = trace_gradient(loss, w, (1, 2), {"w": w})
    assert len(found.feeds) == 2
    assert " + " in str(found).splitlines()[-1]
    loss.backward()
    assert found.value == pytest.approx(w.grad[1, 2], rel=1e-12)


def test_a_single_number_that_was_spread_is_fed_by_every_copy():
    (a,) = leaves(())
    factors = np.array([[1.0, 0.0, -2.0]])
    found = trace_gradient((a * factors).sum(), a)
    assert found.feeds[0].right.tolist() == factors.tolist()
    assert found.value == -1


def test_outputs_that_cancel_are_found_all_the_same():
    (a,) = leaves((1,))
    found = trace_gradient((a * np.array([1.0, -1.0, 1.0, -1.0])).sum(), a, 0)
    assert (found.value, int(found.feeds[0].used.sum())) == (0, 4)


def test_what_cannot_be_traced_is_refused():
    x, w, other = leaves((1, 3), (3, 3), (3,))
    loss = (x @ w).sum()
    with pytest.raises(GradientError, match=r"takes this tensor of shape \(3,\)"):
        trace_gradient(loss, other, 0)
    with pytest.raises(ShapeError, match=r"\[3, 0\] is not one number"):
        trace_gradient(loss, w, (3, 0))
    with pytest.raises(GradientError, match="single number"):
        trace_gradient(x @ w, w, (0, 0))
    many = Tensor(1.0, requires_grad=True)
    with pytest.raises(GradientError, match="more than 5,000 outputs"):
        trace_gradient((many * np.ones(5100)).sum(), many)


# --- figures


def test_the_figure_shows_the_window_the_weights_and_the_products(tmp_path, fits):
    x, w, b = leaves((1, 9, 9, 1), (3, 3, 1, 2), (2,))
    found = trace(F.conv2d(x, w, b), (0, 4, 5, 1), {"x": x, "w": w, "b": b})
    figure = found.figure("x")
    assert fits(figure)
    whole, value, slope, products = (axes.images[0].get_array() for axes in figure.axes)
    np.testing.assert_allclose(whole, x.data[0, :, :, 0])
    np.testing.assert_allclose(value, x.data[0, 4:7, 5:8, 0])
    np.testing.assert_allclose(slope, w.data[:, :, 0, 1])
    np.testing.assert_allclose(products, value * slope)
    np.testing.assert_array_equal(found.source("w").terms.plane().whole, w.data[:, :, 0, 1])
    (frame,) = figure.axes[0].patches
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((4.5, 3.5), 3, 3)
    assert len(found.figure().axes) == 8  # x and w; of the bias one number matters
    for ending in "png", "svg", "pdf":
        found.figure().save(tmp_path / f"trace.{ending}")
        assert (tmp_path / f"trace.{ending}").stat().st_size > 1000
    with pytest.raises(WriteError, match=r"end in \.png, \.svg or \.pdf"):
        figure.save(tmp_path / "trace.gif")
    assert found.figure()._repr_png_().startswith(b"\x89PNG")


def test_figures_of_a_whole_net_and_of_its_gradients_fit_on_their_paper(fits):
    model = mc.zoo.build("cnn_compact")
    x = Tensor(np.random.default_rng(0).random((2, 28, 28, 1), np.float32), requires_grad=True)
    logits = model(x)
    assert fits(trace(logits, (1, 3), model).figure())
    loss = F.softmax_cross_entropy(logits, np.array([1, 2]))
    found = trace_gradient(loss, model.layers[0].weight, (2, 3, 0, 7), model)
    assert fits(found.figure())
    dead = trace(F.relu(Tensor(np.full((1, 3), -1.0), requires_grad=True)), (0, 0))
    assert fits(dead.figure())
    assert fits(dead.figure("input 1 of relu"))
