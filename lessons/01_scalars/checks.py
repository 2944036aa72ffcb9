"""The exercises of lesson 1."""

from types import SimpleNamespace

import numpy as np

from minicnn.learn import Case, Exercise, draws, value_and_gradients


def draw_two_numbers(rng, size) -> Case:
    a, b, dy = draws.numbers(rng, (3,)) if size < 6 else draws.reals(rng, (3,))
    return {"a": np.array(a), "b": np.array(b), "dy": np.array(dy)}


def draw_graph(rng, size) -> Case:
    """Number k is computed from the numbers in ``inputs[k]``, the last one is the root."""
    if size == 11:  # deeper than Python lets a function call itself
        return {"inputs": [[], *([k] for k in range(3000))], "needs_gradient": [True] * 3001}
    inputs: list[list[int]] = [[], []]
    for k in range(2, 3 + size):
        inputs.append([k - 1, int(rng.integers(0, k))])
    constant = [size > 3 and not ins and bool(rng.integers(0, 2)) for ins in inputs]
    return {"inputs": inputs, "needs_gradient": [not each for each in constant]}


class Recorded(SimpleNamespace):
    """What an order looks at of a Tensor; like one, it is equal to itself only, and fits a set."""

    __eq__, __hash__ = object.__eq__, object.__hash__


def observe_order(function, case) -> dict:
    """Many orders are right: what counts is that each number comes once, after what it needs."""
    tensors = []
    for inputs, needed in zip(case["inputs"], case["needs_gradient"], strict=True):
        node = SimpleNamespace(inputs=[tensors[k] for k in inputs]) if inputs else None
        tensors.append(Recorded(node=node, requires_grad=needed))
    number = {id(tensor): k for k, tensor in enumerate(tensors)}
    given = [*function(tensors[-1])]
    if not all(isinstance(each, Recorded) for each in given):
        raise TypeError("the list must hold tensors and nothing else")
    order = [number[id(tensor)] for tensor in given]
    place = {k: position for position, k in enumerate(order)}
    early = sorted(k for k in place if any(place.get(i, -1) > place[k] for i in case["inputs"][k]))
    return {
        "numbers in the order": np.array(sorted(place)),
        "times that each comes": np.array([order.count(k) for k in sorted(place)]),
        "numbers that come before their inputs": np.array(early, int),
    }


EXERCISES = [
    Exercise(
        "minicnn.tensor:multiply",
        job="return the product, and for each factor the rule that takes dy to its gradient.",
        draw=draw_two_numbers,
        observe=value_and_gradients,
    ),
    Exercise(
        "minicnn.tensor:add",
        job="return the sum, and for each summand the rule that takes dy to its gradient.",
        draw=draw_two_numbers,
        observe=value_and_gradients,
    ),
    Exercise(
        "minicnn.tape:topological_order",
        job="list all recorded tensors behind root, each once and after the ones that it needs.",
        draw=draw_graph,
        observe=observe_order,
    ),
]
