"""The walk prints what `backward` does, and leaves it as it is."""

import numpy as np
import pytest

import minicnn as mc
from minicnn import functional as F
from minicnn.insight.walk import Walk
from minicnn.tape import Step
from minicnn.tensor import Tensor


def test_a_walk_changes_no_gradient_and_sees_every_tensor_once():
    model = mc.zoo.build("cnn_compact", (12, 12, 1), 4)
    images = np.random.default_rng(0).random((3, 12, 12, 1), np.float32)
    expected = []
    for watch in None, Walk(model, pause=False):
        model.zero_grad()
        loss = F.softmax_cross_entropy(model(images), np.array([0, 1, 3]))
        loss.backward(watch=watch)
        expected.append([p.grad for p in model.parameters()])
    for plain, walked in zip(*expected, strict=True):
        np.testing.assert_array_equal(plain, walked)
    assert watch.steps == 7 + len(model.parameters())


def test_the_steps_carry_gradients_in_and_out():
    a, b = Tensor(2.0, requires_grad=True), Tensor(-3.0, requires_grad=True)
    steps: list[Step] = []
    (a * b + a).backward(watch=steps.append)
    seen = [(step.tensor.node.op if step.tensor.node else "leaf", step.dy.item()) for step in steps]
    assert seen[:2] == [("add", 1), ("multiply", 1)]
    assert dict(
        zip([id(s.tensor) for s in steps[2:]], [dy for _, dy in seen[2:]], strict=True)
    ) == {
        id(a): -3 + 1,
        id(b): 2,
    }
    assert [dx.item() for _, dx in steps[1].sent] == [-3, 2]
    assert [step.sent for step in steps[2:]] == [[], []]


def test_the_watcher_is_called_when_the_gradient_is_there():
    a = Tensor([1.0, 2.0], requires_grad=True)
    seen = []
    (a * a).sum().backward(watch=lambda step: seen.append(a.grad is not None))
    assert seen == [False, False, True]


def test_a_gradient_that_adds_to_an_earlier_one_is_said(capsys):
    a = Tensor([1.0], requires_grad=True)
    (a * 3.0).backward()
    (a * 5.0).backward(watch=Walk({"a": a}, pause=False))
    out = capsys.readouterr().out
    assert "added to the .grad of an earlier backward, [3]: now [8]" in out
    assert a.grad.tolist() == [8]


def test_large_arrays_are_told_by_shape_range_and_length(capsys):
    x = Tensor(np.ones((20, 30)), requires_grad=True)
    (x * 2.0).sum().backward(watch=Walk(pause=False))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "step 1  sum (): value 1200"
    assert lines[2] == "    to multiply (20, 30): (20, 30), from 1 to 1, length 24.49"
    assert lines[-1] == "    kept in .grad"


@pytest.mark.parametrize(("keys", "asked"), [(["", "", "", ""], 3), (["", "q"], 2), ([], 1)])
def test_it_waits_for_enter_until_told_to_run_on(keys, asked, monkeypatch, capsys):
    questions = []

    def answer(question: str) -> str:
        questions.append(question)
        if not keys:
            raise EOFError
        return keys.pop(0)

    monkeypatch.setattr("builtins.input", answer)
    a = Tensor(1.0, requires_grad=True)
    F.exp(a * a).backward(watch=Walk(pause=True))
    assert len(questions) == asked
    assert capsys.readouterr().out.count("step ") == 3


def test_nobody_is_asked_where_nobody_sits():
    assert Walk().pause is False
