"""The drawn graph has the tape's tensors and edges, in layers, and fits on its paper."""

import numpy as np
import pytest

import minicnn as mc
from minicnn import functional as F
from minicnn.errors import GradientError, WriteError
from minicnn.insight.graph import draw_graph, tape_graph
from minicnn.insight.layout import layers, places
from minicnn.tape import no_grad
from minicnn.tensor import Tensor


def expression() -> tuple[Tensor, dict[str, Tensor]]:
    a, b = Tensor(2.0, requires_grad=True), Tensor(-1.0, requires_grad=True)
    return F.relu(a * b + a * 3.0), {"a": a, "b": b}


def net_loss(name: str) -> tuple[mc.nn.Sequential, Tensor]:
    model = mc.zoo.build(name)
    images = np.random.default_rng(0).random((4, 28, 28, 1), np.float32)
    loss = F.softmax_cross_entropy(model(images, training=True), np.array([1, 2, 3, 4]))
    return model, loss


# --- the graph


def test_boxes_and_edges_of_an_expression():
    y, names = expression()
    graph = tape_graph(y, names)
    named = [box.name for box in graph.boxes]
    assert sorted(named) == sorted(["a", "b", "multiply", "multiply", "add", "relu"])
    pairs = sorted((named[i], named[j]) for i, j in graph.edges)
    assert pairs == sorted(
        [("a", "multiply"), ("b", "multiply"), ("a", "multiply")]
        + [("multiply", "add")] * 2
        + [("add", "relu")]
    )
    assert all(i < j for i, j in graph.edges)
    assert graph.boxes[named.index("a")].lines == ("value 2",)


def test_gradients_fill_in_step_by_step_and_the_tape_stays():
    y, names = expression()
    for steps in range(7):
        boxes = tape_graph(y, names, gradients=steps).boxes
        assert sum(any("gradient" in line for line in box.lines) for box in boxes) == min(steps, 6)
    boxes = {box.name: box.lines for box in tape_graph(y, names, gradients=None).boxes}
    assert boxes["a"] == ("value 2", "gradient 2")
    assert boxes["b"] == ("value -1", "gradient 2")
    y.backward()
    assert (names["a"].grad, names["b"].grad) == (2, 2)


def test_weights_have_their_names_and_the_picture_is_a_constant():
    model, loss = net_loss("cnn_classic")
    graph = tape_graph(loss, model)
    kinds = {kind: [b.name for b in graph.boxes if b.kind == kind] for kind in ("leaf", "constant")}
    assert sorted(kinds["leaf"]) == sorted(name for name, _ in model.named_tensors())
    assert kinds["constant"] == ["constant"]
    assert ("(3, 3, 32, 64)",) in [b.lines for b in graph.boxes if b.name == "conv2d_1.weight"]


def test_without_a_tape_there_is_no_graph():
    a = Tensor([1.0, 2.0], requires_grad=True)
    with no_grad(), pytest.raises(GradientError, match="no tape"):
        draw_graph(a * 2.0)
    y = (a * 2.0).sum()
    y.backward()
    with pytest.raises(GradientError, match="used up by backward"):
        draw_graph(y)
    with pytest.raises(GradientError, match="single number"):
        draw_graph(a * 2.0, gradients=None)
    long = a
    for _ in range(150):
        long = long * 1.0
    with pytest.raises(GradientError, match="the tape holds 151 tensors"):
        draw_graph(long)


# --- the layout


def test_no_edge_leads_up_and_leaves_stand_right_above_their_first_use():
    y, names = expression()
    graph = tape_graph(y, names)
    depth = layers(len(graph.boxes), graph.edges)
    assert all(depth[i] < depth[j] for i, j in graph.edges)
    assert sorted(depth) == [0, 0, 1, 1, 2, 3]
    assert layers(5, [(0, 1), (1, 2), (2, 4), (3, 4)]) == [0, 1, 2, 2, 3]


def test_boxes_and_passing_edges_of_a_layer_keep_their_distance():
    rng = np.random.default_rng(0)
    for _ in range(20):
        count = int(rng.integers(2, 15))
        edges = sorted({(int(rng.integers(j)), j) for j in range(1, count) for _ in range(2)})
        depth = layers(count, edges)
        columns, passings = places(depth, edges)
        taken = [(depth[i], column) for i, column in enumerate(columns)]
        for (i, _), passing in zip(edges, passings, strict=True):
            taken += [(depth[i] + 1 + k, column) for k, column in enumerate(passing)]
        for layer in set(depth):
            there = np.sort([column for at, column in taken if at == layer])
            assert (np.diff(there) >= 1 - 1e-9).all()
        assert [len(p) for p in passings] == [depth[j] - depth[i] - 1 for i, j in edges]


def test_a_chain_with_weights_beside_it_is_straight():
    edges = [(0, 3), (1, 3), (2, 3), (3, 6), (4, 6), (5, 6), (6, 9), (7, 9), (8, 9)]
    columns, _ = places(layers(10, edges), edges)
    assert np.ptp([columns[i] for i in (3, 6, 9)]) < 0.05


def test_crossings_that_need_not_be_are_taken_out():
    edges = [(0, 3), (1, 2), (0, 3), (3, 5), (2, 4), (5, 6), (4, 6)]
    edges += [(0, 3), (1, 2)]
    columns, _ = places(layers(7, edges), edges)
    assert (columns[0] < columns[1]) == (columns[3] < columns[2]) == (columns[5] < columns[4])


# --- the figure


@pytest.mark.parametrize("name", ["mlp", "cnn_classic"])
def test_a_net_is_drawn_whole_and_no_words_cover_others(name, fits):
    model, loss = net_loss(name)
    figure = draw_graph(loss, names=model, gradients=None)
    assert fits(figure)
    texts = [text.get_window_extent() for text in figure.axes[0].texts]
    graph = tape_graph(loss, model, gradients=None)
    assert len(texts) == sum(1 + len(box.lines) for box in graph.boxes) + 3
    for box in graph.boxes:
        assert box.name in [text.get_text() for text in figure.axes[0].texts]
    for i, one in enumerate(texts):
        for other in texts[:i]:
            assert not (
                one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1
            )


def test_it_is_written_as_the_name_ends(tmp_path, fits):
    y, names = expression()
    figure = draw_graph(y, tmp_path / "graph.svg", names, gradients=3)
    assert fits(figure)
    assert (tmp_path / "graph.svg").read_text().startswith("<?xml")
    draw_graph(y, tmp_path / "graph.png", names)
    assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(WriteError, match="must end in"):
        draw_graph(y, tmp_path / "graph.gif", names)
    with pytest.raises(WriteError, match="cannot be written"):
        draw_graph(y, tmp_path / "nowhere" / "graph.png", names)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["graph.png", "graph.svg"]


def test_a_single_leaf_is_a_graph_too(fits):
    assert fits(draw_graph(Tensor(1.0, requires_grad=True), gradients=None))
